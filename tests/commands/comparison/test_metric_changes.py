"""What the change of a metric is due to, with values worked out by hand."""

import numpy as np
import pytest

from commands.comparison import metric_changes, predictions
from commands.comparison.metric_changes import MetricChange

# Four images of class a, two of class b: each pair is the actual and the predicted class.
BEFORE = np.array([("a", "a"), ("a", "a"), ("a", "b"), ("a", "b"), ("b", "b"), ("b", "a")], dtype=object)


def by_name(*tables):
    return {change.name: change for change in metric_changes.divide(*tables)}


def test_the_metrics_are_those_of_their_definitions():
    change = by_name(BEFORE, BEFORE, BEFORE, BEFORE)
    assert change["Accuracy"].before == 3 / 6
    assert change["Mean over classes"].before == (2 / 4 + 1 / 2) / 2
    # F1 = 2 * correct / (predicted + actual): of a 4 / 7, of b 2 / 5.
    assert change["Macro F1"].before == pytest.approx((4 / 7 + 2 / 5) / 2)


def test_without_a_change_of_the_test_split_everything_is_due_to_the_model():
    now = np.array([("a", "a")] * 3 + [("a", "b"), ("b", "b"), ("b", "b")], dtype=object)
    change = by_name(BEFORE, now, BEFORE, now)["Accuracy"]
    assert (change.change, change.due_to_model, change.due_to_split) == pytest.approx((2 / 6, 2 / 6, 0))


def test_with_the_same_model_everything_is_due_to_the_test_split():
    # Two images that are right are gone, and one that is wrong has come.
    now = np.concatenate([BEFORE[2:], [("b", "a")]])
    change = by_name(BEFORE, now, BEFORE[2:], BEFORE[2:])["Accuracy"]
    assert (change.change, change.due_to_model, change.due_to_split) == pytest.approx((1 / 5 - 1 / 2, 0, 1 / 5 - 1 / 2))


def test_the_row_has_the_parts_of_the_change_and_no_negative_zero():
    space = "\N{NO-BREAK SPACE}"
    assert MetricChange("Accuracy", 0.5, 0.6, 0.55, 0.5503).cells() == [
        *("Accuracy", "50.0%", "60.0%", f"+10.0{space}points", f"+0.0{space}points", f"+10.0{space}points")
    ]
    assert MetricChange("Macro F1", 0.5, 0.5, 0.4001, 0.4).cells() == [
        *("Macro F1", "0.500", "0.500", "+0.000", "+0.000", "+0.000")
    ]


def test_a_comparison_divides_by_the_images_that_both_have_with_the_same_class():
    columns = [*predictions.PREDICTION_COLUMNS]
    before = [("m", "p", str(number), "a", "a") for number in range(3)] + [("m", "p", "3", "b", "a")]
    now = [("m", "p", "0", "a", "b"), ("m", "p", "1", "a", "a"), ("m", "p", "2", "b", "b"), ("m", "p", "9", "b", "b")]
    pandas = predictions.pd
    [change] = predictions.compare(pandas.DataFrame(before, columns=columns), pandas.DataFrame(now, columns=columns))
    # In common are the images 0 and 1: both were right, one is right now. In all, 3 of 4 were right, and are.
    assert change.metrics[0] == MetricChange("Accuracy", 0.75, 0.75, 1.0, 0.5)
    assert not change.same_images
