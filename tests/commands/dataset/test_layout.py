"""Recognizing splits by the names of their folders, and class folders with such names."""

from pathlib import PurePosixPath

import pytest

from commands.dataset.layout import Layout, recognize, split_name
from transfer.interface.errors import UserError

CLASSES = ("glass", "metal")


def paths(*folders, classes=CLASSES):
    """Two images in each class folder of each folder; in a folder itself if there are no classes."""
    names = [f"{folder}/{label}" for folder in folders for label in classes] if classes else folders
    return [PurePosixPath(name, f"{number}.jpg") for name in names for number in (1, 2)]


def path(text):
    return PurePosixPath(text)


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "validation", "test"), {}),
        (("Training", "Testing"), {"train": "Training", "test": "Testing"}),
        (("Train", "Val", "Test"), {"train": "Train", "validation": "Val", "test": "Test"}),
        (("train", "valid", "test"), {"validation": "valid"}),
        # Beside a validation split, evaluation means the test split.
        (("TRAIN", "DEV", "EVALUATION DATA"), {"train": "TRAIN", "validation": "DEV", "test": "EVALUATION DATA"}),
        (("training", "validation", "evaluation"), {"validation": "validation", "test": "evaluation"}),
        (("train", "eval", "test"), {"validation": "eval", "test": "test"}),
        (("train_data", "val_data"), {"train": "train_data", "validation": "val_data"}),
        (("trainset", "testset"), {"train": "trainset", "test": "testset"}),
        (("TrainingSet", "TestSet"), {"train": "TrainingSet", "test": "TestSet"}),
        (("01-train", "02-test"), {"train": "01-train", "test": "02-test"}),
        (("flowers_train", "flowers_test"), {"train": "flowers_train", "test": "flowers_test"}),
        (("images/train", "images/dev"), {"train": "images/train", "validation": "images/dev"}),
        (("a/b/train2017", "a/b/val2017"), {"train": "a/b/train2017", "validation": "a/b/val2017"}),
        (("seg_train/seg_train", "seg_test/seg_test"), {"train": "seg_train/seg_train", "test": "seg_test/seg_test"}),
    ],
)
def test_splits_are_recognized_under_their_usual_names(folders, splits):
    recognized = recognize(paths(*folders))
    assert {split: str(place) for split, place in recognized.splits.items()}.items() >= splits.items()
    assert len(recognized.splits) == len(folders)


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "car", "bus"),
        ("test", "glass"),
        ("train", "test", "car"),
        ("train station", "test tube"),
        ("training-shoes", "dev board", "val"),
        ("trains", "testers", "valid passports"),
    ],
)
def test_classes_with_the_names_of_splits_stay_classes(folders):
    assert recognize(paths(*folders, classes=())) == Layout(PurePosixPath())


def test_a_class_called_train_may_have_subfolders():
    images = paths("train", classes=("steam", "diesel")) + paths("car", "bus", classes=())
    assert recognize(images) == Layout(PurePosixPath())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (paths("train", "test", classes=()), r"^SOURCE holds train/, test/ without class folders in them: put the "),
        (paths("a/train", "a/val", classes=()), r"^a/ holds train/, val/ without class folders in them: "),
        (
            [*paths("train", classes=("x", "y")), *paths("test", classes=("z",)), *paths("car", classes=())],
            r"^SOURCE holds train/, test/ beside car/: move the latter away if the former are splits, or rename ",
        ),
        (paths("train", "training", "test"), r"^SOURCE holds train/ and training/, which both mean the train split: "),
        (paths("val", "test"), r"^SOURCE holds val/, test/ but no folder for training: add train/ with the class "),
        ([*paths("train"), *paths("test", classes=())], r", and test/ has no class folders: put its images into "),
        (paths("train", "validation", "val", "test"), r"^SOURCE holds val/ and validation/, which both mean "),
        (
            paths("train", "dev", "eval", "test"),
            r"^SOURCE holds dev/ and eval/, which both mean the valid",
        ),
        (
            paths("a/entraînement", "a/test", classes=("w", "x", "y", "z")),
            r"^a/ holds entraînement/, test/, and each of them holds w/, x/, y/ and 1 more: rename the former to ",
        ),
    ],
)
def test_ambiguous_folders_are_refused_with_a_way_to_decide(images, message):
    with pytest.raises(UserError, match=message):
        recognize(images)


@pytest.mark.parametrize(
    ("images", "shared"),
    [
        (paths("fold1", "fold2", "fold3", classes=("dog", "cat")), ["cat", "dog"]),
        # Images beside the folders, a folder of its own, or a single one: parts of classes.
        ([*paths("fold1", "fold2"), *paths("fold1", classes=())], []),
        ([*paths("apple", classes=("day", "night")), *paths("pear", classes=("day", "dusk"))], []),
        (paths("apple", "pear", classes=("2026",)), []),
        # `test` beside another word is no split.
        (paths("beaker", "test tube"), ["glass", "metal"]),
    ],
)
def test_folders_that_all_classes_hold_are_named(images, shared):
    assert recognize(images) == Layout(PurePosixPath(), shared=shared)
    present = {image.parts[0] for image in images}
    assert recognize(images, present).shared == []


def test_a_folder_beside_clear_splits_is_left_out():
    recognized = recognize([*paths("seg_train", "seg_test"), *paths("seg_pred", classes=())])
    assert recognized.left_out == [path("seg_pred")]
    assert recognized.splits == {"train": path("seg_train"), "test": path("seg_test")}


@pytest.mark.parametrize(
    ("folders", "classes", "top"),
    [
        (("dataset-resized",), CLASSES, "dataset-resized"),
        (("a/b/c",), CLASSES, "a/b/c"),
        (("train",), CLASSES, "train"),
        (("glass",), (), "."),
        (("glass/batch 1",), (), "."),
    ],
)
def test_a_single_folder_around_the_classes_is_entered(folders, classes, top):
    assert recognize(paths(*folders, classes=classes)) == Layout(path(top))


def test_a_name_with_two_splits_in_it_is_none():
    assert split_name("train-val") is None
    assert split_name("Ｔｅｓｔ") == ("test", frozenset())


@pytest.mark.parametrize(
    ("paths", "top"),
    [
        (["glass/1.jpg"], ""),
        (["week/glass/1.jpg"], "week"),
        (["export/week/glass/a/1.jpg"], "export/week"),
        (["week/glass/1.jpg", "week/metal/1.jpg"], "week"),
        (["week/new/1.jpg"], ""),
    ],
)
def test_a_single_folder_with_the_name_of_a_class_is_one(paths, top):
    layout = recognize([PurePosixPath(path) for path in paths], classes=["glass", "metal"])
    assert (layout.top, layout.splits) == (PurePosixPath(top), {})
