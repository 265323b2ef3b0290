"""The cross-validated accuracy of a revision and of the workspace, with its interval."""

import math
from dataclasses import dataclass
from typing import Any

from scipy.stats import norm

from commands.comparison import revision as revisions
from transfer.common import io
from transfer.evaluation.intervals import CONFIDENCE

PATH = "metrics/cross_validation.json"
KEYS = ("accuracy", "accuracy_low", "accuracy_high")


@dataclass(frozen=True)
class Difference:
    """The second of two accuracies minus the first, its 95 % interval, and its p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def accuracy_of(revision: str | None) -> dict[str, float] | None:
    """The accuracy of a revision, or of the workspace, with its interval (`KEYS`).

    None if it has no cross-validation, or none that can be read.
    """
    metrics: dict[str, Any] = revisions.read_json(revision, PATH)
    accuracy = {key: metrics.get(key) for key in KEYS}
    usable = all(isinstance(value, io.NUMBER) and math.isfinite(value) for value in accuracy.values())
    return {key: float(value) for key, value in accuracy.items() if value is not None} if usable else None


def compare(before: dict[str, float], now: dict[str, float]) -> Difference:
    """Compare two cross-validated accuracies as if they were independent, each with a normal distribution.

    They share images, so they are positively correlated, and the true interval of the difference is narrower: the test
    is conservative. The half-width of an interval is the distance of its ends divided by two.
    """
    quantile = float(norm.ppf((1 + CONFIDENCE) / 2))
    half_width = math.hypot(*((of_one["accuracy_high"] - of_one["accuracy_low"]) / 2 for of_one in (before, now)))
    difference = now["accuracy"] - before["accuracy"]
    p_value = 2 * float(norm.sf(quantile * abs(difference) / half_width)) if half_width else float(not difference)
    return Difference(difference, difference - half_width, difference + half_width, p_value)
