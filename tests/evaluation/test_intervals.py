"""Confidence intervals of accuracies."""

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from transfer.evaluation import intervals


def wilson(correct, total, z=1.959963984540054):
    share = correct / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return middle - half, middle + half


def test_the_interval_of_102_of_118_is_that_of_the_formula():
    low, high = intervals.wilson_interval(102, 118)
    assert (round(low, 3), round(high, 3)) == (0.791, 0.915)
    assert (low, high) == pytest.approx(wilson(102, 118), abs=1e-12)


def test_the_interval_agrees_with_statsmodels_on_random_cases():
    generator = np.random.default_rng(0)
    for _ in range(200):
        total = int(generator.integers(1, 500))
        right = int(generator.integers(0, total + 1))
        assert intervals.wilson_interval(right, total) == pytest.approx(
            proportion_confint(right, total, method="wilson")
        )


def test_an_accuracy_is_printed_with_its_interval():
    right = {"accuracy": 0.5, "accuracy_low": 0.0945, "accuracy_high": 0.9055}
    assert intervals.format_accuracy(right) == "0.5000, 95 % interval 0.095 to 0.905"


@pytest.mark.parametrize("total", [1, 5, 118])
def test_the_interval_stays_within_0_and_1(total):
    z2 = 1.959963984540054**2
    assert intervals.wilson_interval(0, total) == pytest.approx((0, z2 / (total + z2)), abs=1e-12)
    assert intervals.wilson_interval(total, total) == pytest.approx((total / (total + z2), 1), abs=1e-12)
    assert intervals.wilson_interval(0, total)[0] >= 0
    assert intervals.wilson_interval(total, total)[1] <= 1


def test_without_images_there_is_no_accuracy():
    expected = {"accuracy": None, "accuracy_low": None, "accuracy_high": None}
    assert intervals.accuracy_with_interval(np.zeros(0, bool)) == expected
