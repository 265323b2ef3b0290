"""The frozen layers run once: what comes out of the cut is, bit for bit, what running them in every epoch gives."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.loading.prepared import Split
from transfer.loading.augmentation import Augmentation

from networks import lively
from runs import recipe
from transfer.caching import activations
from transfer.caching import scratch
from transfer.loading import batches
from transfer.models import classifier
from transfer.training import loop

IMAGES, UNSEEN, BATCH = 10, 5, 4
# What cut 20 of MobileNetV2 passes at 32 pixels: a block's narrow output, and the same made six times as wide
NARROW, WIDE = 8 * 8 * 24, 8 * 8 * 24 * 6


def split_of(images, seed):
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (images, 32, 32, 3), np.uint8)
    digests = [f"{number:016x}" for number in chance.integers(0, 2**62, images)]
    return Split(pixels, np.arange(images) % 3, [""] * images, digests, ["a", "b", "c"])


TRAIN, VALIDATION = split_of(IMAGES, 1), split_of(UNSEEN, 2)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scratch.FOLDER.mkdir()


@pytest.fixture(scope="module")
def backbone():
    return lively(TRAIN.images)


class Counted:
    """Frozen layers that count the images they are given.

    They always run on a whole batch: how a processor rounds may depend on how many images it has at once.
    """

    def __init__(self, frozen):
        self.frozen, self.layers, self.outputs, self.images = frozen, frozen.layers, frozen.outputs, 0

    def __call__(self, images):
        self.images += len(images)
        return [tensor[: len(images)] for tensor in self.frozen(batches.pad_batch(images, BATCH))]


def cut(backbone, layers):
    return Counted(backbone.cut(layers)[0])


def augmentation(cached):
    return Augmentation("horizontal", 0.2, cached, 1)


FOLDER = Path("kept")


def once(frozen, cached=3, number=1):
    return activations.cached_activations(frozen, TRAIN, VALIDATION, augmentation(cached), BATCH, FOLDER, number)


def drawn(frozen, cached=3, number=1):
    return batches.training_from_images(frozen, TRAIN, augmentation(cached), BATCH, number)


def plain(frozen):
    return batches.validation_from_images(frozen, VALIDATION, BATCH)


def kept():
    """What is kept on disk now: the bytes of each array by its name."""
    return {path.stem: np.load(path).nbytes for path in FOLDER.glob("*.npy")}


def assert_same(found, expected):
    """Two epochs are the same in every bit."""
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for (tensors, labels), (others, other_labels) in zip(found, expected, strict=True):
        assert [(tensor.shape, tensor.dtype) for tensor in tensors] == [(other.shape, other.dtype) for other in others]
        assert [tensor.tobytes() for tensor in tensors] == [other.tobytes() for other in others]
        np.testing.assert_array_equal(labels, other_labels)


@pytest.mark.parametrize(("layers", "tensors"), [(0, 1), (1, 1), (20, 2), (153, 1)])
def test_an_epoch_is_the_same_as_with_the_frozen_layers_in_the_loop(backbone, layers, tensors):
    frozen = cut(backbone, layers)
    assert len(frozen.outputs) == tensors
    with once(frozen) as (training_batches, validation_batches):
        for epoch in range(5):
            assert_same(training_batches(epoch), drawn(frozen)(epoch))
        for _ in range(2):
            assert_same(validation_batches(), plain(frozen)())


def test_the_views_and_the_order_are_those_of_this_training(backbone):
    frozen = cut(backbone, 20)
    with once(frozen, number=2) as (training_batches, _):
        assert_same(training_batches(1), drawn(frozen, number=2)(1))
        orders = [[label for _, labels in epoch(1) for label in labels] for epoch in (training_batches, drawn(frozen))]
    assert orders[0] != orders[1]


def test_the_frozen_layers_run_once_for_each_view_however_many_epochs_there_are(backbone):
    frozen = cut(backbone, 20)
    with once(frozen) as (training_batches, validation_batches):
        for epoch in range(7):
            list(training_batches(epoch))
            list(validation_batches())
    # Three views of ten images, and five images once, in batches of four that are filled up
    assert frozen.images == 3 * 12 + 8


def test_what_is_kept_takes_the_bytes_that_were_said_and_goes_in_the_end(backbone):
    frozen = cut(backbone, 20)
    with once(frozen) as (training_batches, _):
        assert not FOLDER.exists() and frozen.images == 0
        next(training_batches(0))
        assert kept() == {
            "train-0": 10 * 3 * NARROW * 4,
            "train-1": 10 * 3 * WIDE * 4,
            "validation-0": 5 * NARROW * 4,
            "validation-1": 5 * WIDE * 4,
        }
        assert activations.activation_bytes(frozen, 10 * 3 + 5) == sum(kept().values()) == 35 * (NARROW + WIDE) * 4
    assert not FOLDER.exists()


@pytest.mark.parametrize("batches_done", [0, 1, 3, 4, 9])
def test_what_was_broken_off_is_gone_on_with(backbone, batches_done, monkeypatch):
    frozen = cut(backbone, 20)

    def broken(images):
        if frozen.images == BATCH * batches_done:
            raise KeyboardInterrupt
        return frozen(images)

    attributes = {"layers": frozen.layers, "outputs": frozen.outputs}
    breaking = type("Breaking", (), {**attributes, "__call__": lambda self, images: broken(images)})()
    # Noted as each is done: how much a process loses is another module's test
    monkeypatch.setattr(resume, "LOSS", -1)
    # Two batches of validation, then three for each of three views
    with pytest.raises(KeyboardInterrupt), once(breaking) as (training_batches, _):
        next(training_batches(0))
    assert frozen.images == BATCH * batches_done
    with once(frozen) as (training_batches, validation_batches):
        for epoch in range(3):
            assert_same(training_batches(epoch), drawn(cut(backbone, 20))(epoch))
        assert_same(validation_batches(), plain(cut(backbone, 20))())
    assert frozen.images == BATCH * 11


def test_in_bfloat16_what_is_kept_is_bfloat16():
    frozen = cut(lively(TRAIN.images, "bfloat16"), 20)
    with once(frozen) as (training_batches, validation_batches):
        next(validation_batches())
        assert activations.activation_bytes(frozen, 35) == sum(kept().values()) == 35 * (NARROW + WIDE) * 2
        assert {tensor.dtype.name for tensors, _ in training_batches(0) for tensor in tensors} == {"bfloat16"}
        assert_same(training_batches(4), drawn(frozen)(4))
        assert_same(validation_batches(), plain(frozen)())


def test_without_cached_views_nothing_of_the_training_is_kept(backbone):
    frozen = cut(backbone, 20)
    with once(frozen, cached=0, number=2) as (training_batches, validation_batches):
        next(validation_batches())
        assert kept() == {"validation-0": 5 * NARROW * 4, "validation-1": 5 * WIDE * 4}
        for epoch in (0, 3):
            assert_same(training_batches(epoch), drawn(frozen, 0, 2)(epoch))
        assert_same(validation_batches(), plain(frozen)())


def test_with_nothing_frozen_nothing_is_kept(backbone):
    with once(cut(backbone, 0)) as (training_batches, validation_batches):
        next(training_batches(0))
        next(validation_batches())
        assert not FOLDER.exists()


def test_a_disk_that_is_too_small_is_told_before_anything_is_computed(backbone, monkeypatch):
    frozen = cut(backbone, 20)
    needed = 35 * (NARROW + WIDE) * 4
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - 1))
    told = r"activations of 20 frozen layers needs 1\.5 MB of disk, and 1\.5 MB are free: .* lower augment\.views"
    with pytest.raises(UserError, match=told), once(frozen) as (training_batches, _):
        next(training_batches(0))
    assert frozen.images == 0
    assert kept() == {}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed))
    with pytest.raises(KeyboardInterrupt), once(frozen) as (training_batches, _):
        next(training_batches(0))
        raise KeyboardInterrupt
    # What is on disk already needs no space
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with once(frozen) as (training_batches, _):
        next(training_batches(0))


def test_the_largest_of_several_trainings_is_asked_for_before_the_first(backbone, monkeypatch):
    cuts = [cut(backbone, layers) for layers in (153, 20, 0)]
    needed = 35 * (NARROW + WIDE) * 4
    given = cuts, TRAIN, VALIDATION, augmentation(3), Path()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - 1))
    with pytest.raises(UserError, match="activations of 20 frozen layers needs"):
        activations.check_round_space(*given)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed))
    activations.check_round_space(*given)
    # What an interrupted one has kept goes before another is begun
    FOLDER.mkdir()
    np.save(FOLDER / "train-0.npy", np.zeros(1000, np.uint8))
    already = (FOLDER / "train-0.npy").stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - already))
    activations.check_round_space(*given)
    activations.check_round_space(cuts[2:], *given[1:])
    # States of two trainings, and the larger a second time while it is written
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - already + 2 * 5000 + 3000 - 1))
    with pytest.raises(UserError, match="20 frozen layers and the trainings' state needs"):
        activations.check_round_space(*given, [5000, 3000])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2 * 5000 - already - 1))
    with pytest.raises(UserError, match="keeping the trainings' state needs"):
        activations.check_round_space(cuts[2:], *given[1:], [5000])
    assert all(frozen.images == 0 for frozen in cuts)


def test_what_does_not_hold_what_was_noted_is_computed_again(backbone):
    frozen = cut(backbone, 20)
    with pytest.raises(KeyboardInterrupt), once(frozen) as (training_batches, _):
        next(training_batches(0))
        raise KeyboardInterrupt
    damaged = np.load(FOLDER / "train-1.npy", mmap_mode="r+")
    damaged[5, 2] = 7
    damaged.flush()
    (FOLDER / "validation.done").unlink()
    before = frozen.images
    with once(frozen) as (training_batches, validation_batches):
        for epoch in range(3):
            assert_same(training_batches(epoch), drawn(cut(backbone, 20))(epoch))
        assert_same(validation_batches(), plain(cut(backbone, 20))())
    # One batch of the training's nine, and both of validation
    assert frozen.images - before == BATCH * 3


def test_a_training_gives_the_same_weights_as_with_the_frozen_layers_in_the_loop(tmp_path):
    def trained(given):
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
        with given(Counted(frozen)) as (training_batches, validation_batches):
            fit = loop.fit(
                tail,
                training_batches,
                validation_batches,
                recipe(epochs=4, label_smoothing=0.1, **changes),
                steps_per_epoch=batches.batches_per_epoch(IMAGES, BATCH),
                after_epoch=lambda epoch: None,
                description="test",
                state=tmp_path / f"{given.__name__}.npz",
            )
        after = [variable.numpy() for variable in tail.trainable_variables]
        assert not any(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
        return fit.epochs, [value.tobytes() for value in after]

    assert trained(once) == trained(lambda frozen: nullcontext((drawn(frozen), plain(frozen))))
