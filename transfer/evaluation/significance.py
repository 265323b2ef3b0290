"""Significance: whether two models, or two versions of one, differ by more than chance on the same images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, permutation_test

# The complement of the confidence of the intervals.
SIGNIFICANCE_LEVEL = 0.05
RESAMPLES = 9999
# How many resamples are held at once: memory stays bounded for any number of images.
BATCH = 1000


@dataclass(frozen=True)
class PairedComparison:
    """How many images both models classify correctly, only the first, only the second, and neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def images(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """Accuracy of the first and of the second."""
        return (self.both + self.only_first) / self.images, (self.both + self.only_second) / self.images

    @property
    def p_value(self) -> float:
        """The two-sided p-value of the exact McNemar test (McNemar 1947).

        Under the null hypothesis, where only one model is right, either is right with probability 1/2. Images that both
        or neither classify correctly carry no information. Without any other image, the p-value is 1.
        """
        discordant = self.only_first + self.only_second
        return float(binomtest(self.only_first, discordant).pvalue) if discordant else 1.0

    @property
    def difference(self) -> float:
        """Accuracy of the second minus accuracy of the first."""
        return (self.only_second - self.only_first) / self.images

    def verdict(self, first: str, second: str) -> str:
        """One sentence on what the images say about the two models, whose names are given."""
        if not self.only_first + self.only_second:
            return f"{first} and {second} are right on the same images of {self.images}: they cannot be told apart."
        counts = (
            f"of {self.images} images {second} alone is right on {self.only_second}, "
            f"{first} alone on {self.only_first} (exact McNemar p {format_p_value(self.p_value)})"
        )
        if self.p_value >= SIGNIFICANCE_LEVEL:
            return f"{first} and {second} cannot be told apart: {counts}."
        better, worse = (second, first) if self.difference > 0 else (first, second)
        return f"{better} is better than {worse}: {counts}."

    def metrics(self, first: str, second: str) -> dict[str, Any]:
        """Counts, difference, p-value and verdict, for JSON."""
        return {
            "images": self.images,
            "both_right": self.both,
            f"only_{first}_right": self.only_first,
            f"only_{second}_right": self.only_second,
            "neither_right": self.neither,
            "difference": self.difference,
            "p_value": self.p_value,
            "verdict": self.verdict(first, second),
        }


@dataclass(frozen=True)
class MacroF1Comparison:
    """Macro F1 of two models on the same images, and the p-value of their difference."""

    first: float
    second: float
    p_value: float

    @property
    def difference(self) -> float:
        """Macro F1 of the second minus that of the first."""
        return self.second - self.first


def format_p_value(p_value: float) -> str:
    """A p-value as it is printed after the letter p."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def compare_paired(first_right: np.ndarray, second_right: np.ndarray) -> PairedComparison:
    """Compare two models by whether each classifies each image correctly.

    Args:
        first_right, second_right: booleans (images,), of the same images in the same order.
    """
    return PairedComparison(
        both=int((first_right & second_right).sum()),
        only_first=int((first_right & ~second_right).sum()),
        only_second=int((~first_right & second_right).sum()),
        neither=int((~first_right & ~second_right).sum()),
    )


def compare_macro_f1(actual: np.ndarray, first: np.ndarray, second: np.ndarray) -> MacroF1Comparison:
    """Compare two models by F1, averaged over the classes that the images have.

    Macro F1 is not a mean over images, so McNemar's test does not apply. This is the two-sided paired permutation test
    (Noreen 1989, "approximate randomization"; for F scores Yeh 2000, "More accurate tests for the statistical
    significance of result differences"). Under the null hypothesis, the two predictions of an image may be swapped. If
    there are at most 9999 ways to swap, the test goes through all of them; otherwise it draws as many at random, the
    same each time. Images with equal predictions need no swapping.

    Args:
        actual, first, second: the classes of the images, and the predictions of both models (images,), in one order.
    """
    numbers = np.unique(np.concatenate([actual, first, second]), return_inverse=True)[1]
    actual, first, second = numbers.reshape(3, -1)
    labels, support = np.unique(actual, return_counts=True)
    different = first != second

    def counted(rows: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """For each of these images and each label: whether it is predicted correctly, and whether it is predicted.

        Returns:
            (images, 2 * labels) of 0 and 1; sums of such numbers are exact in `float32`.
        """
        of_label = predicted[rows, None] == labels
        return np.hstack([of_label & (actual[rows, None] == labels), of_label]).astype(np.float32)

    agreed_counts = counted(~different, first).sum(axis=0)
    of_first, of_second = counted(different, first), counted(different, second)
    predictions = first[different], second[different]

    def score(swapped: np.ndarray, of_model: np.ndarray, of_other: np.ndarray) -> np.ndarray:
        """Macro F1 (...) of a model, given on which images that differ it has the other's prediction (..., images)."""
        # A matrix product: with many classes, going through them one by one would take a minute.
        change = swapped.astype(np.float32) @ (of_other - of_model)
        correct, total = np.split((agreed_counts + of_model.sum(axis=0) + change).astype(np.float64), 2, axis=-1)
        return (2 * correct / (total + support)).mean(-1)

    def difference(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        swapped = first != predictions[0]
        return score(swapped, of_second, of_first) - score(swapped, of_first, of_second)

    p_value = 1.0  # a single swap gives the same difference with the opposite sign
    if different.sum() > 1:
        test = permutation_test(
            predictions,
            difference,
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=BATCH,
            axis=-1,
            rng=0,
        )
        p_value = float(test.pvalue)
    unswapped = np.zeros(len(of_first), bool)
    return MacroF1Comparison(
        float(score(unswapped, of_first, of_second)), float(score(unswapped, of_second, of_first)), p_value
    )
