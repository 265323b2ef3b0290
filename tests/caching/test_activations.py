"""Activations: frozen layers run once, and the batches are bit for bit those of running them in every epoch."""

import shutil
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from networks import lively
from runs import recipe
from transfer.caching import activations, scratch, state_file
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split
from transfer.models import classifier
from transfer.training import loop

TRAIN_IMAGES, VALIDATION_IMAGES, BATCH = 10, 5, 4
# The tensors at cut 20 of MobileNetV2 with images of 32 pixels: the narrow output of a block, and six times as wide.
NARROW, WIDE = 8 * 8 * 24, 8 * 8 * 24 * 6
FOLDER = Path("activations")


def random_split(images, seed):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (images, 32, 32, 3), np.uint8)
    digests = [f"{number:016x}" for number in generator.integers(0, 2**62, images)]
    return Split(pixels, np.arange(images) % 3, [""] * images, digests, ["a", "b", "c"])


TRAIN, VALIDATION = random_split(TRAIN_IMAGES, 1), random_split(VALIDATION_IMAGES, 2)


@pytest.fixture(autouse=True)
def _scratch_folder(_empty_folder):
    scratch.SCRATCH.mkdir()


@pytest.fixture(scope="module")
def backbone():
    return lively(TRAIN.images)


class CountingLayers:
    """Frozen layers that count the images they run on.

    They always run on a full batch, because rounding may depend on the number of images.
    """

    def __init__(self, frozen):
        self.frozen, self.layers, self.outputs, self.views = frozen, frozen.layers, frozen.outputs, frozen.views
        self.images = 0

    @cached_property
    def one_view(self):
        return self if self.views == 1 else CountingLayers(self.frozen.one_view)

    def __call__(self, images):
        self.images += len(images)
        return [tensor[: len(images)] for tensor in self.frozen(batches.pad_batch(images, BATCH))]


def cut(backbone, layers):
    return CountingLayers(backbone.cut(layers)[0])


def augmentation(views):
    return Augmentation("horizontal", 0.2, views, 1)


def cached(frozen, views=3, number=1):
    """The batches of one training, from cached activations."""
    return activations.cached_activations(frozen, TRAIN, VALIDATION, augmentation(views), BATCH, FOLDER, number)


def training_from_images(frozen, views=3, number=1):
    return batches.training_from_images(frozen, TRAIN, augmentation(views), BATCH, number)


def validation_from_images(frozen):
    return batches.validation_from_images(frozen, VALIDATION, BATCH)


def sizes_on_disk():
    """The bytes of each array that is on disk now."""
    return {path.stem: np.load(path).nbytes for path in FOLDER.glob("*.npy")}


def assert_same_batches(actual, expected):
    """Two epochs are the same bit for bit."""
    actual, expected = list(actual), list(expected)
    assert len(actual) == len(expected)
    for (tensors, labels), (others, other_labels) in zip(actual, expected, strict=True):
        assert [(tensor.shape, tensor.dtype) for tensor in tensors] == [(other.shape, other.dtype) for other in others]
        assert [tensor.tobytes() for tensor in tensors] == [other.tobytes() for other in others]
        np.testing.assert_array_equal(labels, other_labels)


@pytest.mark.parametrize(("layers", "tensors"), [(0, 1), (1, 1), (20, 2), (153, 1)])
def test_an_epoch_has_the_same_batches_as_with_the_frozen_layers_in_the_loop(backbone, layers, tensors):
    frozen = cut(backbone, layers)
    assert len(frozen.outputs) == tensors
    with cached(frozen) as (training_batches, validation_batches):
        for epoch in range(5):
            assert_same_batches(training_batches(epoch), training_from_images(frozen)(epoch))
        for _ in range(2):
            assert_same_batches(validation_batches(), validation_from_images(frozen)())


def test_views_and_order_depend_on_the_number_of_the_training(backbone):
    frozen = cut(backbone, 20)
    with cached(frozen, number=2) as (training_batches, _):
        assert_same_batches(training_batches(1), training_from_images(frozen, number=2)(1))
        trainings = training_batches, training_from_images(frozen)
        orders = [[label for _, labels in training(1) for label in labels] for training in trainings]
    assert orders[0] != orders[1]


def test_frozen_layers_run_once_for_each_view_whatever_the_number_of_epochs(backbone):
    frozen = cut(backbone, 20)
    with cached(frozen) as (training_batches, validation_batches):
        for epoch in range(7):
            list(training_batches(epoch))
            list(validation_batches())
    # Three views of ten images, and one of five images: 35 views in batches of four, of which the last one is padded.
    assert frozen.images == 36


