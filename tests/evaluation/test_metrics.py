"""Scores against figures worked out by hand, and against those that the study published."""

import math

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score
from statsmodels.stats.proportion import proportion_confint
from transfer.loading.prepared import Split

from transfer.evaluation import metrics
from transfer.evaluation import selection
from transfer.evaluation import tables

# The study's six classes, as right answers of so many test images: 19 of 20 and so on
RIGHT, SUPPORT = (19, 18, 18, 16, 18, 13), (20, 20, 20, 20, 20, 18)
CLASSES = ["cardboard", "glass", "metal", "paper", "plastic", "trash"]


def wilson(correct, total, z=1.959963984540054):
    share = correct / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return middle - half, middle + half


def study():
    """Class numbers, actual and predicted, with the study's supports and right answers."""
    actual = np.repeat(np.arange(6), SUPPORT)
    predicted = np.concatenate(
        [
            [label] * right + [(label + 1) % 6] * (of - right)
            for label, right, of in zip(range(6), RIGHT, SUPPORT, strict=True)
        ]
    )
    return actual, predicted


def certain(predicted, classes):
    return np.eye(classes, dtype=np.float32)[predicted]


def summarize(actual, predicted, classes):
    table = metrics.class_table(actual, predicted, classes)
    return metrics.summarize(actual, certain(predicted, len(classes)), table)


def test_the_interval_of_102_out_of_118():
    low, high = metrics.wilson_interval(102, 118)
    assert (round(low, 3), round(high, 3)) == (0.791, 0.915)
    assert (low, high) == pytest.approx(wilson(102, 118), abs=1e-12)


def test_the_interval_agrees_with_statsmodels_on_random_cases():
    chance = np.random.default_rng(0)
    for _ in range(200):
        total = int(chance.integers(1, 500))
        right = int(chance.integers(0, total + 1))
        assert metrics.wilson_interval(right, total) == pytest.approx(proportion_confint(right, total, method="wilson"))


@pytest.mark.parametrize("total", [1, 5, 118])
def test_the_interval_at_the_ends_stays_within_0_and_1(total):
    z2 = 1.959963984540054**2
    assert metrics.wilson_interval(0, total) == pytest.approx((0, z2 / (total + z2)), abs=1e-12)
    assert metrics.wilson_interval(total, total) == pytest.approx((total / (total + z2), 1), abs=1e-12)
    assert metrics.wilson_interval(0, total)[0] >= 0
    assert metrics.wilson_interval(total, total)[1] <= 1


def test_the_means_that_the_study_published():
    found = summarize(*study(), CLASSES)
    assert found["accuracy"] == pytest.approx(102 / 118)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx(wilson(102, 118))
    assert round(100 * found["mean_class_accuracy"], 2) == 86.20
    assert round(100 * found["mean_without_worst"], 2) == 89.00
    assert round(100 * found["mean_without_two_worst"], 2) == 91.25
    accuracies = [found["classes"][label]["accuracy"] for label in CLASSES]
    assert accuracies == pytest.approx([0.95, 0.90, 0.90, 0.80, 0.90, 65 / 90])
    assert [found["classes"][label]["support"] for label in CLASSES] == list(SUPPORT)
    trash = found["classes"][CLASSES[5]]
    assert (trash["accuracy_low"], trash["accuracy_high"]) == pytest.approx(wilson(13, 18))


def test_the_table_has_a_row_a_class_with_its_own_interval():
    table = metrics.class_table(*study(), CLASSES)
    assert list(table.columns) == [
        "class", "support", "correct", "accuracy", "accuracy_low", "accuracy_high", "precision", "f1",
    ]  # fmt: skip
    assert list(table["class"]) == CLASSES
    assert tuple(table["correct"]) == RIGHT
    assert tuple(table["support"]) == SUPPORT
    assert (table["accuracy_low"][5], table["accuracy_high"][5]) == pytest.approx(wilson(13, 18))


def test_precision_and_f1_by_hand():
    actual, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2])
    table = metrics.class_table(actual, predicted, ["a", "b", "c"])
    assert table["accuracy"].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    # a was predicted three times and right twice, b twice and right once
    assert table["precision"].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    found = summarize(actual, predicted, ["a", "b", "c"])
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_precision_and_f1_where_precision_and_accuracy_differ():
    table = metrics.class_table(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 1, 1]), ["a", "b"])
    assert table["accuracy"].tolist() == pytest.approx([1 / 4, 1])
    assert table["precision"].tolist() == pytest.approx([1, 2 / 5])
    assert table["f1"].tolist() == pytest.approx([2 / 5, 4 / 7])


def test_a_class_that_is_never_predicted_has_precision_0(recwarn):
    table = metrics.class_table(np.array([0, 1, 2]), np.array([0, 0, 0]), ["a", "b", "c"])
    assert table["precision"].tolist() == pytest.approx([1 / 3, 0, 0])
    assert table["f1"].tolist() == pytest.approx([1 / 2, 0, 0])
    assert table["correct"].tolist() == [1, 0, 0]
    assert len(recwarn) == 0


def test_the_loss_is_the_mean_of_minus_the_logarithm_of_what_the_actual_class_got():
    actual = np.array([0, 1])
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]], np.float32)
    table = metrics.class_table(actual, probabilities.argmax(axis=1), ["a", "b"])
    # (ln 2 + ln 4) / 2
    assert metrics.summarize(actual, probabilities, table)["loss"] == pytest.approx(1.5 * math.log(2))


