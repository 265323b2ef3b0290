"""The learning curve: accuracy by the number of training images, and what more of them would give.

The error follows a power law of the number of training images over a wide range (Hestness et al. 2017, "Deep learning
scaling is predictable, empirically"): error = b * images ** -c.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from transfer.cross_validation import folds as dealing
from transfer.cross_validation.pool import Pool
from transfer.evaluation.intervals import CONFIDENCE

# The curve has a point for each of these parts of the training images: an eighth, a quarter, a half and all.
DIVISORS = (8, 4, 2, 1)
MORE_IMAGES = 100
RESAMPLES = 1000
# No class has this name: it is the name of a folder.
ALL = ""


def divisors(labels: np.ndarray, groups: np.ndarray) -> tuple[int, ...]:
    """Those parts of which every class fills each with at least two groups, largest divisor first; 1 always."""
    fewest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    return tuple(divisor for divisor in DIVISORS if divisor == 1 or fewest >= 2 * divisor)


def part(pool: Pool, groups: np.ndarray, divisor: int, seed: int, repeat: int) -> np.ndarray:
    """The rows of one part of the pool: every class divided by `divisor`, groups kept together."""
    dealt = dealing.deal(pool, groups, divisor, seed, repeat, divisor)
    return np.flatnonzero(dealt == 0)


class LearningCurve:
    """The points of the curve, overall and of each class, with power laws fitted to them.

    Args:
        right: whether each image is classified correctly (images,), by divisor and repeat.
        folds: the fold of each image in each repeat (repeats, images).
    """

    def __init__(self, pool: Pool, right: Mapping[int, Mapping[int, np.ndarray]], folds: np.ndarray):
        self.divisors = list(right)
        number = int(folds.max()) + 1
        # Whole folds are drawn anew, the same ones for every point of the curve; so many that the variance of a mean is
        # the corrected one (see `scores`).
        cells = number * len(folds)
        drawn = max(1, round(1 / (1 / cells + 1 / (number - 1))))
        weights = np.random.default_rng(0).multinomial(drawn, np.full(cells, 1 / cells), RESAMPLES)
        self.curves: dict[str, dict[str, Any]] = {}
        members = {ALL: np.ones(len(pool), bool)}
        members |= {name: pool.labels == label for label, name in enumerate(pool.classes)}
        points = [np.stack([of_point[repeat] for repeat in range(len(folds))]) for of_point in right.values()]
        for name, rows in members.items():
            images = rows.sum() * (number - 1) / number / np.array(self.divisors)
            counts, correct = _by_fold(rows, folds, number, points)
            self.curves[name] = _curve(images, counts, correct, weights)

    def table(self) -> pd.DataFrame:
        """A row for each point: class, share, images, accuracy, accuracy_low, accuracy_high and fitted."""
        return pd.concat(
            pd.DataFrame(
                {
                    "class": name,
                    "share": [1 / divisor for divisor in self.divisors],
                    "images": curve["images"].round(1),
                    "accuracy": curve["accuracy"],
                    "accuracy_low": curve["low"],
                    "accuracy_high": curve["high"],
                    "fitted": curve["fitted"],
                }
            )
            for name, curve in self.curves.items()
        )

    def metrics(self) -> dict[str, Any]:
        """The exponent of the power law and the gain in accuracy from more images, overall and of each class."""
        names = ("exponent", "gain", "gain_low", "gain_high")
        of_curves = {name: {key: curve[key] for key in names} for name, curve in self.curves.items()}
        return {"more_images": MORE_IMAGES, **of_curves.pop(ALL), "classes": of_curves}

    def sentences(self) -> list[str]:
        """See the function of the same name."""
        return sentences(self.metrics())


def sentences(metrics: Mapping[str, Any], write_name: Callable[[str], str] = str) -> list[str]:
    """One sentence on what more images would give, overall and for the class that would gain most.

    Args:
        metrics: what `LearningCurve.metrics` returns.
        write_name: how the name of a class is written.
    """
    if metrics["gain"] is None:
        return ["There are too few images of some class for a learning curve."]
    more, classes = metrics["more_images"], metrics["classes"]
    best = max(classes, key=lambda name: classes[name]["gain"])
    name = write_name(best)
    return [
        f"{more} more images, of all classes alike, would give {points(metrics)} of accuracy.",
        f"{more} more of {name}, if the other classes grew alike, would give {points(classes[best])} of the accuracy "
        f"of {name}.",
    ]


def points(gain: Mapping[str, float]) -> str:
    """The interval of a gain in accuracy, in percentage points."""
    # Rounded to zero, a gain of either sign is the same.
    low, high = (round(100 * gain[f"gain_{end}"], 1) or 0.0 for end in ("low", "high"))
    return f"{low:.1f} to {high:.1f} points"


def fit_power_law(images: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """b and c of error = b * images ** -c, by least squares on logarithms; each of the shape (...,).

    Args:
        images: the number of training images at each point, at least two (points,).
        errors: above 0 (..., points).
    """
    x, y = np.log(images), np.log(errors)
    centred = x - x.mean()
    slope = (y * centred).sum(axis=-1) / (centred**2).sum()
    return np.exp(y.mean(axis=-1) - slope * x.mean()), -slope


def _by_fold(
    rows: np.ndarray, folds: np.ndarray, number: int, right: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """How many of these images each fold of each repeat has (folds,), and how many are right at each point."""
    cells = (folds + number * np.arange(len(folds))[:, None])[:, rows].ravel()
    size = number * len(folds)
    correct = [np.bincount(cells, of_point[:, rows].ravel(), minlength=size) for of_point in right]
    return np.bincount(cells, minlength=size), np.stack(correct, axis=-1)


def _curve(images: np.ndarray, counts: np.ndarray, correct: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    total = np.concatenate([[counts.sum()], weights @ counts])[:, None]
    correct = np.concatenate([correct.sum(axis=0)[None], weights @ correct])
    # The folds that are drawn may have no image of a small class.
    accuracy = np.divide(correct, total, out=np.full(correct.shape, np.nan), where=total > 0)
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.nanquantile(accuracy[1:], tails, axis=0)
    points = {"images": images, "accuracy": accuracy[0], "low": low, "high": high}
    if len(images) < 2:
        return points | {"fitted": accuracy[0]} | dict.fromkeys(("exponent", "gain", "gain_low", "gain_high"))
    # Half a mistake more, so that a class without mistakes has a logarithm.
    factor, exponent = fit_power_law(images, (total - correct + 0.5) / (total + 1))
    gain = factor * images[-1] ** -exponent - factor * (images[-1] + MORE_IMAGES) ** -exponent
    gain_low, gain_high = np.quantile(gain[1:], tails)
    return points | {
        "fitted": 1 - factor[0] * images ** -exponent[0],
        "exponent": float(exponent[0]),
        "gain": float(gain[0]),
        "gain_low": float(gain_low),
        "gain_high": float(gain_high),
    }