def test_activations_take_the_announced_bytes_and_are_removed_at_the_end(backbone):
    frozen = cut(backbone, 20)
    with cached(frozen) as (training_batches, _):
        assert not FOLDER.exists() and frozen.images == 0
        next(training_batches(0))
        assert sizes_on_disk() == {
            "train-0": 10 * 3 * NARROW * 4,
            "train-1": 10 * 3 * WIDE * 4,
            "validation-0": 5 * NARROW * 4,
            "validation-1": 5 * WIDE * 4,
        }
        announced = activations.activation_bytes(frozen, 10 * 3 + 5)
        assert announced == sum(sizes_on_disk().values()) == 35 * (NARROW + WIDE) * 4
    assert not FOLDER.exists()


@pytest.mark.parametrize("completed", [0, 1, 2, 4, 8])
def test_an_interrupted_computation_is_continued(backbone, completed, monkeypatch):
    frozen = cut(backbone, 20)

    def interrupted(images):
        if frozen.images == BATCH * completed:
            raise KeyboardInterrupt
        return frozen(images)

    attributes = {"layers": frozen.layers, "outputs": frozen.outputs, "views": 1}
    interruption = type("Interruption", (), {**attributes, "__call__": lambda self, images: interrupted(images)})()
    interruption.one_view = interruption
    # Every batch is recorded at once: test_completed_batches tests how much a process may lose.
    monkeypatch.setattr(state_file, "MAX_LOSS", -1)
    # There are nine batches: the second one has views of both splits.
    with pytest.raises(KeyboardInterrupt), cached(interruption) as (training_batches, _):
        next(training_batches(0))
    assert frozen.images == BATCH * completed
    with cached(frozen) as (training_batches, validation_batches):
        for epoch in range(3):
            assert_same_batches(training_batches(epoch), training_from_images(cut(backbone, 20))(epoch))
        assert_same_batches(validation_batches(), validation_from_images(cut(backbone, 20))())
    assert frozen.images == BATCH * 9


def test_activations_in_bfloat16_are_kept_in_bfloat16():
    frozen = cut(lively(TRAIN.images, "bfloat16"), 20)
    with cached(frozen) as (training_batches, validation_batches):
        next(validation_batches())
        assert activations.activation_bytes(frozen, 35) == sum(sizes_on_disk().values()) == 35 * (NARROW + WIDE) * 2
        assert {tensor.dtype.name for tensors, _ in training_batches(0) for tensor in tensors} == {"bfloat16"}
        assert_same_batches(training_batches(4), training_from_images(frozen)(4))
        assert_same_batches(validation_batches(), validation_from_images(frozen)())


def test_without_cached_views_no_training_activations_are_kept(backbone):
    frozen = cut(backbone, 20)
    with cached(frozen, views=0, number=2) as (training_batches, validation_batches):
        next(validation_batches())
        assert sizes_on_disk() == {"validation-0": 5 * NARROW * 4, "validation-1": 5 * WIDE * 4}
        for epoch in (0, 3):
            assert_same_batches(training_batches(epoch), training_from_images(frozen, 0, 2)(epoch))
        assert_same_batches(validation_batches(), validation_from_images(frozen)())


def test_without_frozen_layers_no_activations_are_kept(backbone):
    with cached(cut(backbone, 0)) as (training_batches, validation_batches):
        next(training_batches(0))
        next(validation_batches())
        assert not FOLDER.exists()


