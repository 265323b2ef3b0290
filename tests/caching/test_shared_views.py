"""Views that workers make from a folder that they share: the arrays of views that travel, and errors by name."""

import pickle

import numpy as np
import pytest

from transfer.caching import activations
from transfer.caching.shared_views import SharedViews
from transfer.engine.local import Local
from transfer.interface.errors import UserError
from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation

IMAGES = {"train": 21, "validation": 4, "test": 3}
VIEWS = {"train": 2, "validation": 1, "test": 1}
SIZE = 8


class Shared(Local):
    """An engine with a shared folder; it records what travels, and works elsewhere, with a copy of the function."""

    shared = True

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.sent = []

    def map(self, function, batches):
        there = pickle.loads(pickle.dumps(function))  # noqa: S301 - its own bytes
        self.monkeypatch.chdir(self.folder)
        for item, batch in batches:
            self.sent.append(batch)
            yield item, there(batch)


def means(images):
    """A function whose rows depend on the image alone."""
    return [images.astype(np.float32).mean(axis=(1, 2))]


@pytest.fixture
def splits(tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    writer = prepared.Writer(prepared.FOLDER, IMAGES, SIZE)
    generator = np.random.default_rng(0)
    for split, images in IMAGES.items():
        for number in range(images):
            pixels = generator.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
            digest = generator.bytes(8).hex()
            writer.append(split, "ab"[number % 2], f"{split}/{number}", digest, "", pixels)
    writer.finish({"fit": "squash", "antialias": False})
    return prepared.load_splits()


def fill(splits, engine, log):
    arrays = {name: np.zeros((len(split), VIEWS[name], 3), np.float32) for name, split in splits.items()}
    views = [activations.all_views(split, [arrays[name]], name) for name, split in splits.items()]
    augmentation = Augmentation("horizontal", 0.2, 2, 1)
    activations.fill_arrays(views, means, augmentation, 16, "test", log, engine)
    return {name: array.tobytes() for name, array in arrays.items()}


def test_numbers_travel_in_place_of_images_and_give_the_same_bytes(splits, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    engine = Shared(elsewhere, monkeypatch)
    local = fill(splits, Local(), tmp_path / "local")
    assert fill(splits, engine, tmp_path / "shared") == local
    # 42 + 4 + 3 views in batches of 16: the third has views of two splits, and the last is filled up.
    assert [batch.shape for batch in engine.sent] == [(16, 3)] * 4
    assert engine.sent[0][:3].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert engine.sent[3].tolist() == [[2, 2, 0]] * 16


def test_images_of_another_size_are_named(splits, tmp_path):
    views = SharedViews(means, ["train"], 2 * SIZE, Augmentation(None, 0.0, 1, 1))
    with pytest.raises(UserError, match="prepared/train/"):
        views(np.zeros((1, 3), int))
