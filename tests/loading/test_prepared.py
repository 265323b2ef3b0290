"""The prepared arrays and their index: written row by row, opened read-only, refused if they do not fit."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.loading import prepared

ROWS = [
    ("train", "1e5", "train/1e5/a.png", "00" * 8, ""),
    ("train", "007", "train/007/b.png", "11" * 8, "enlarged elongated"),
    ("validation", "007", "validation/007/a.png", "22" * 8, ""),
    ("test", "007", "test/007/a.png", "33" * 8, ""),
    ("test", "10", "test/10/a.png", "44" * 8, ""),
    ("test", "10", "test/10/b.png", "55" * 8, ""),
]


@pytest.fixture
def folder(tmp_path):
    """Prepared images of 4 x 4 pixels; every value of an image is its row in the index."""
    writer = prepared.Writer(tmp_path, {"train": 2, "validation": 1, "test": 3}, 4)
    for number, row in enumerate(ROWS):
        writer.append(*row, np.full((4, 4, 3), number))
    writer.finish(prepared.Resize(fit="crop", antialias=True))
    return tmp_path


def test_a_split_has_its_images_labels_paths_and_digests(folder):
    split = prepared.load_split("test", folder)
    assert len(split) == 3
    assert split.images.shape == (3, 4, 4, 3)
    assert split.images.dtype == np.uint8
    assert split.images[:, 0, 0, 0].tolist() == [3, 4, 5]
    assert split.labels.tolist() == [0, 1, 1]
    assert split.paths == ["test/007/a.png", "test/10/a.png", "test/10/b.png"]
    assert split.digests == ["33" * 8, "44" * 8, "55" * 8]


def test_every_split_has_the_classes_of_the_whole_dataset_as_text(folder):
    splits = prepared.load_splits(folder)
    assert tuple(splits) == prepared.SPLITS
    assert [split.classes for split in splits.values()] == [["007", "10", "1e5"]] * 3
    assert [split.labels.tolist() for split in splits.values()] == [[2, 0], [0], [0, 1, 1]]


def test_images_of_another_size_are_refused(folder):
    assert len(prepared.load_split("test", folder, size=4)) == 3
    with pytest.raises(
        UserError, match=r"test/0\.npy cannot be read \(its shape is \(3, 4, 4, 3\)\): make it again with `dvc repro`"
    ):
        prepared.load_split("test", folder, size=5)


def test_images_are_opened_read_only(folder):
    split = prepared.load_split("train", folder)
    with pytest.raises(ValueError, match="read-only"):
        split.images[0][0] = 0


def test_a_record_of_resizing_that_is_missing_or_damaged_is_named(folder):
    assert prepared.read_resize(folder) == {"fit": "crop", "antialias": True}
    (folder / "resize.json").unlink()
    with pytest.raises(UserError, match=r"resize\.json is missing: run `dvc repro`"):
        prepared.read_resize(folder)
    (folder / "resize.json").write_text('{"fit": "crop", "antialias": "yes"}')
    with pytest.raises(UserError, match=r"resize\.json has no usable value for antialias: restore it"):
        prepared.read_resize(folder)


def test_a_missing_index_is_named(tmp_path):
    with pytest.raises(UserError, match=r"index\.csv is missing: run `dvc repro`"):
        prepared.load_split("train", tmp_path / "prepared")


def test_a_missing_array_is_named(folder):
    (folder / "train/0.npy").unlink()
    with pytest.raises(UserError, match=r"train/0\.npy is missing: run `dvc repro`"):
        prepared.load_split("train", folder)


def test_an_array_of_another_length_than_the_index_is_refused(folder):
    index = folder / "index.csv"
    index.write_text(index.read_text().rpartition("test,10,")[0])
    with pytest.raises(UserError, match=r"test/0\.npy cannot be read \(it has 272 bytes in place of 224\)"):
        prepared.load_split("test", folder)
