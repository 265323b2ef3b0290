"""What a dataset's folders hold, and what is wrong with them."""

import pytest
from transfer.interface.errors import UserError

from transfer.dataset import checks
from transfer.dataset import listing
from transfer.loading import prepared
from transfer.dataset.listing import ImageEntry

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


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
    found = listing.list_dataset(tmp_path)
    assert found.entries == [
        ImageEntry("train", "a", "train/a/9.PNG"),
        ImageEntry("train", "a", "train/a/B/1.jpg"),
        ImageEntry("train", "b", "train/b/10.jpg"),
        ImageEntry("train", "b", "train/b/2.jpg"),
        ImageEntry("validation", "a", "validation/a/x.jpg"),
        ImageEntry("test", "a", "test/a/1.jpg"),
    ]
    assert found.classes == ["a", "b"]
    assert found.images == {"train": 4, "validation": 1, "test": 1}
    assert found.skipped == []


def test_files_that_are_no_images_are_skipped_and_told(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/a/.DS_Store", "train/a/._1.jpg", "train/a/deep/notes.txt", "train/list.csv")
    touch(tmp_path, "validation/a/1.jpg", "validation/a/Thumbs.db", "test/a/1.jpg")
    found = listing.list_dataset(tmp_path)
    assert len(found.entries) == 3
    assert found.skipped == [
        "train/a/.DS_Store",
        "train/a/._1.jpg",
        "train/a/deep/notes.txt",
        "train/list.csv",
        "validation/a/Thumbs.db",
    ]


def test_hidden_folders_are_no_classes_and_hold_no_images(tmp_path):
    for split in prepared.SPLITS:
        touch(tmp_path, f"{split}/a/1.jpg", f"{split}/b/2.jpg")
    touch(tmp_path, "train/.cache/1.jpg", "train/a/.thumbnails/1.jpg")
    found = listing.list_dataset(tmp_path)
    assert found.classes == ["a", "b"]
    assert found.images == {"train": 2, "validation": 2, "test": 2}


def test_a_hidden_folder_above_the_dataset_hides_nothing(tmp_path):
    touch(tmp_path / ".data" / "set", "train/a/1.jpg", "validation/a/2.jpg", "test/a/3.jpg")
    assert listing.list_dataset(tmp_path / ".data" / "set").images == {"train": 1, "validation": 1, "test": 1}


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(UserError, match=r"images/ is missing: run `dvc pull .*images\.dvc`"):
        listing.list_dataset(tmp_path / "images")


@pytest.mark.parametrize("split", prepared.SPLITS)
def test_a_missing_split_is_named(tmp_path, make_dataset, split):
    folder = make_dataset(tmp_path / "images")
    (folder / split).rename(tmp_path / "away")
    found = listing.list_dataset(folder)
    [told] = checks.class_errors(found)
    assert told.startswith(f"{folder}/{split}/ is missing: a dataset has the folders")
    # What the others hold is listed all the same, so that its faults are told too; of shares nothing is said
    assert len(found.entries) == 30 - {"train": 24}.get(split, 3)
    assert checks.split_errors(found, SHARES, 0, "") == [told]


def test_a_folder_without_any_split_is_told_as_that(tmp_path):
    touch(tmp_path, "glass/1.jpg")
    told = checks.class_errors(listing.list_dataset(tmp_path))
    assert [sentence.split(" ")[0] for sentence in told] == [f"{tmp_path}/{split}/" for split in prepared.SPLITS]


def test_a_whole_dataset_has_no_faults(tmp_path, make_dataset):
    found = listing.list_dataset(make_dataset(tmp_path / "images"))
    assert found.images == {"train": 24, "validation": 3, "test": 3}
    assert checks.class_errors(found) == []
    assert checks.share_errors(found.folder, found.images, SHARES, 0, "mend it.") == []


def test_missing_and_empty_classes_are_told_for_each_split(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "validation/a/1.jpg", "test/b/1.jpg", "test/a/no-image.txt")
    assert checks.class_errors(listing.list_dataset(tmp_path)) == [
        f"{tmp_path}/validation/b/ is missing, though another split has the class b: add it.",
        f"{tmp_path}/test/a/ holds no image: add some, or remove the class from all three splits.",
    ]


def test_one_class_is_too_few(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "validation/a/1.jpg", "test/a/1.jpg")
    assert checks.class_errors(listing.list_dataset(tmp_path)) == [f"{tmp_path}/ has 1 classes: two are the least."]


def test_no_class_at_all_is_too_few(tmp_path):
    for split in prepared.SPLITS:
        (tmp_path / split).mkdir()
    assert checks.class_errors(listing.list_dataset(tmp_path)) == [f"{tmp_path}/ has 0 classes: two are the least."]


def test_shares_too_far_from_their_targets_are_told_with_both(tmp_path):
    faults = checks.share_errors(tmp_path, {"train": 70, "validation": 15, "test": 15}, SHARES, 0.02, "split it anew.")
    assert faults == [
        f"{tmp_path}/train/ holds 70.0% of the 100 images, more than 2.0% from its 80%: split it anew.",
        f"{tmp_path}/validation/ holds 15.0% of the 100 images, more than 2.0% from its 10%: split it anew.",
        f"{tmp_path}/test/ holds 15.0% of the 100 images, more than 2.0% from its 10%: split it anew.",
    ]


@pytest.mark.parametrize(
    ("images", "tolerance", "refused"),
    [
        ((70, 15, 15), 0.1, []),
        ((70, 15, 15), 0.05, ["train"]),
        ((70, 15, 15), 0.0999, ["train"]),
        ((69, 16, 15), 0.1, ["train"]),
        ((82, 9, 9), 0.02, []),
        ((78, 12, 10), 0.02, []),
        ((783, 117, 100), 0.02, []),
        ((83, 9, 8), 0.02, ["train"]),
        ((78, 13, 9), 0.02, ["validation"]),
        ((81, 12, 7), 0.02, ["test"]),
        ((80, 10, 10), 0, []),
        ((801, 100, 99), 0, ["train", "test"]),
    ],
)
def test_the_tolerance_is_inclusive(tmp_path, images, tolerance, refused):
    sizes = dict(zip(prepared.SPLITS, images, strict=True))
    faults = checks.share_errors(tmp_path, sizes, SHARES, tolerance, "")
    assert [fault.removeprefix(f"{tmp_path}/").split("/")[0] for fault in faults] == refused


def test_no_image_at_all_has_no_shares_to_be_wrong(tmp_path):
    assert checks.share_errors(tmp_path, dict.fromkeys(prepared.SPLITS, 0), SHARES, 0.02, "") == []


def test_images_that_are_the_same_are_named_together(tmp_path):
    digests = [("train/a/1.jpg", "x"), ("train/a/2.jpg", "y"), ("test/b/1.jpg", "x"), ("test/b/2.jpg", "z")]
    digests += [("test/b/3.jpg", "x"), ("test/b/4.jpg", "z")]
    assert checks.duplicate_errors(tmp_path, digests) == [
        f"{tmp_path}/train/a/1.jpg and {tmp_path}/test/b/1.jpg and {tmp_path}/test/b/3.jpg "
        "are the same image: keep one.",
        f"{tmp_path}/test/b/2.jpg and {tmp_path}/test/b/4.jpg are the same image: keep one.",
    ]
