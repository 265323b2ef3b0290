"""dataset_groups.csv: reading it, and joining the images of one object."""

import pytest

from commands.relabel import groups
from transfer.interface.errors import UserErrors

DIGESTS = {"a": "2" * 16, "b": "1" * 16, "c": "3" * 16, "d": "4" * 16}


def test_images_of_one_object_are_joined():
    pairs = [("a", "b"), ("c", "b")]
    name = f"same-{'1' * 16}"
    assert groups.join_pairs({}, pairs, DIGESTS) == dict.fromkeys("abc", name)
    # The order of the pairs makes no difference to who is together.
    joined = groups.join_pairs({}, [("c", "d"), ("a", "b"), ("b", "d")], DIGESTS)
    assert set(joined) == set("abcd") and len(set(joined.values())) == 1


def test_groups_that_share_an_object_become_one_and_others_stay():
    before = {"a": "can", "b": "bottle", "x": "bottle", "y": "cup"}
    assert groups.join_pairs(before, [("a", "b")], DIGESTS) == {
        "a": "bottle",
        "b": "bottle",
        "x": "bottle",
        "y": "cup",
    }
    assert before["a"] == "can"


def test_groups_in_several_splits():
    of_images = {"train/a/1": "g", "test/b/1": "g", "train/a/2": "h", "train/b/2": "h"}
    assert groups.in_several_splits(of_images) == {"g": ["train/a/1", "test/b/1"]}


def test_the_file_is_read_and_every_line_that_is_wrong_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = ["train/a/1.jpg", 'train/a/"2", x.jpg']
    assert groups.read(images) == {}
    of_images = {images[1]: "one, two", images[0]: "1"}
    groups.FILE.write_text(groups.text(of_images), encoding="utf-8")
    assert groups.read(images) == of_images
    groups.FILE.write_text("path,group\ntrain/a/0.jpg,x\ntrain/a/1.jpg,x\ntrain/a/1.jpg,y\n")
    with pytest.raises(UserErrors) as caught:
        groups.read(images)
    assert caught.value.sentences == [
        "dataset_groups.csv lists 'train/a/0.jpg', which is not an image in dataset_images/: remove the line.",
        "dataset_groups.csv lists train/a/1.jpg twice or without a group: keep one line with a group.",
    ]