def test_the_loss_of_a_certain_mistake_is_finite():
    found = summarize(np.array([0, 1]), np.array([1, 1]), ["a", "b"])
    # One is wrong: seven powers of ten, the other right
    assert found["loss"] == pytest.approx(7 * math.log(10) / 2)


def test_with_two_classes_nothing_is_left_without_the_two_worst():
    found = summarize(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])
    assert found["mean_class_accuracy"] == pytest.approx(0.75)
    assert found["mean_without_worst"] == 1
    assert found["mean_without_two_worst"] is None


def test_with_three_classes_the_best_is_left_without_the_two_worst():
    found = summarize(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 0]), ["a", "b", "c"])
    assert found["mean_without_two_worst"] == 1


def test_the_worst_class_comes_first_and_ties_go_by_name():
    actual = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    predicted = np.array([0, 1, 1, 1, 2, 0, 3, 3])
    table = metrics.class_table(actual, predicted, ["m", "z", "k", "b"])
    assert metrics.classes_worst_first(table) == ["k", "m", "b", "z"]


def test_the_selected_model_has_the_best_validation_and_ties_go_to_the_simpler():
    def chosen(head, tuned):
        names = ("accuracy", "loss")
        validation = {"train_tl": dict(zip(names, head, strict=True)), "finetune": dict(zip(names, tuned, strict=True))}
        return selection.select_model(validation)

    assert chosen((0.9, 0.1), (0.91, 0.9))[0] == "finetune"
    assert chosen((0.91, 0.9), (0.9, 0.1))[0] == "train_tl"
    assert chosen((0.9, 0.4), (0.9, 0.3)) == (
        "finetune",
        "finetune is selected for its validation accuracy, 0.9000, which train_tl has too, "
        "but with a loss of 0.4000 against 0.3000; the test images have no say.",
    )
    assert chosen((0.9, 0.4), (0.9, 0.4))[0] == "train_tl"
    assert "0.9100 against 0.9000 of train_tl" in chosen((0.9, 0.1), (0.91, 0.9))[1]


def test_predictions_have_a_row_for_each_model_and_image():
    split = Split(np.zeros((2, 1, 1, 3), np.uint8), np.array([1, 0]), ["test/b/1", "test/a/2"], ["x", "y"], ["a", "b"])
    first = np.array([[0.123449, 0.876551], [0.3, 0.7]], np.float32)
    second = np.array([[1, 0], [1, 0]], np.float32)
    table = tables.predictions(split, {"train_tl": first, "finetune": second})
    assert list(table.columns) == ["model", "path", "pixels", "actual", "predicted", "probability"]
    assert table.to_numpy().tolist() == [
        ["train_tl", "test/b/1", "x", "b", "b", 0.8766],
        ["train_tl", "test/a/2", "y", "a", "b", 0.7],
        ["finetune", "test/b/1", "x", "b", "a", 1.0],
        ["finetune", "test/a/2", "y", "a", "a", 1.0],
    ]


def test_the_two_most_probable_classes_are_counted_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.4, 0.3, 0.3]])
    # Of equal probabilities the first class counts: the last image's class 2 is third
    assert metrics.top_k_accuracy(np.array([0, 1, 2, 2]), probabilities, 2) == 0.5
    assert metrics.top_k_accuracy(np.array([0, 1, 2, 2]), probabilities, 1) == 0.25
    found = metrics.summarize(
        actual := np.array([0, 1, 2, 2]), probabilities, metrics.class_table(actual, actual, CLASSES[:3])
    )
    assert found["top2_accuracy"] == 0.5
    assert (found["top2_accuracy_low"], found["top2_accuracy_high"]) == pytest.approx(wilson(2, 4))


def test_top_k_agrees_with_scikit_learn_on_random_cases():
    chance = np.random.default_rng(0)
    for _ in range(20):
        probabilities = chance.dirichlet(np.ones(5), 60)
        actual = chance.integers(0, 5, 60)
        expected = top_k_accuracy_score(actual, probabilities, k=2, labels=range(5))
        assert metrics.top_k_accuracy(actual, probabilities, 2) == pytest.approx(expected)


def test_the_images_that_changed_sides_are_listed():
    split = Split(np.zeros((4, 1, 1, 3)), np.array([0, 1, 0, 1]), list("abcd"), list("abcd"), ["x", "y"])
    found = tables.changed_sides(split, {"head": np.array([0, 0, 1, 1]), "tuned": np.array([1, 0, 0, 1])})
    assert found.to_dict("records") == [
        {"path": "a", "actual": "x", "head": "x", "tuned": "y"},
        {"path": "c", "actual": "x", "head": "y", "tuned": "x"},
    ]


def test_the_splits_stand_side_by_side():
    fits = {"head": {"train": {"accuracy": 0.9}, "validation": {"accuracy": 0.8}}}
    sizes = {"train": 50, "validation": 10, "test": 20}
    of_size = {name: Split(np.zeros((n, 1, 1, 3)), np.zeros(n, int), [], [], []) for name, n in sizes.items()}
    found = tables.accuracy_by_split(fits, {"head": {"accuracy": 0.7}}, of_size)
    assert list(found.columns) == ["model", "split", "images", "accuracy", "accuracy_low", "accuracy_high"]
    assert found.iloc[:, :4].to_numpy().tolist() == [
        ["head", "train", 50, 0.9],
        ["head", "validation", 10, 0.8],
        ["head", "test", 20, 0.7],
    ]
    for (_, row), (right, total) in zip(found.iterrows(), [(45, 50), (8, 10), (14, 20)], strict=True):
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(wilson(right, total))
