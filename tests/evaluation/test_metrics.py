"""Metrics, checked against values computed by hand, reference implementations, and the figures of the study."""

import math

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score
from statsmodels.stats.proportion import proportion_confint

from transfer.evaluation import metrics

# The study's six classes: 19 of 20 test images are right, 18 of 20, and so on.
RIGHT, SUPPORT = (19, 18, 18, 16, 18, 13), (20, 20, 20, 20, 20, 18)
CLASSES = ["cardboard", "glass", "metal", "paper", "plastic", "trash"]


def study():
    """Actual and predicted class numbers, with the study's supports and right predictions."""
    actual = np.repeat(np.arange(6), SUPPORT)
    predicted = np.concatenate(
        [
            [label] * right + [(label + 1) % 6] * (support - right)
            for label, right, support in zip(range(6), RIGHT, SUPPORT, strict=True)
        ]
    )
    return actual, predicted


def summarize(actual, predicted, classes):
    """The metrics of predictions with a probability of 1."""
    probabilities = np.eye(len(classes), dtype=np.float32)[predicted]
    return metrics.summarize(actual, probabilities, metrics.class_table(actual, predicted, classes))


def test_the_means_are_those_that_the_study_published():
    summary = summarize(*study(), CLASSES)
    assert summary["accuracy"] == pytest.approx(102 / 118)
    assert (summary["accuracy_low"], summary["accuracy_high"]) == pytest.approx(
        proportion_confint(102, 118, method="wilson")
    )
    assert round(100 * summary["mean_class_accuracy"], 2) == 86.20
    assert round(100 * summary["mean_without_worst"], 2) == 89.00
    assert round(100 * summary["mean_without_two_worst"], 2) == 91.25
    accuracies = [summary["classes"][label]["accuracy"] for label in CLASSES]
    assert accuracies == pytest.approx([0.95, 0.90, 0.90, 0.80, 0.90, 65 / 90])
    assert [summary["classes"][label]["support"] for label in CLASSES] == list(SUPPORT)
    trash = summary["classes"][CLASSES[5]]
    assert (trash["accuracy_low"], trash["accuracy_high"]) == pytest.approx(proportion_confint(13, 18, method="wilson"))


def test_the_class_table_has_a_row_with_an_interval_for_each_class():
    table = metrics.class_table(*study(), CLASSES)
    assert list(table.columns) == [
        "class", "support", "correct", "accuracy", "accuracy_low", "accuracy_high", "precision", "f1",
    ]  # fmt: skip
    assert list(table["class"]) == CLASSES
    assert tuple(table["correct"]) == RIGHT
    assert tuple(table["support"]) == SUPPORT
    assert (table["accuracy_low"][5], table["accuracy_high"][5]) == pytest.approx(
        proportion_confint(13, 18, method="wilson")
    )


def test_precision_and_f1_are_those_computed_by_hand():
    actual, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2])
    table = metrics.class_table(actual, predicted, ["a", "b", "c"])
    assert table["accuracy"].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    # Two of the three predictions of a are right, and one of the two of b.
    assert table["precision"].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    summary = summarize(actual, predicted, ["a", "b", "c"])
    assert summary["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_precision_and_f1_are_right_where_precision_and_accuracy_differ():
    table = metrics.class_table(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 1, 1]), ["a", "b"])
    assert table["accuracy"].tolist() == pytest.approx([1 / 4, 1])
    assert table["precision"].tolist() == pytest.approx([1, 2 / 5])
    assert table["f1"].tolist() == pytest.approx([2 / 5, 4 / 7])


def test_a_class_that_is_never_predicted_has_a_precision_of_0(recwarn):
    table = metrics.class_table(np.array([0, 1, 2]), np.array([0, 0, 0]), ["a", "b", "c"])
    assert table["precision"].tolist() == pytest.approx([1 / 3, 0, 0])
    assert table["f1"].tolist() == pytest.approx([1 / 2, 0, 0])
    assert table["correct"].tolist() == [1, 0, 0]
    assert len(recwarn) == 0


def test_the_loss_is_the_mean_negative_logarithm_of_the_probability_of_the_actual_class():
    actual = np.array([0, 1])
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]], np.float32)
    table = metrics.class_table(actual, probabilities.argmax(axis=1), ["a", "b"])
    # (ln 2 + ln 4) / 2
    assert metrics.summarize(actual, probabilities, table)["loss"] == pytest.approx(1.5 * math.log(2))


def test_the_loss_of_a_certain_mistake_is_finite():
    summary = summarize(np.array([0, 1]), np.array([1, 1]), ["a", "b"])
    # One image is wrong, with a probability clipped to 10^-7; the other one is right.
    assert summary["loss"] == pytest.approx(7 * math.log(10) / 2)


def test_with_two_classes_no_class_is_left_without_the_two_worst():
    summary = summarize(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])
    assert summary["mean_class_accuracy"] == pytest.approx(0.75)
    assert summary["mean_without_worst"] == 1
    assert summary["mean_without_two_worst"] is None


def test_with_three_classes_the_best_is_left_without_the_two_worst():
    summary = summarize(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 0]), ["a", "b", "c"])
    assert summary["mean_without_two_worst"] == 1


def test_the_worst_class_comes_first_and_ties_are_sorted_by_name():
    actual = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    predicted = np.array([0, 1, 1, 1, 2, 0, 3, 3])
    table = metrics.class_table(actual, predicted, ["m", "z", "k", "b"])
    assert metrics.classes_worst_first(table) == ["k", "m", "b", "z"]


def test_top_2_accuracy_is_the_one_computed_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.4, 0.3, 0.3]])
    actual = np.array([0, 1, 2, 2])
    # Of equal probabilities, the first class counts: class 2 of the last image is third.
    assert metrics.top_k_accuracy(actual, probabilities, 2) == 0.5
    assert metrics.top_k_accuracy(actual, probabilities, 1) == 0.25
    summary = metrics.summarize(actual, probabilities, metrics.class_table(actual, actual, CLASSES[:3]))
    assert summary["top2_accuracy"] == 0.5
    assert (summary["top2_accuracy_low"], summary["top2_accuracy_high"]) == pytest.approx(
        proportion_confint(2, 4, method="wilson")
    )


def test_top_2_accuracy_agrees_with_scikit_learn_on_random_cases():
    generator = np.random.default_rng(0)
    for _ in range(20):
        probabilities = generator.dirichlet(np.ones(5), 60)
        actual = generator.integers(0, 5, 60)
        expected = top_k_accuracy_score(actual, probabilities, k=2, labels=range(5))
        assert metrics.top_k_accuracy(actual, probabilities, 2) == pytest.approx(expected)
