"""The training loop, its rates and early stopping, against values worked out by hand and Keras' own callback."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.models.tensorflow import keras

from runs import recipe
from transfer.training.early_stopping import EarlyStopping
from transfer.training.history import Epoch
from transfer.training.loop import fit
from transfer.training.loop import trainable_parameters
from transfer.training.optimizer import make_optimizer
from transfer.training.state import state_bytes


@pytest.mark.parametrize(
    ("values", "last", "best"),
    [
        ([0.5, 0.6, 0.7, 0.8], 3, 3),
        ([0.5, 0.7, 0.6, 0.65, 0.9], 3, 1),
        # A gain of exactly min_delta is none, but it does not become the bar for the next one either
        ([0.5, 0.501, 0.5015, 0.9], 3, 3),
        ([0.5, 0.501, 0.501, 0.9], 2, 0),
        ([0.7, 0.6, 0.71, 0.6, 0.6, 0.9], 4, 2),
    ],
)
def test_early_stopping_ends_and_remembers_as_worked_out_by_hand(values, last, best):
    stopping = EarlyStopping(patience=2, min_delta=0.001)
    for epoch, value in enumerate(values):
        stopping.improves(epoch, value)
        if stopping.stops:
            break
    assert (epoch, stopping.best_epoch) == (last, best)


def test_early_stopping_agrees_with_keras_on_random_courses():
    chance = np.random.default_rng(0)
    for _ in range(200):
        values = chance.integers(0, 12, size=12) / 12
        patience = int(chance.integers(1, 4))
        theirs = keras.callbacks.EarlyStopping("x", patience=patience, min_delta=0.05, mode="max")
        theirs.set_model(SimpleNamespace(stop_training=False, get_weights=list, set_weights=len))
        theirs.on_train_begin()
        ours = EarlyStopping(patience, 0.05)
        for epoch, value in enumerate(values):
            theirs.on_epoch_end(epoch, {"x": value})
            ours.improves(epoch, value)
            assert ours.stops == bool(theirs.model.stop_training)
            if ours.stops:
                break
        assert ours.best == theirs.best


def test_without_patience_nothing_stops_and_the_last_epoch_is_the_best():
    stopping = EarlyStopping(patience=None, min_delta=0.001)
    for epoch, value in enumerate([0.9, 0.1, 0.1, 0.1, 0.05]):
        assert stopping.improves(epoch, value)
        assert not stopping.stops
    assert (stopping.best_epoch, stopping.best) == (4, 0.05)


def small_model(weight=0.0):
    """One input, two classes; the odds of class 1 over class 0 are exp(2 x weight)."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
    model.layers[0].kernel.assign([[-weight, weight]])
    return model


def batch(value, labels):
    """A batch of one input, the same for all of its images, as `transfer.batches` gives it."""
    return [np.full((len(labels), 1), value)], np.array(labels)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def trained(model, training, validation, **changes):
    seen: list[Epoch] = []
    result = fit(
        model,
        lambda epoch: iter(training),
        lambda: iter(validation),
        recipe(**changes),
        steps_per_epoch=len(training),
        after_epoch=seen.append,
        description="test",
        state=Path("training.npz"),
    )
    return result, seen


def test_loss_and_accuracy_are_means_over_images_not_over_batches():
    # With the weight at 1/2, x = 1 gives odds of e for class 1: right with e / (1 + e), wrong with 1 / (1 + e)
    right, wrong = -np.log(np.e / (1 + np.e)), -np.log(1 / (1 + np.e))
    three, one = batch(1, [1, 1, 1]), batch(1, [0])
    result, seen = trained(small_model(0.5), [three, one], [one, three])
    assert seen == result.epochs
    for logs in (result.best.train, result.best.validation):
        assert logs["accuracy"] == pytest.approx(3 / 4)
        assert logs["loss"] == pytest.approx((3 * right + wrong) / 4, rel=1e-4)


def going_astray(**changes):
    """Training pushes towards class 1, validation holds class 0: every epoch is worse than the one before."""
    model = small_model(-0.06)
    result, _ = trained(model, [batch(1, [1] * 4)], [batch(1, [0] * 4)], epochs=9, learning_rate=0.05, **changes)
    return result, model.layers[0].kernel.numpy().ravel()


def test_the_weights_of_the_best_epoch_come_back():
    result, weights = going_astray(patience=2)
    assert [epoch.validation["accuracy"] for epoch in result.epochs] == [1, 0, 0]
    # Adam's first step is the learning rate itself: -0.06 + 0.05 is what the first epoch ended with
    assert weights == pytest.approx([0.01, -0.01], abs=1e-5)
    assert result.metrics()["best_epoch"] == 1 and result.metrics()["epochs"] == 3


