"""Two models, or two revisions of one, on the same images: is the difference more than chance?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, permutation_test

# The same confidence as of the intervals.
LEVEL = 0.05
RESAMPLES = 9999
# How many of them are held at once: memory stays bounded on any number of images
BATCH = 1000


@dataclass(frozen=True)
class Comparison:
    """How many images both get right, only the first, only the second, and neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def images(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """Of the first and of the second."""
        return (self.both + self.only_first) / self.images, (self.both + self.only_second) / self.images

    @property
    def p_value(self) -> float:
        """Exact McNemar test, two-sided (McNemar 1947): were it a coin's toss which of the two is right where one is.

        The images that both get right, or neither, say nothing about the difference. Without any other it is 1.
        """
        apart = self.only_first + self.only_second
        return float(binomtest(self.only_first, apart).pvalue) if apart else 1.0

    @property
    def difference(self) -> float:
        """Accuracy of the second less that of the first."""
        return (self.only_second - self.only_first) / self.images

    def verdict(self, first: str, second: str) -> str:
        """In one sentence, what the same images say about the two."""
        if not self.only_first + self.only_second:
            return f"{first} and {second} are right on the same images of {self.images}: they cannot be told apart."
        counts = (
            f"of {self.images} images {second} alone is right on {self.only_second}, "
            f"{first} alone on {self.only_first} (exact McNemar p {told(self.p_value)})"
        )
        if self.p_value >= LEVEL:
            return f"{first} and {second} cannot be told apart: {counts}."
        better, worse = (second, first) if self.difference > 0 else (first, second)
        return f"{better} is better than {worse}: {counts}."

    def metrics(self, first: str, second: str) -> dict[str, Any]:
        """All of it, to be written down."""
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
class MacroF1:
    """Macro F1 of two on the same images, and how often chance alone would set them as far apart."""

    first: float
    second: float
    p_value: float

    @property
    def difference(self) -> float:
        """That of the second less that of the first."""
        return self.second - self.first


def told(p_value: float) -> str:
    """A p value as it stands after the letter p."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def paired(first_right: np.ndarray, second_right: np.ndarray) -> Comparison:
    """Compare by whether each was right: two truth arrays (images,) over the same images in the same order."""
    return Comparison(
        both=int((first_right & second_right).sum()),
        only_first=int((first_right & ~second_right).sum()),
        only_second=int((~first_right & second_right).sum()),
        neither=int((~first_right & ~second_right).sum()),
    )


def macro_f1(actual: np.ndarray, first: np.ndarray, second: np.ndarray) -> MacroF1:
    """Compare by F1, averaged over the classes that the images have.

    Macro F1 is no mean over images, so McNemar's test does not apply. This is the paired permutation test, two-sided
    (Noreen 1989, "approximate randomization"; for F scores Yeh 2000, "More accurate tests for the statistical
    significance of result differences"): were the two alike, which of them made which of an image's two predictions
    would be a coin's toss. All ways to swap are gone through if they are no more than 9999, otherwise as many
    at random, the same each time. Where both say the same a swap changes nothing: only the others are swapped.

    Args:
        actual, first, second: the images' classes, and what each takes them for (images,), in the same order.
    """
    numbers = np.unique(np.concatenate([actual, first, second]), return_inverse=True)[1]
    actual, first, second = numbers.reshape(3, -1)
    labels, support = np.unique(actual, return_counts=True)
    apart = first != second

    def counts(actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """How many are rightly taken for each class, and how many at all: (2, ..., classes)."""
        taken = [predicted == label for label in labels]
        return np.stack([[(found & (predicted == actual)).sum(-1), found.sum(-1)] for found in taken], axis=-1)

    agreed = counts(actual[~apart], first[~apart])

    def score(predicted: np.ndarray) -> np.ndarray:
        """Macro F1 (...), given predictions (..., images) of the images that the two do not agree on."""
        of_these = counts(actual[apart], predicted)
        right, taken = (known + found for known, found in zip(agreed, of_these, strict=True))
        return (2 * right / (taken + support)).mean(-1)

    def change(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        return score(second) - score(first)

    sides = first[apart], second[apart]
    p_value = 1.0  # A single swap gives the same difference the other way round
    if apart.sum() > 1:
        found = permutation_test(
            sides,
            change,
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=BATCH,
            axis=-1,
            rng=0,
        )
        p_value = float(found.pvalue)
    of_first, of_second = (float(score(side)) for side in sides)
    return MacroF1(of_first, of_second, p_value)