@pytest.mark.parametrize("layers", [0, 20])
def test_validation_sees_all_orientations_of_an_image_and_training_one(backbone, layers):
    frozen = CountingLayers(replace(backbone, views=2).cut(layers)[0])
    with cached(frozen) as (training_batches, validation_batches):
        assert_same_batches(training_batches(1), training_from_images(frozen.one_view)(1))
        # An image counts as two: batches of four have two images.
        expected = batches.validation_from_images(frozen, VALIDATION, BATCH // 2)
        assert_same_batches(validation_batches(), expected())
        assert [len(labels) for _, labels in validation_batches()] == [2, 2, 1]
        shapes = [tensor.shape[1:] for tensor in next(validation_batches())[0]]
        assert shapes == [(2, *shape) for shape, _ in backbone.cut(layers)[0].outputs]
        if layers:
            assert sum(sizes_on_disk().values()) == (10 * 3 + 5 * 2) * (NARROW + WIDE) * 4


def test_the_disk_has_room_for_all_orientations_of_validation(backbone, monkeypatch):
    frozen = CountingLayers(replace(backbone, views=2).cut(20)[0])
    needed = (10 * 3 + 5 * 2) * (NARROW + WIDE) * 4
    data = TRAIN, VALIDATION, augmentation(3), Path()
    set_free_space(monkeypatch, needed)
    activations.check_round_space([frozen], *data)
    set_free_space(monkeypatch, needed - 1)
    with pytest.raises(UserError, match="activations of 20 frozen layers needs"):
        activations.check_round_space([frozen], *data)


def set_free_space(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


def test_a_disk_that_is_too_small_is_reported_before_anything_is_computed(backbone, monkeypatch):
    frozen = cut(backbone, 20)
    needed = 35 * (NARROW + WIDE) * 4
    set_free_space(monkeypatch, needed - 1)
    message = r"activations of 20 frozen layers needs 1\.5 MB of disk space, but 1\.5 MB are free: .* augment\.views"
    with pytest.raises(UserError, match=message), cached(frozen) as (training_batches, _):
        next(training_batches(0))
    assert frozen.images == 0
    assert sizes_on_disk() == {}
    set_free_space(monkeypatch, needed)
    with pytest.raises(KeyboardInterrupt), cached(frozen) as (training_batches, _):
        next(training_batches(0))
        raise KeyboardInterrupt
    # Activations that are on disk already need no space.
    set_free_space(monkeypatch, 0)
    with cached(frozen) as (training_batches, _):
        next(training_batches(0))


def test_the_space_of_the_largest_training_is_checked_before_the_first(backbone, monkeypatch):
    cuts = [cut(backbone, layers) for layers in (153, 20, 0)]
    needed = 35 * (NARROW + WIDE) * 4
    data = TRAIN, VALIDATION, augmentation(3), Path()
    set_free_space(monkeypatch, needed - 1)
    with pytest.raises(UserError, match="activations of 20 frozen layers needs"):
        activations.check_round_space(cuts, *data)
    set_free_space(monkeypatch, needed)
    activations.check_round_space(cuts, *data)
    # The activations of an interrupted training are removed before the next training begins.
    FOLDER.mkdir()
    np.save(FOLDER / "train-0.npy", np.zeros(1000, np.uint8))
    on_disk = (FOLDER / "train-0.npy").stat().st_size
    set_free_space(monkeypatch, needed - on_disk)
    activations.check_round_space(cuts, *data)
    activations.check_round_space(cuts[2:], *data)
    # The states of two trainings, and the larger one twice while it is replaced.
    set_free_space(monkeypatch, needed - on_disk + 2 * 5000 + 3000 - 1)
    with pytest.raises(UserError, match="20 frozen layers and the trainings' state needs"):
        activations.check_round_space(cuts, *data, [5000, 3000])
    set_free_space(monkeypatch, 2 * 5000 - on_disk - 1)
    with pytest.raises(UserError, match="keeping the trainings' state needs"):
        activations.check_round_space(cuts[2:], *data, [5000])
    assert all(frozen.images == 0 for frozen in cuts)


def test_activations_that_differ_from_their_record_are_computed_again(backbone):
    frozen = cut(backbone, 20)
    with pytest.raises(KeyboardInterrupt), cached(frozen) as (training_batches, _):
        next(training_batches(0))
        raise KeyboardInterrupt
    damaged = np.load(FOLDER / "train-1.npy", mmap_mode="r+")
    damaged[5, 2] = 7
    damaged.flush()
    before = frozen.images
    with cached(frozen) as (training_batches, validation_batches):
        for epoch in range(3):
            assert_same_batches(training_batches(epoch), training_from_images(cut(backbone, 20))(epoch))
        assert_same_batches(validation_batches(), validation_from_images(cut(backbone, 20))())
    assert frozen.images - before == BATCH


def test_a_training_gives_the_same_weights_as_with_the_frozen_layers_in_the_loop(tmp_path):
    def train(batches_of, state):
        backbone = lively(TRAIN.images)
        frozen, rest = backbone.cut(140)
        tail = classifier.Tail(rest, classifier.new_head(backbone.channels, 3, 0.2, seed=0))
        before = [variable.numpy() for variable in tail.trainable_variables]
        changes = {
            "learning_rate": 0.01,
            "schedule": "cosine",
            "warmup_epochs": 1,
            "weight_decay": 0.1,
            "patience": None,
        }
        with batches_of(CountingLayers(frozen)) as (training_batches, validation_batches):
            fit = loop.fit(
                tail,
                training_batches,
                validation_batches,
                recipe(epochs=4, label_smoothing=0.1, **changes),
                labels=TRAIN.labels,
                steps_per_epoch=batches.batches_per_epoch(TRAIN_IMAGES, BATCH),
                after_epoch=lambda epoch: None,
                description="test",
                state=tmp_path / state,
            )
        after = [variable.numpy() for variable in tail.trainable_variables]
        assert not any(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
        return fit.epochs, [value.tobytes() for value in after]

    def in_the_loop(frozen):
        return nullcontext((training_from_images(frozen), validation_from_images(frozen)))

    assert train(cached, "cached.npz") == train(in_the_loop, "in_the_loop.npz")
