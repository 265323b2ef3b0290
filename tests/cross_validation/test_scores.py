"""Metrics of a cross-validation and their intervals."""

import math

import numpy as np
import pytest
from scipy.stats import t

from transfer.common import io
from transfer.cross_validation import scores

# Two repeats of two folds of two images; the accuracies of the folds are 1, 0.5, 0.5 and 0.
FOLDS = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
RIGHT = np.array([[True, True, True, False], [True, False, False, False]])
# Their variance is 1/6. With 2 folds, as many images are tested as trained on.
ERROR = math.sqrt((1 / 4 + 1) / 6)


def many(repeats=3, folds=10, images=200, accuracy=0.8, seed=0):
    generator = np.random.default_rng(seed)
    fold = np.stack([generator.permutation(images) % folds for _ in range(repeats)])
    return generator.random((repeats, images)) < accuracy, fold


def test_the_corrected_standard_error_matches_one_worked_out_by_hand():
    error, freedom = scores.corrected_t(RIGHT, FOLDS)
    assert (error, freedom) == (pytest.approx(ERROR), 1)


def test_the_interval_is_the_one_of_students_t_around_the_accuracy():
    right, folds = many()
    means = np.concatenate(
        [
            [of_repeat[fold == number].mean() for number in range(10)]
            for of_repeat, fold in zip(right, folds, strict=True)
        ]
    )
    half = t.ppf(0.975, 9) * math.sqrt((1 / 30 + 1 / 9) * means.var(ddof=1))
    assert scores.interval(right, folds) == pytest.approx((right.mean() - half, right.mean() + half))


def test_an_interval_is_never_narrower_than_that_of_independent_images():
    low, high = scores.interval(np.ones((3, 100), bool), many(images=100)[1])
    # Wilson's interval of 100 of 100: 100 / (100 + 1.96 ** 2).
    assert (low, high) == (pytest.approx(100 / (100 + 1.959964**2), abs=1e-5), 1)


def test_an_interval_stays_between_0_and_1():
    low, high = scores.interval(RIGHT, FOLDS)
    assert (low, high) == (0, 1)


def test_a_fold_without_images_of_a_class_has_no_score():
    assert scores.fold_means(np.array([[1.0, 0.0]]), np.array([[0, 2]]))[0].tolist() == [1, 0]
    assert scores.interval(np.array([[True]]), np.array([[0]])) == (0, 1)


@pytest.fixture
def validated(make_pool):
    pool = make_pool([0, 0, 1, 1], numbers=["a", "b", "c", "d"], classes=["glass", "007"])
    probabilities = np.array(
        [[[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]], [[0.8, 0.2], [0.6, 0.4], [0.7, 0.3], [0.4, 0.6]]], np.float32
    )
    return pool, probabilities, FOLDS


def test_metrics_are_means_over_repeats(validated):
    metrics = scores.summarize(*validated, ["A note."])
    assert metrics["accuracy"] == 6 / 8
    assert metrics["classes"]["glass"]["accuracy"] == 3 / 4 and metrics["classes"]["glass"]["images"] == 2
    # First repeat: glass has 1 of 2, and no other image; 007 has both and one more. Second: the other way round.
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    of_actual = [0.9, 0.4, 0.8, 0.7, 0.8, 0.6, 0.3, 0.6]
    assert metrics["loss"] == pytest.approx(-np.log(of_actual).mean(), rel=1e-5)
    assert (metrics["images"], metrics["folds"], metrics["repeats"], metrics["notes"]) == (4, 2, 2, ["A note."])
    assert metrics["folds_accuracy"] == {"lowest": 0.5, "highest": 1, "sd": pytest.approx(math.sqrt(1 / 12))}
    assert "about 2 images" in metrics["estimates"]


def test_predictions_have_a_row_for_each_image(validated, tmp_path):
    pool, probabilities, folds = validated
    table = scores.predictions(pool, probabilities, folds)
    io.write_csv(tmp_path / "table.csv", table)
    table = io.read_csv(tmp_path / "table.csv", scores.COLUMNS)
    assert list(table.columns) == ["path", "pixels", "split", "actual", "predicted", "probability", "folds", "right"]
    rows = table[["path", "actual", "predicted", "probability", "folds", "right"]].to_numpy().tolist()
    assert rows == [
        ["train/a.jpg", "glass", "glass", 0.85, "0 0", "11"],
        ["train/b.jpg", "glass", "glass", 0.5, "0 1", "01"],
        ["train/c.jpg", "007", "007", 0.55, "1 0", "10"],
        ["train/d.jpg", "007", "007", 0.65, "1 1", "11"],
    ]
