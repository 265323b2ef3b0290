"""Two models, or two revisions of one, on the same images: is the difference more than chance?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

# The same confidence as of the intervals.
LEVEL = 0.05


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
            f"{first} alone on {self.only_first} (exact McNemar p = {self.p_value:.3f})"
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


def paired(first_right: np.ndarray, second_right: np.ndarray) -> Comparison:
    """Compare by whether each was right: two truth arrays (images,) over the same images in the same order."""
    return Comparison(
        both=int((first_right & second_right).sum()),
        only_first=int((first_right & ~second_right).sum()),
        only_second=int((~first_right & second_right).sum()),
        neither=int((~first_right & ~second_right).sum()),
    )
