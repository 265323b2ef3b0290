"""Many heads trained at once: each as the training loop trains it alone."""

import pickle

import numpy as np
import pytest

from runs import recipe
from transfer.cross_validation import heads
from transfer.engine.local import Local
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.models import classifier, tensorflow
from transfer.training import loop
from transfer.training.params import TrainTlParams

CLASSES, CHANNELS, VIEWS, SEED = 3, 20, 2, 5
CONSTANT = {"schedule": "constant", "weight_decay": 0.0, "label_smoothing": 0.0, "warmup_epochs": 0}
COSINE = {"schedule": "cosine", "weight_decay": 0.5, "label_smoothing": 0.1, "warmup_epochs": 1}
BALANCED = COSINE | {"class_weights": "balanced"}


@pytest.fixture
def pool(make_pool):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, 50)
    centers = generator.normal(size=(CLASSES, CHANNELS))
    features = centers[labels][:, None] + generator.normal(size=(50, VIEWS, CHANNELS))
    return make_pool(labels, features)


def training(epochs=6, batch_size=8, dropout=0.0, schedule_epochs=None, **changes):
    values = {"epochs": schedule_epochs or epochs, "learning_rate": 0.05, "patience": None} | CONSTANT | changes
    values = recipe(**values).model_dump() | {"dropout": dropout}
    return heads.Training(TrainTlParams(**values), epochs, VIEWS, batch_size)


def train_alone(pool, excluded, how, batch_size, folder):
    """The weights of one head, trained by the training loop on the same batches without the images left out."""
    tensorflow.start(SEED)
    head = classifier.new_head(CHANNELS, CLASSES, 0.0, SEED)

    def epoch_batches(epoch):
        for order in batches.shuffled_order(len(pool), batch_size, SEED, 0, epoch):
            rows = order[~excluded[order]]
            yield [pool.features[rows, epoch % VIEWS]], pool.labels[rows]

    loop.fit(
        head,
        epoch_batches,
        lambda: iter([([pool.features[np.arange(3), 0]], pool.labels[:3])]),
        how.recipe,
        labels=pool.labels[~excluded],
        steps_per_epoch=batches.batches_per_epoch(len(pool), batch_size),
        after_epoch=lambda _: None,
        description="alone",
        state=folder / "alone.npz",
    )
    return head.get_weights()


@pytest.mark.parametrize("changes", [CONSTANT, COSINE, BALANCED])
def test_a_head_that_sees_every_image_is_the_head_of_the_training_loop(pool, tmp_path, changes):
    how = training(**changes)
    kernel, bias = heads.train(pool, np.full(50, -1), 1, how, SEED)
    alone = train_alone(pool, np.zeros(50, bool), how, 8, tmp_path)
    assert np.abs(kernel).max() > 0.2
    np.testing.assert_allclose(kernel, alone[0], atol=2e-6)
    np.testing.assert_allclose(bias, alone[1], atol=2e-6)


@pytest.mark.parametrize("changes", [COSINE, BALANCED])
def test_every_head_is_the_head_that_the_training_loop_makes_without_its_images(pool, tmp_path, changes):
    how, fold = training(**changes), np.arange(50) % 5
    # Each head has class weights of its own.
    rarest = [np.bincount(pool.labels[fold != number]).min() for number in range(5)]
    assert len(set(rarest)) > 1
    kernel, bias = heads.train(pool, fold, 5, how, SEED)
    for number in range(5):
        columns = slice(number * CLASSES, (number + 1) * CLASSES)
        folder = tmp_path / str(number)
        folder.mkdir()
        # 8 images of its own in a step of 10.
        alone = train_alone(pool, fold == number, how, 10, folder)
        np.testing.assert_allclose(kernel[:, columns], alone[0], atol=2e-6)
        np.testing.assert_allclose(bias[columns], alone[1], atol=2e-6)