def test_without_patience_the_weights_of_the_last_epoch_stay():
    result, weights = going_astray(patience=None)
    assert [epoch.validation["accuracy"] for epoch in result.epochs] == [1, *[0] * 8]
    assert result.metrics()["best_epoch"] == result.metrics()["epochs"] == 9
    assert result.best is result.epochs[-1]
    # The loss that is told is the one of these very weights, whose odds for class 0 are exp(first - second)
    odds = math.exp(weights[0] - weights[1])
    assert result.best.validation["loss"] == pytest.approx(math.log(1 + 1 / odds), rel=1e-5)
    # Nine steps of Adam in one direction, none longer than the rate but for the rounding
    assert 0.3 < weights[1] <= -0.06 + 9 * 0.05 + 1e-5


def with_dropout():
    """A model that draws, and an input for it that changes with the epoch."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5, seed=1), layers.Dense(3, activation="softmax")])
    kernel = model.layers[-1].kernel
    kernel.assign(np.random.default_rng(1).normal(size=kernel.shape))

    def training(epoch):
        chance = np.random.default_rng(epoch)
        return iter([([chance.normal(size=(4, 6))], chance.integers(0, 3, 4)) for _ in range(2)])

    chance = np.random.default_rng(100)
    validation = [([chance.normal(size=(9, 6))], chance.integers(0, 3, 9))]
    return model, training, lambda: iter(validation)


def run_until(broken_after, state, **changes):
    """Train, broken off after an epoch; the weights, what was told, and what was heard of."""
    model, training, validation = with_dropout()
    heard = []

    def after_epoch(epoch):
        heard.append(epoch)
        if epoch.number == broken_after:
            raise KeyboardInterrupt

    given = recipe(epochs=8, learning_rate=0.3, schedule="cosine", warmup_epochs=1, weight_decay=0.1, **changes)
    try:
        result = fit(
            model,
            training,
            validation,
            given,
            steps_per_epoch=2,
            after_epoch=after_epoch,
            description="test",
            state=state,
        )
    except KeyboardInterrupt:
        return None
    return [value.numpy().tobytes() for value in model.variables], result, heard


@pytest.mark.parametrize("patience", [None, 3])
@pytest.mark.parametrize("broken_after", [0, 1, 4, 6, 7])
def test_a_training_that_was_broken_off_ends_as_if_it_had_not_been(patience, broken_after, tmp_path, monkeypatch):
    # Kept after every epoch: when it is time to is another module's test
    monkeypatch.setattr(resume, "LOSS", -1)
    whole = run_until(None, tmp_path / "whole.npz", patience=patience)
    epochs = len(whole[1].epochs)
    # With patience the best is an epoch before the last: its weights have to be kept too
    assert whole[1].best_epoch == epochs - 1 - (patience or 0)
    again = run_until(broken_after, tmp_path / "broken.npz", patience=patience)
    if broken_after < epochs:
        assert again is None
        again = run_until(None, tmp_path / "broken.npz", patience=patience)
    assert again == whole


def test_only_the_epochs_that_were_not_kept_are_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "LOSS", -1)
    trained_epochs = []
    model, training, validation = with_dropout()

    def counted(epoch):
        trained_epochs.append(epoch)
        return training(epoch)

    run_until(4, tmp_path / "state.npz", patience=None)
    given = recipe(epochs=8, learning_rate=0.3, schedule="cosine", warmup_epochs=1, weight_decay=0.1, patience=None)
    about = {"steps_per_epoch": 2, "description": "test", "state": tmp_path / "state.npz"}
    heard = []
    fit(model, counted, validation, given, after_epoch=heard.append, **about)
    # The fifth epoch was broken off before it was kept
    assert trained_epochs == [4, 5, 6, 7]
    assert [epoch.number for epoch in heard] == list(range(8))
    # A training that has ended is not trained again at all
    fit(with_dropout()[0], counted, validation, given, after_epoch=heard.append, **about)
    assert trained_epochs == [4, 5, 6, 7] and len(heard) == 16


def test_a_damaged_state_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "LOSS", -1)
    whole = run_until(None, tmp_path / "whole.npz", patience=None)
    run_until(4, tmp_path / "state.npz", patience=None)
    (tmp_path / "state.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:-100])
    assert run_until(None, tmp_path / "state.npz", patience=None) == whole


def test_a_state_takes_no_more_disk_than_is_asked_for(tmp_path):
    images, labels = np.zeros((2, 1000), np.float32), np.array([0, 1])
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(100, activation="softmax")])
    given = recipe(epochs=1, patience=1)
    batches_of = [([images], labels)]
    about = {"steps_per_epoch": 1, "description": "test", "state": tmp_path / "state.npz"}
    fit(model, lambda epoch: batches_of, lambda: batches_of, given, after_epoch=lambda epoch: None, **about)
    expected = state_bytes(1000 * 100 + 100)
    # The archive's own bytes, one file an array, are beside it
    assert 0.99 * expected < (tmp_path / "state.npz").stat().st_size < 1.01 * expected


def test_a_loss_that_is_no_number_stops_with_a_sentence():
    with pytest.raises(UserError, match="no number after epoch 1"):
        trained(small_model(), [batch(np.nan, [0])], [batch(1, [0])])


def rates(given, steps_per_epoch, steps):
    """The learning rate at each of the first steps."""
    adam = make_optimizer(given, steps_per_epoch)
    found = []
    for step in range(steps):
        adam.iterations.assign(step)
        found.append(float(adam.learning_rate))
    return found


# Half of 1 + the cosine of 0, 30, 60 ... 180 degrees, and of 0, 45 ... 180
SIXTHS = [1, (2 + math.sqrt(3)) / 4, 3 / 4, 1 / 2, 1 / 4, (2 - math.sqrt(3)) / 4, 0]
QUARTERS = [1, (2 + math.sqrt(2)) / 4, 1 / 2, (2 - math.sqrt(2)) / 4, 0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epochs": 2}, QUARTERS),
        # Two steps of warm-up from zero, then six down to zero again, and never below it
        ({"epochs": 4, "warmup_epochs": 1}, [0, 1 / 2, *SIXTHS, 0, 0]),
        # A warm-up as long as the training or longer leaves the last epoch to the cosine
        ({"epochs": 2, "warmup_epochs": 5}, [0, 1 / 2, 1, 1 / 2, 0]),
        ({"epochs": 1, "warmup_epochs": 2}, [1, 1 / 2, 0]),
    ],
)
def test_a_cosine_schedule_has_the_rates_worked_out_by_hand(changes, expected):
    found = rates(recipe(schedule="cosine", learning_rate=0.8, **changes), 2, len(expected))
    assert found == pytest.approx([0.8 * share for share in expected], abs=1e-7)


def test_a_constant_schedule_knows_neither_warm_up_nor_end():
    assert rates(recipe(epochs=2, warmup_epochs=1, learning_rate=0.5), 2, 9) == [0.5] * 9


def test_a_training_goes_through_its_whole_schedule():
    # Where the input is nought, so is the gradient, and a kernel changes by its decay alone: it tells the rates
    model = small_model(1.0)
    training = [batch(0, [1])] * 2
    trained(
        model,
        training,
        [batch(0, [1])],
        epochs=2,
        schedule="cosine",
        learning_rate=0.5,
        weight_decay=0.2,
        patience=None,
    )
    expected = math.prod(1 - 0.2 * 0.5 * share for share in QUARTERS[:4])
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([-expected, expected], rel=1e-5)


@pytest.mark.parametrize(("decay", "left"), [(0.3, 1 - 0.1 * 0.3), (0.0, 1.0)])
def test_weight_decay_shrinks_kernels_and_nothing_else(decay, left):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.Conv2D(2, 1),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2),
            layers.SeparableConv2D(2, 2),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 2.0))
    adam = make_optimizer(recipe(learning_rate=0.1, weight_decay=decay), 1)
    adam.apply(
        [np.zeros(variable.shape, np.float32) for variable in model.trainable_variables], model.trainable_variables
    )
    kernels = {"kernel", "depthwise_kernel", "pointwise_kernel"}
    assert {variable.name for variable in model.trainable_variables} == kernels | {"bias", "gamma", "beta"}
    for variable in model.trainable_variables:
        expected = 2 * left if variable.name in kernels else 2
        assert variable.numpy() == pytest.approx(np.full(variable.shape, expected), rel=1e-6), variable.path


@pytest.mark.parametrize(("smoothing", "weight"), [(0.0, 1.05), (0.5, 0.95)])
def test_smoothed_labels_are_trained_on_but_not_told_of(smoothing, weight):
    # The model gives class 1 e^2 / (1 + e^2) = 0.88: less than the label's 1, more than the smoothed label's 0.75
    model = small_model(1.0)
    result, _ = trained(model, [batch(1, [1])], [batch(1, [1, 0])], learning_rate=0.05, label_smoothing=smoothing)
    assert result.best.train["loss"] == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)
    # Adam's first step is the learning rate itself
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([-weight, weight], abs=1e-5)
    right, wrong = math.log(1 + math.exp(-2 * weight)), math.log(1 + math.exp(2 * weight))
    assert result.best.validation["loss"] == pytest.approx((right + wrong) / 2, rel=1e-4)


def test_parameters_counts_only_what_is_trained():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    assert trainable_parameters(model) == 5 * 3 + 3 + 2 * 3
