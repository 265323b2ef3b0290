"""Significance: the exact tests against their definitions, and the verdicts on figures of the study."""

import time
from itertools import product
from math import comb

import numpy as np
import pytest
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar

from transfer.evaluation import significance
from transfer.evaluation.significance import PairedComparison, compare_macro_f1, compare_paired, format_p_value


def exact_p_value(one, other):
    """Both tails of a fair coin, from binomial coefficients."""
    total = one + other
    tail = sum(comb(total, k) for k in range(min(one, other) + 1)) / 2**total
    return min(1.0, 2 * tail)


@pytest.mark.parametrize(
    ("one", "other", "p"), [(0, 1, 1.0), (1, 8, 20 / 512), (0, 6, 2 / 64), (5, 5, 1.0), (0, 0, 1.0)]
)
def test_the_p_value_is_the_one_computed_by_hand(one, other, p):
    assert PairedComparison(50, one, other, 3).p_value == pytest.approx(p)


def test_the_p_value_agrees_with_its_definition_on_random_cases():
    generator = np.random.default_rng(0)
    for _ in range(200):
        one, other = map(int, generator.integers(0, 40, 2))
        assert PairedComparison(1, one, other, 1).p_value == pytest.approx(exact_p_value(one, other), rel=1e-9)


def test_the_p_value_agrees_with_statsmodels_on_random_cases():
    generator = np.random.default_rng(1)
    for _ in range(100):
        both, one, other, neither = map(int, generator.integers(1, 60, 4))
        expected = mcnemar([[both, one], [other, neither]], exact=True).pvalue
        assert PairedComparison(both, one, other, neither).p_value == pytest.approx(expected, rel=1e-9)


def test_images_are_compared_one_by_one():
    first = np.array([True, True, False, False, True])
    second = np.array([True, False, True, False, False])
    assert compare_paired(first, second) == PairedComparison(both=1, only_first=2, only_second=1, neither=1)
    assert compare_paired(first, second).difference == pytest.approx(-1 / 5)


def right(count, images=118, seed=0):
    """Which images are classified correctly, `count` of them at random."""
    mask = np.arange(images) < count
    np.random.default_rng(seed).shuffle(mask)
    return mask


@pytest.mark.parametrize("seed", range(20))
def test_101_and_102_of_118_as_in_the_study_cannot_be_told_apart(seed):
    comparison = compare_paired(right(101, seed=seed), right(102, seed=seed + 100))
    assert "500 and 300 cannot be told apart" in comparison.verdict("500", "300")


def test_the_verdict_on_92_and_101_of_118_depends_on_which_images_changed():
    # If only nine more are right, the difference is significant; if others became wrong in exchange, it is not.
    first = np.arange(118) < 92
    assert "tuned is better than head" in compare_paired(first, np.arange(118) < 101).verdict("head", "tuned")
    assert "tuned is better than head" in compare_paired(np.arange(118) < 101, first).verdict("tuned", "head")
    moved = np.roll(np.arange(118) < 101, 17)
    assert "cannot be told apart" in compare_paired(first, moved).verdict("head", "tuned")


def test_models_that_are_right_on_the_same_images_cannot_be_told_apart():
    assert "right on the same images of 118" in compare_paired(right(90), right(90)).verdict("a", "b")


def test_a_small_p_value_is_not_printed_as_zero():
    assert (format_p_value(0.0004), format_p_value(0.0074), format_p_value(1.0)) == ("< 0.001", "= 0.007", "= 1.000")
    assert "(exact McNemar p < 0.001)" in PairedComparison(50, 0, 20, 3).verdict("a", "b")


def macro_f1(actual, predicted):
    return f1_score(actual, predicted, labels=np.unique(actual), average="macro", zero_division=0)


def p_value_of_all_swaps(actual, first, second):
    """The share of all ways to swap the models, image by image, with at least the observed difference."""
    observed = abs(macro_f1(actual, second) - macro_f1(actual, first))
    swaps = [np.array(swapped) for swapped in product([False, True], repeat=len(actual))]
    at_least = [
        abs(macro_f1(actual, np.where(swap, first, second)) - macro_f1(actual, np.where(swap, second, first)))
        >= observed - 1e-12
        for swap in swaps
    ]
    return np.mean(at_least)


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_of_macro_f1_counts_all_swaps(seed):
    generator = np.random.default_rng(seed)
    actual, first, second = np.array(["a", "b", "c"], dtype=object)[generator.integers(0, 3, (3, 7))]
    comparison = compare_macro_f1(actual, first, second)
    assert comparison.first == pytest.approx(macro_f1(actual, first))
    assert comparison.second == pytest.approx(macro_f1(actual, second))
    assert comparison.p_value == pytest.approx(p_value_of_all_swaps(actual, first, second))


def test_random_swaps_come_close_to_all_swaps(monkeypatch):
    generator = np.random.default_rng(5)
    actual, first, second = generator.integers(0, 3, (3, 9))
    first = actual.copy()
    exact = compare_macro_f1(actual, first, second).p_value
    assert exact == pytest.approx(p_value_of_all_swaps(actual, first, second))
    # The same images four times: the predictions differ on too many images to go through all swaps.
    repeated = [np.tile(labels, 4) for labels in (actual, first, second)]
    assert compare_macro_f1(*repeated) == compare_macro_f1(*repeated)
    assert compare_macro_f1(*repeated).p_value < 0.01 < exact
    monkeypatch.setattr(significance, "RESAMPLES", 60)
    assert compare_macro_f1(actual, first, second).p_value == pytest.approx(exact, abs=0.15)


def test_predictions_that_differ_on_at_most_one_image_cannot_be_told_apart_by_macro_f1():
    actual = np.array([0, 0, 1, 1])
    assert compare_macro_f1(actual, actual, actual).p_value == 1
    assert compare_macro_f1(actual, np.array([0, 0, 1, 0]), actual).p_value == 1


@pytest.mark.parametrize(("classes", "images"), [(6, 118), (100, 300)])
def test_macro_f1_is_compared_within_a_second(classes, images):
    generator = np.random.default_rng(0)
    actual, first, second = generator.integers(0, classes, (3, images))
    start = time.perf_counter()
    compare_macro_f1(actual, first, second)
    assert time.perf_counter() - start < 1
