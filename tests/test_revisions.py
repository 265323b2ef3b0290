"""Comparing two revisions by the predictions that they committed."""

import pandas as pd
import pytest

from transfer import revisions
from transfer.comparison import Comparison
from transfer.faults import Fault


def predictions(rows, model="finetune"):
    """A table from (pixels, actual, predicted)."""
    return pd.DataFrame(
        [(model, f"test/{actual}/{pixels}.jpg", pixels, actual, taken, 0.9) for pixels, actual, taken in rows],
        columns=list(revisions.COLUMNS),
    )


BEFORE = predictions([("1", "a", "a"), ("2", "a", "b"), ("3", "b", "b"), ("4", "b", "a")])


def test_images_are_matched_by_their_pixels_whatever_their_order_and_name():
    after = predictions([("4", "b", "b"), ("3", "b", "a"), ("2", "a", "a"), ("1", "a", "a")])
    after["path"] = "elsewhere.jpg"
    [change] = revisions.compare(BEFORE, after)
    assert change.overall == Comparison(both=1, only_first=1, only_second=2, neither=0)
    assert change.classes == {"a": Comparison(1, 0, 1, 0), "b": Comparison(0, 1, 1, 0)}
    assert change.images_told() == "on the same 4 test images"


def test_a_changed_test_split_is_compared_on_the_images_in_common_and_says_so():
    after = predictions([("1", "a", "b"), ("2", "b", "b"), ("5", "c", "c"), ("6", "c", "c"), ("3", "b", "b")])
    [change] = revisions.compare(BEFORE, after)
    assert change.overall == Comparison(both=1, only_first=1, only_second=0, neither=0)
    assert (change.gone, change.added, change.relabelled) == (1, 2, 1)
    assert change.images_told() == (
        "on the 2 test images that both have (1 are gone, 2 are new, 1 have another class now and are left out)"
    )
    # A class that only one revision has cannot be compared
    assert set(change.classes) == {"a", "b"}


def test_each_model_is_compared_with_itself():
    head = BEFORE.assign(model="train_tl", predicted="a")
    changes = revisions.compare(pd.concat([head, BEFORE]), pd.concat([BEFORE, head]))
    assert [change.model for change in changes] == ["finetune", "train_tl"]
    assert all(change.overall.only_first == change.overall.only_second == 0 for change in changes)


def test_nothing_in_common_and_a_table_of_another_kind_are_told():
    with pytest.raises(Fault, match="No test image has the same pixels and class in HEAD~1 and now"):
        revisions.compare(BEFORE, BEFORE.assign(pixels=["5", "6", "7", "8"]), "HEAD~1")
    with pytest.raises(Fault, match=r"predictions\.csv of HEAD~1 has no column pixels"):
        revisions.compare(BEFORE.drop(columns="pixels"), BEFORE, "HEAD~1")
    with pytest.raises(Fault, match="nothing to compare"):
        revisions.compare(BEFORE, BEFORE.assign(model="other"))
