"""Listing a dataset: which files are images, in which order, and which are skipped."""

import pytest

from transfer.dataset.listing import ImageEntry, list_dataset
from transfer.interface.errors import UserError
from transfer.loading import prepared


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_images_are_listed_by_split_then_class_then_path(tmp_path):
    names = [
        "test/a/1.jpg",
        "train/b/2.jpg",
        "train/b/10.jpg",
        "train/a/9.PNG",
        "validation/a/x.jpg",
        "train/a/B/1.jpg",
    ]
    touch(tmp_path, *names)
    listing = list_dataset(tmp_path)
    assert listing.entries == [
        ImageEntry("train", "a", "train/a/9.PNG"),
        ImageEntry("train", "a", "train/a/B/1.jpg"),
        ImageEntry("train", "b", "train/b/10.jpg"),
        ImageEntry("train", "b", "train/b/2.jpg"),
        ImageEntry("validation", "a", "validation/a/x.jpg"),
        ImageEntry("test", "a", "test/a/1.jpg"),
    ]
    assert listing.classes == ["a", "b"]
    assert listing.images == {"train": 4, "validation": 1, "test": 1}
    assert listing.skipped == []


def test_files_that_are_not_images_are_listed_as_skipped(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/a/.DS_Store", "train/a/._1.jpg", "train/a/deep/notes.txt", "train/list.csv")
    touch(tmp_path, "validation/a/1.jpg", "validation/a/Thumbs.db", "test/a/1.jpg")
    listing = list_dataset(tmp_path)
    assert len(listing.entries) == 3
    assert listing.skipped == [
        "train/a/.DS_Store",
        "train/a/._1.jpg",
        "train/a/deep/notes.txt",
        "train/list.csv",
        "validation/a/Thumbs.db",
    ]


def test_hidden_folders_are_not_classes_and_their_images_do_not_count(tmp_path):
    for split in prepared.SPLITS:
        touch(tmp_path, f"{split}/a/1.jpg", f"{split}/b/2.jpg")
    touch(tmp_path, "train/.cache/1.jpg", "train/a/.thumbnails/1.jpg")
    listing = list_dataset(tmp_path)
    assert listing.classes == ["a", "b"]
    assert listing.images == {"train": 2, "validation": 2, "test": 2}


def test_a_hidden_folder_above_the_dataset_hides_nothing(tmp_path):
    touch(tmp_path / ".data" / "set", "train/a/1.jpg", "validation/a/2.jpg", "test/a/3.jpg")
    assert list_dataset(tmp_path / ".data" / "set").images == {"train": 1, "validation": 1, "test": 1}


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(UserError, match=r"images/ is missing: run `dvc pull .*images\.dvc`"):
        list_dataset(tmp_path / "images")
