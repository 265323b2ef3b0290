"""The plan of changes: names that are taken, and classes that would be left empty."""

import pytest

from commands.relabel import plan
from commands.relabel.verdicts import Verdicts
from transfer.dataset import listing
from transfer.interface.errors import UserErrors


@pytest.fixture
def dataset(tmp_path, monkeypatch, photograph):
    monkeypatch.chdir(tmp_path)
    names = {
        "train/a": ("1.png", "2.png", "deep/é.png", "x.y.png"),
        "train/b": ("1.png", "1-2.png", "deep/É.png"),
        "test/a": ("1.png",),
        "test/b": ("1.png",),
    }
    for folder, files in names.items():
        for number, name in enumerate(files):
            photograph(tmp_path / "dataset_images" / folder / name, seed=number)
    return listing.list_dataset(tmp_path / "dataset_images")


def moves(dataset, **labels):
    return plan.make(Verdicts(labels, digests=dict.fromkeys(labels, "0" * 16)), dataset).moves


def test_a_name_that_is_taken_gets_the_first_free_number(dataset):
    labels = {"train/a/1.png": "class:b", "train/a/x.y.png": "class:b", "train/b/1.png": "class:a"}
    # train/b/1.png moves away, but its name stays taken: otherwise a move could not be made twice after a kill.
    assert moves(dataset, **labels) == {
        "train/a/1.png": "train/b/1-3.png",
        "train/a/x.y.png": "train/b/x.y.png",
        "train/b/1.png": "train/a/1-2.png",
    }


def test_names_that_are_one_name_on_other_computers_are_taken(dataset):
    assert moves(dataset, **{"train/a/deep/é.png": "class:b"}) == {"train/a/deep/é.png": "train/b/deep/é-2.png"}


def test_an_image_that_is_in_the_class_already_stays(dataset):
    assert moves(dataset, **{"train/a/1.png": "class:a", "train/a/2.png": "keep"}) == {}


def test_a_class_that_would_be_left_empty_is_named(dataset):
    labels = {"test/a/1.png": "remove", "test/b/1.png": "class:a"}
    with pytest.raises(UserErrors, match=r"^The class b would be left without an image in test: keep one there, or "):
        plan.make(Verdicts(labels), dataset)
