"""Paired comparison: the exact test against its definition, and the words against the study's own figures."""

import time
from itertools import product
from math import comb

import numpy as np
import pytest
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar
from transfer.evaluation.significance import PairedComparison
from transfer.evaluation.significance import compare_macro_f1
from transfer.evaluation.significance import compare_paired
from transfer.evaluation.significance import format_p_value


def exact(one, other):
    """Both tails of a fair coin, from the binomial coefficients."""
    total = one + other
    tail = sum(comb(total, k) for k in range(min(one, other) + 1)) / 2**total
    return min(1.0, 2 * tail)


@pytest.mark.parametrize(
    ("one", "other", "p"), [(0, 1, 1.0), (1, 8, 20 / 512), (0, 6, 2 / 64), (5, 5, 1.0), (0, 0, 1.0)]
)
def test_the_p_value_is_the_one_worked_out_by_hand(one, other, p):
    assert PairedComparison(50, one, other, 3).p_value == pytest.approx(p)


def test_the_p_value_agrees_with_the_definition_on_random_cases():
    chance = np.random.default_rng(0)
    for _ in range(200):
        one, other = map(int, chance.integers(0, 40, 2))
        assert PairedComparison(1, one, other, 1).p_value == pytest.approx(exact(one, other), rel=1e-9)


def test_the_p_value_agrees_with_statsmodels_on_random_cases():
    chance = np.random.default_rng(1)
    for _ in range(100):
        both, one, other, neither = map(int, chance.integers(1, 60, 4))
        expected = mcnemar([[both, one], [other, neither]], exact=True).pvalue
        assert PairedComparison(both, one, other, neither).p_value == pytest.approx(expected, rel=1e-9)


def test_images_are_paired_one_by_one():
    first = np.array([True, True, False, False, True])
    second = np.array([True, False, True, False, False])
    assert compare_paired(first, second) == PairedComparison(both=1, only_first=2, only_second=1, neither=1)
    assert compare_paired(first, second).difference == pytest.approx(-1 / 5)


def right(count, of=118, seed=0):
    found = np.arange(of) < count
    np.random.default_rng(seed).shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_studys_101_and_102_of_118_cannot_be_told_apart(seed):
    found = compare_paired(right(101, seed=seed), right(102, seed=seed + 100))
    assert "500 and 300 cannot be told apart" in found.verdict("500", "300")


def test_a_step_from_92_to_101_of_118_is_told_by_which_images_changed():
    # The same nine more: told apart; as many more, but with as much lost elsewhere: not
    first = np.arange(118) < 92
    assert "tuned is better than head" in compare_paired(first, np.arange(118) < 101).verdict("head", "tuned")
    assert "tuned is better than head" in compare_paired(np.arange(118) < 101, first).verdict("tuned", "head")
    moved = np.roll(np.arange(118) < 101, 17)
    assert "cannot be told apart" in compare_paired(first, moved).verdict("head", "tuned")


def test_models_that_are_right_on_the_same_images_are_not_told_apart():
    assert "right on the same images of 118" in compare_paired(right(90), right(90)).verdict("a", "b")


def test_a_p_value_is_never_told_as_nothing():
    assert (format_p_value(0.0004), format_p_value(0.0074), format_p_value(1.0)) == ("< 0.001", "= 0.007", "= 1.000")
    assert "(exact McNemar p < 0.001)" in PairedComparison(50, 0, 20, 3).verdict("a", "b")


def f1(actual, predicted):
    return f1_score(actual, predicted, labels=np.unique(actual), average="macro", zero_division=0)


def enumerated(actual, first, second):
    """How many of all ways to swap the two, image by image, set them at least as far apart as they are."""
    found = abs(f1(actual, second) - f1(actual, first))
    ways = [np.array(swapped) for swapped in product([False, True], repeat=len(actual))]
    apart = [
        abs(f1(actual, np.where(way, first, second)) - f1(actual, np.where(way, second, first))) >= found - 1e-12
        for way in ways
    ]
    return np.mean(apart)


@pytest.mark.parametrize("seed", range(4))
def test_macro_f1_is_compared_as_by_going_through_all_swaps(seed):
    chance = np.random.default_rng(seed)
    actual, first, second = np.array(["a", "b", "c"], dtype=object)[chance.integers(0, 3, (3, 7))]
    found = compare_macro_f1(actual, first, second)
    assert found.first == pytest.approx(f1(actual, first)) and found.second == pytest.approx(f1(actual, second))
    assert found.p_value == pytest.approx(enumerated(actual, first, second))


def test_macro_f1_at_random_comes_near_to_going_through_all_swaps(monkeypatch):
    chance = np.random.default_rng(5)
    actual, first, second = chance.integers(0, 3, (3, 9))
    first = actual.copy()
    exact = compare_macro_f1(actual, first, second).p_value
    assert exact == pytest.approx(enumerated(actual, first, second))
    # The same images four times, in which predictions differ on too many for all ways
    many = [np.tile(of, 4) for of in (actual, first, second)]
    assert compare_macro_f1(*many) == compare_macro_f1(*many)
    assert compare_macro_f1(*many).p_value < 0.01 < exact
    monkeypatch.setattr("transfer.comparison.RESAMPLES", 60)
    assert compare_macro_f1(actual, first, second).p_value == pytest.approx(exact, abs=0.15)


def test_predictions_that_agree_or_differ_once_cannot_be_told_apart_by_macro_f1():
    actual = np.array([0, 0, 1, 1])
    assert compare_macro_f1(actual, actual, actual).p_value == 1
    assert compare_macro_f1(actual, np.array([0, 0, 1, 0]), actual).p_value == 1


def test_macro_f1_takes_less_than_a_second():
    chance = np.random.default_rng(0)
    actual, first, second = chance.integers(0, 6, (3, 118))
    started = time.perf_counter()
    compare_macro_f1(actual, first, second)
    assert time.perf_counter() - started < 1
