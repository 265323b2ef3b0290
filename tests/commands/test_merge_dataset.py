"""What one branch did to the dataset as far as it is done to the other's, worked out by hand."""

import json

import pytest

from commands.merge_dataset import versions
from transfer.interface.errors import UserError

BASE = {"train/a/1": "one", "train/a/2": "two", "test/b/3": "three"}


@pytest.mark.parametrize(
    ("ours", "theirs", "removed", "moved", "added", "kept_away"),
    [
        # Both add.
        (BASE | {"train/a/4": "four"}, BASE | {"train/a/5": "five"}, set(), {}, {"train/a/5": "five"}, 0),
        # Both add the same file, or different ones in one place.
        (BASE | {"train/a/4": "four"}, BASE | {"train/a/4": "four"}, set(), {}, {}, 0),
        (BASE | {"train/a/4": "four"}, BASE | {"train/a/4": "five"}, set(), {}, {"train/a/4": "five"}, 0),
        # They remove one that stays, and one that we moved.
        (BASE, {"train/a/1": "one", "test/b/3": "three"}, {"train/a/2"}, {}, {}, 0),
        (
            {"train/a/1": "one", "train/b/2": "two", "test/b/3": "three"},
            {"train/a/1": "one", "test/b/3": "three"},
            {"train/b/2"},
            {},
            {},
            0,
        ),
        # They move one that stays; one that we moved too, elsewhere; and one that we removed.
        (
            BASE,
            {"train/a/1": "one", "train/b/2": "two", "test/b/3": "three"},
            {"train/a/2"},
            {"train/b/2": "two"},
            {},
            0,
        ),
        (
            {"train/a/1": "one", "train/c/2": "two", "test/b/3": "three"},
            {"train/a/1": "one", "train/b/2": "two", "test/b/3": "three"},
            set(),
            {},
            {"train/b/2": "two"},
            0,
        ),
        (
            {"train/a/1": "one", "test/b/3": "three"},
            {"train/a/1": "one", "train/b/2": "two", "test/b/3": "three"},
            set(),
            {},
            {},
            1,
        ),
        # They replace one by another version.
        (BASE, BASE | {"train/a/1": "better"}, {"train/a/1"}, {}, {"train/a/1": "better"}, 0),
        # We did all that; they nothing.
        ({"train/b/2": "two", "train/a/4": "four"}, BASE, set(), {}, {}, 0),
    ],
)
def test_what_the_other_branch_did_is_done(ours, theirs, removed, moved, added, kept_away):
    changes = versions.compare(BASE, ours, theirs)
    assert (changes.removed, changes.moved, changes.added, changes.kept_away) == (removed, moved, added, kept_away)


def test_an_image_that_is_moved_to_a_place_in_use_is_an_error():
    ours = BASE | {"train/b/2": "other"}
    theirs = {"train/a/1": "one", "train/b/2": "two", "test/b/3": "three"}
    with pytest.raises(UserError, match="Both branches have put different images at train/b/2: rename one of them"):
        versions.compare(BASE, ours, theirs)


@pytest.mark.parametrize("place", ["../evil.jpg", "train/../../evil.jpg", "/evil.jpg"])
def test_a_list_that_leads_out_of_the_dataset_is_refused(tmp_path, place):
    path = tmp_path / "list.dir"
    path.write_text(json.dumps([{"relpath": "train/a/1.jpg", "md5": "1"}, {"relpath": place, "md5": "2"}]))
    with pytest.raises(UserError, match="which leads out of the dataset"):
        versions._files(path)
