"""Comparing two revisions by their committed predictions."""

import numpy as np
import pandas as pd
import pytest

from commands.comparison import predictions
from transfer.evaluation.significance import PairedComparison, compare_macro_f1
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.interface.errors import UserError


def table(rows, model="finetune"):
    """A table of predictions from (pixels, actual, predicted)."""
    return pd.DataFrame(
        [(model, f"test/{actual}/{pixels}.jpg", pixels, actual, predicted, 0.9) for pixels, actual, predicted in rows],
        columns=[*PREDICTION_COLUMNS, "probability"],
    )


BEFORE = table([("1", "a", "a"), ("2", "a", "b"), ("3", "b", "b"), ("4", "b", "a")])


def test_images_are_matched_by_their_pixels_whatever_their_order_and_name():
    after = table([("4", "b", "b"), ("3", "b", "a"), ("2", "a", "a"), ("1", "a", "a")])
    after["path"] = "elsewhere.jpg"
    [change] = predictions.compare(BEFORE, after)
    assert change.overall == PairedComparison(both=1, only_first=1, only_second=2, neither=0)
    assert change.classes == {"a": PairedComparison(1, 0, 1, 0), "b": PairedComparison(0, 1, 1, 0)}
    assert change.describe_images() == "the same 4 test images"


def test_a_changed_test_split_is_compared_on_the_common_images_and_described():
    after = table([("1", "a", "b"), ("2", "b", "b"), ("5", "c", "c"), ("6", "c", "c"), ("3", "b", "b")])
    [change] = predictions.compare(BEFORE, after)
    assert change.overall == PairedComparison(both=1, only_first=1, only_second=0, neither=0)
    assert (change.gone, change.added, change.relabelled) == (1, 2, 1)
    assert change.describe_images() == (
        "the 2 test images that both revisions have (1 removed, 2 added, 1 left out because their class changed)"
    )
    assert set(change.classes) == {"a", "b"}


def test_macro_f1_is_computed_on_the_common_images():
    after = table([("4", "b", "b"), ("3", "b", "a"), ("2", "a", "a"), ("9", "a", "a")])
    [change] = predictions.compare(BEFORE, after)
    actual, before, now = np.array(["a", "b", "b"]), np.array(["b", "b", "a"]), np.array(["a", "a", "b"])
    assert change.macro_f1 == compare_macro_f1(actual, before, now)


def test_models_and_classes_that_only_one_revision_has_are_named():
    after = table([("1", "a", "b"), ("5", "bottle", "a"), ("6", "b", "b")])
    assert predictions.left_out(BEFORE, BEFORE, "HEAD~1") == []
    assert predictions.left_out(BEFORE, after, "HEAD~1") == [
        "The class bottle is only in the workspace and cannot be compared.",
        "The class b has no test image that both revisions have, and cannot be compared.",
    ]
    both = pd.concat([after, after.assign(model="train_tl")])
    assert predictions.left_out(both, table([("1", "a", "a"), ("6", "b", "b")]), "HEAD~1") == [
        "The model train_tl is only in HEAD~1 and cannot be compared.",
        "The class bottle is only in HEAD~1 and cannot be compared.",
    ]
    # They are left out; the rest is compared.
    assert [set(change.classes) for change in predictions.compare(BEFORE, both)] == [{"a"}]


def test_each_model_is_compared_with_itself():
    head = BEFORE.assign(model="train_tl", predicted="a")
    changes = predictions.compare(pd.concat([head, BEFORE]), pd.concat([BEFORE, head]))
    assert [change.model for change in changes] == ["finetune", "train_tl"]
    assert all(change.overall.only_first == change.overall.only_second == 0 for change in changes)


def test_tables_that_cannot_be_compared_are_an_error():
    with pytest.raises(
        UserError,
        match=r"^HEAD~1 and the workspace have no test image with the same pixels and class: choose another commit\.$",
    ):
        predictions.compare(BEFORE, BEFORE.assign(pixels=["5", "6", "7", "8"]), "HEAD~1")
    with pytest.raises(
        UserError, match=r"predictions\.csv of HEAD~1 is not a valid table \(no column pixels\): choose"
    ):
        predictions.read_predictions(BEFORE.drop(columns="pixels").to_csv(index=False), "HEAD~1")
    with pytest.raises(UserError, match="HEAD~1 and the workspace have no model in common: choose another commit"):
        predictions.compare(BEFORE, BEFORE.assign(model="other"), "HEAD~1")


def test_predictions_without_rows_or_with_an_image_twice_are_an_error():
    with pytest.raises(UserError, match=r"^plots/predictions\.csv of HEAD~1 has no predictions: choose a commit"):
        predictions.compare(BEFORE[:0], BEFORE, "HEAD~1")
    twice = pd.concat([BEFORE, BEFORE[2:3]])
    message = r"has the image test/b/3\.jpg of the model finetune twice"
    with pytest.raises(UserError, match=rf"of HEAD~1 {message}: choose a commit"):
        predictions.compare(twice, BEFORE, "HEAD~1")
    with pytest.raises(UserError, match=rf"of the workspace {message}: make it again"):
        predictions.compare(BEFORE, twice, "HEAD~1")


@pytest.mark.parametrize("text", ["", "\n", 'model,path\n"', "a,b\n1,2,3\n1,2,3,4\n"])
def test_the_error_of_an_invalid_table_names_the_revision(text):
    message = r"^plots/predictions\.csv of HEAD~1 is not a valid table \(.+\): choose a commit"
    with pytest.raises(UserError, match=message):
        predictions.read_predictions(text, "HEAD~1")


def test_names_that_look_like_numbers_or_missing_values_stay_names():
    text = "model,path,pixels,actual,predicted,probability\nfinetune,p,1,007,NA,0.5\n"
    [row] = predictions.read_predictions(text, "HEAD~1").to_dict("records")
    assert row | {"probability": 0} == {
        **{"model": "finetune", "path": "p", "pixels": "1", "actual": "007", "predicted": "NA", "probability": 0}
    }