def test_a_head_does_not_depend_on_the_images_that_it_holds_out(make_pool, pool):
    fold = np.arange(50) % 5
    before = heads.held_out_probabilities(pool, fold, training(dropout=0.2), SEED)[0]
    features = pool.features[np.arange(50), 0][:, None].repeat(VIEWS, axis=1)
    features[:, 1] = pool.features[np.arange(50), 1]
    labels = pool.labels.copy()
    labels[0] = (labels[0] + 1) % CLASSES
    features[0, 1] += 100
    after = heads.held_out_probabilities(make_pool(labels, features), fold, training(dropout=0.2), SEED)[0]
    np.testing.assert_array_equal(before[fold == 0], after[fold == 0])
    assert np.abs(before - after)[fold != 0].max() > 0.01


def test_probabilities_are_those_of_the_image_itself_and_of_the_mean_over_its_views(pool):
    fold = np.arange(50) % 5
    kernel, bias = heads.train(pool, fold, 5, training(), SEED)
    itself, mean = heads.held_out_probabilities(pool, fold, training(), SEED)
    columns = slice(3 * CLASSES, 4 * CLASSES)
    odds = [np.exp(pool.features[np.array([3]), view] @ kernel[:, columns] + bias[columns])[0] for view in range(VIEWS)]
    expected = [of_view / of_view.sum() for of_view in odds]
    np.testing.assert_allclose(itself[3], expected[0], rtol=1e-4)
    np.testing.assert_allclose(mean[3], np.mean(expected, axis=0), rtol=1e-4)


def test_a_loss_that_is_not_a_number_is_an_error(make_pool, pool):
    features = np.full((50, VIEWS, CHANNELS), np.nan)
    with pytest.raises(UserError, match=r"not a finite number: lower train_tl\.learning_rate"):
        heads.held_out_probabilities(make_pool(pool.labels, features), np.arange(50) % 5, training(), SEED)


def test_dropout_and_the_order_follow_from_the_seed(pool):
    fold = np.arange(50) % 5
    first, again, other = (
        heads.held_out_probabilities(pool, fold, training(dropout=0.5), seed)[0] for seed in (SEED, SEED, SEED + 1)
    )
    without = heads.held_out_probabilities(pool, fold, training(), SEED)[0]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01 and np.abs(first - without).max() > 0.01


def test_heads_are_trained_on_the_images_of_the_part_alone(make_pool, pool):
    fold, part = np.arange(50) % 5, np.arange(25)
    of_part = heads.held_out_probabilities(pool, fold, training(), SEED, part)[0]
    features = np.stack([pool.features[part, view] for view in range(VIEWS)], axis=1)
    alone = heads.held_out_probabilities(make_pool(pool.labels[part], features), fold[part], training(), SEED)[0]
    np.testing.assert_allclose(of_part[part], alone, atol=1e-6)


def test_fewer_epochs_follow_the_schedule_of_all_epochs(pool, tmp_path):
    long, short = training(**COSINE), training(epochs=3, schedule_epochs=6, **COSINE)
    kernel, _ = heads.train(pool, np.full(50, -1), 1, short, SEED)
    whole, _ = heads.train(pool, np.full(50, -1), 1, long, SEED)
    shorter, _ = heads.train(pool, np.full(50, -1), 1, training(epochs=3, **COSINE), SEED)
    assert min(np.abs(kernel - whole).max(), np.abs(kernel - shorter).max()) > 0.01


def test_repeats_are_what_each_of_them_is_alone_also_in_another_process(pool):
    folds = np.stack([np.arange(50) % 5, np.arange(50) // 10])
    parts = {(0, 2): np.arange(0, 50, 2), (0, 1): np.arange(50), (1, 1): np.arange(50)}
    repeats = heads.Repeats(pool, folds, parts, training(dropout=0.2), SEED)
    results = dict(repeats.run(Local()))
    assert list(results) == list(parts)
    for (repeat, divisor), arrays in results.items():
        rows = parts[repeat, divisor]
        alone = heads.held_out_probabilities(pool, folds[repeat], training(dropout=0.2), SEED + repeat, rows)
        assert [array.tobytes() for array in arrays] == [array.tobytes() for array in alone]
    loader, attributes = repeats.__reduce__()
    assert loader is heads.load_repeats
    copied = pickle.loads(pickle.dumps(attributes[0].features))  # noqa: S301 - its own bytes
    for view in range(VIEWS):
        np.testing.assert_array_equal(copied[np.arange(50), view], pool.features[np.arange(50), view])
