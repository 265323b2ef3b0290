"""Confidence intervals of accuracies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import binomtest

CONFIDENCE = 0.95


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of an accuracy (Wilson 1927, as in scipy)."""
    interval = binomtest(correct, total).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_with_interval(right: np.ndarray) -> dict[str, float | None]:
    """Accuracy with its interval, given whether each image is right (images,); None without images."""
    if not len(right):
        return dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"))
    low, high = wilson_interval(int(right.sum()), len(right))
    return {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}


def format_accuracy(metrics: Mapping[str, Any]) -> str:
    """An accuracy with its interval, as text."""
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    return f"{metrics['accuracy']:.4f}, 95 % interval {low:.3f} to {high:.3f}"
