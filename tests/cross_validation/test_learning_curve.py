"""The learning curve: parts of the images, points, and the power law through them."""

import numpy as np
import pytest

from transfer.cross_validation import learning_curve


def test_parts_are_balanced_and_keep_groups_whole(make_pool):
    pool = make_pool(np.repeat([0, 1], [80, 48]))
    group = np.concatenate([np.repeat(np.arange(40), 2), 100 + np.arange(48)])
    for divisor in (8, 4, 2, 1):
        part = learning_curve.part(pool, group, divisor, seed=1, repeat=0)
        assert np.bincount(pool.labels[part]).tolist() == [80 // divisor, 48 // divisor]
        assert all(len(rows := np.flatnonzero(group == number)) == np.isin(rows, part).sum() for number in group[part])
    first, second = (learning_curve.part(pool, group, 2, seed=1, repeat=repeat) for repeat in (0, 1))
    assert set(first) != set(second)


def test_small_classes_have_fewer_points():
    labels = np.repeat([0, 1], [100, 9])
    assert learning_curve.divisors(labels, np.arange(109)) == (4, 2, 1)
    assert learning_curve.divisors(
        labels, np.concatenate([np.arange(100), [200, 200, 200, 201, 201, 202, 202, 203, 203]])
    ) == (2, 1)
    assert learning_curve.divisors(np.repeat([0, 1], 2), np.arange(4)) == (1,)


def test_a_power_law_is_recovered_from_its_points():
    images = np.array([10, 20, 40, 80])
    factor, exponent = learning_curve.fit_power_law(images, np.stack([0.9 * images**-0.3, 0.2 * images**0.1]))
    assert factor == pytest.approx([0.9, 0.2]) and exponent == pytest.approx([0.3, -0.1])


def curve_with_accuracies(make_pool, accuracies, repeats=3, images=1000, folds=10):
    """A curve of two classes, with these accuracies at each point, by divisor."""
    generator = np.random.default_rng(0)
    pool = make_pool(np.arange(images) % 2, classes=["glass", "007"])
    fold = np.stack([generator.permutation(images) % folds for _ in range(repeats)])
    luck = generator.random(images)
    right = {divisor: np.stack([luck < value] * repeats) for divisor, value in accuracies.items()}
    return learning_curve.LearningCurve(pool, right, fold), right


def test_the_points_are_accuracies_with_intervals(make_pool):
    curve, right = curve_with_accuracies(make_pool, {8: 0.6, 4: 0.7, 2: 0.77, 1: 0.82})
    table = curve.table()
    columns = ["class", "share", "images", "accuracy", "accuracy_low", "accuracy_high", "fitted"]
    assert list(table.columns) == columns
    overall = table[table["class"] == ""]
    assert overall["share"].tolist() == [0.125, 0.25, 0.5, 1]
    # Nine of ten images train a head.
    assert overall["images"].tolist() == [112.5, 225, 450, 900]
    assert overall["accuracy"].tolist() == pytest.approx([of_point.mean() for of_point in right.values()])
    assert table[table["class"] == "007"]["accuracy"].tolist() == pytest.approx(
        [of_point[:, 1::2].mean() for of_point in right.values()]
    )
    width = overall["accuracy_high"] - overall["accuracy_low"]
    # 1,000 images, with about 1.2 times their standard error because of the correction.
    assert 0.04 < width.iloc[-1] < 0.075
    assert np.abs(overall["fitted"] - overall["accuracy"]).max() < 0.02


def test_more_images_give_what_the_power_law_says(make_pool):
    images = np.array([112.5, 225, 450, 900])
    errors = 3 * images**-0.4
    curve, _ = curve_with_accuracies(make_pool, dict(zip((8, 4, 2, 1), 1 - errors, strict=True)), images=1000)
    metrics = curve.metrics()
    gain = 3 * 900**-0.4 - 3 * 1000**-0.4
    assert metrics["gain_low"] < gain < metrics["gain_high"]
    assert metrics["exponent"] == pytest.approx(0.4, abs=0.05)
    # 100 more of half the images are as many as 200 more of all.
    assert metrics["classes"]["007"]["gain"] == pytest.approx(3 * 900**-0.4 - 3 * 1100**-0.4, abs=0.006)
    low, high = (100 * metrics[f"gain_{end}"] for end in ("low", "high"))
    assert f"would give {low:.1f} to {high:.1f} points" in curve.sentences()[0]


def test_the_class_that_would_gain_most_is_named():
    gains = {
        "glass": {"gain": 0.01, "gain_low": -0.002, "gain_high": 0.02},
        "a#1": {"gain": 0.03, "gain_low": -0.0001, "gain_high": 0.0521},
    }
    metrics = {"more_images": 100, "gain": 0.003, "gain_low": 0.0018, "gain_high": 0.0035, "classes": gains}
    overall, of_class = learning_curve.sentences(metrics, str.upper)
    assert overall == "100 more images, of all classes alike, would give 0.2 to 0.4 points of accuracy."
    # What rounds to zero has no sign.
    assert of_class == (
        "100 more of A#1, if the other classes grew alike, would give 0.0 to 5.2 points of the accuracy of A#1."
    )
    assert learning_curve.points(gains["glass"]) == "-0.2 to 2.0 points"


def test_a_class_without_mistakes_has_a_curve(make_pool):
    curve, _ = curve_with_accuracies(make_pool, {2: 1.0, 1: 1.0})
    assert curve.metrics()["classes"]["glass"]["gain"] == pytest.approx(0, abs=1e-6)
    assert curve.table()["accuracy"].tolist() == [1.0] * 6


def test_a_single_point_has_no_slope(make_pool):
    curve, _ = curve_with_accuracies(make_pool, {1: 0.8}, repeats=1, images=20, folds=2)
    assert curve.metrics()["classes"]["glass"] == dict.fromkeys(("exponent", "gain", "gain_low", "gain_high"))
    assert curve.sentences() == ["There are too few images of some class for a learning curve."]
    assert len(curve.table()) == 3


def test_a_class_with_fewer_images_than_folds_drawn_has_a_curve(make_pool):
    generator = np.random.default_rng(0)
    pool = make_pool([0] * 98 + [1] * 2)
    fold = np.stack([generator.permutation(100) % 2 for _ in range(3)])
    right = {divisor: generator.random((3, 100)) < 0.8 for divisor in (2, 1)}
    table = learning_curve.LearningCurve(pool, right, fold).table()
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)
