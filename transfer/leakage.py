"""Images that another split may have seen: the same object, photographed twice.

Copies are refused before anything is computed. Two photographs of one object differ in their pixels, and what gives
them away is that the backbone sees nearly the same in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from transfer import files, scores
from transfer.galleries import SideBySide
from transfer.prepared import Split

# So many pairs are told and shown in any case, so that a person sees whether the threshold is any good.
NEAREST = 12
# Images compared with as many others at a time: memory stays the same however large the dataset is.
BLOCK = 1024


@dataclass(frozen=True)
class Pair:
    """An image, by row, and the image of another split, by row, whose feature has the highest cosine with its."""

    row: int
    split: str
    other: int
    cosine: float


@dataclass(frozen=True)
class Search:
    """A pair for each image of a split, the nearest first, and the cosine from which one counts as a near-duplicate.

    Attributes:
        split: whose images were compared with those of the splits `compared`.
        validation: where test images were searched, the same for validation images and training; None where training
            images have no features.
    """

    pairs: list[Pair]
    compared: tuple[str, ...]
    threshold: float
    split: str = "test"
    validation: "Search | None" = None

    @property
    def near(self) -> list[Pair]:
        """The pairs that count as near-duplicates."""
        return [pair for pair in self.pairs if pair.cosine >= self.threshold]

    @property
    def told(self) -> list[Pair]:
        """The near-duplicates, and the nearest of the others where those are few."""
        return self.pairs[: max(len(self.near), NEAREST)]

    def table(self, splits: Mapping[str, Split]) -> pd.DataFrame:
        """A row for each pair that is told, and below them for each near-duplicate of validation in training.

        Its columns are path, actual, other_split, other_path, other_actual, cosine and near_duplicate.

        Args:
            splits: all splits, by name.
        """
        told = [(self.split, pair) for pair in self.told]
        if self.validation:
            told += [(self.validation.split, pair) for pair in self.validation.near]
        return pd.DataFrame(
            {
                "path": splits[name].paths[pair.row],
                "actual": splits[name].classes[splits[name].labels[pair.row]],
                "other_split": pair.split,
                "other_path": splits[pair.split].paths[pair.other],
                "other_actual": splits[pair.split].classes[splits[pair.split].labels[pair.other]],
                "cosine": pair.cosine,
                "near_duplicate": "yes" if pair.cosine >= self.threshold else "no",
            }
            for name, pair in told
        )

    @property
    def title(self) -> str:
        """What a picture of the nearest pairs is called."""
        return (
            f"Test images and what is nearest to them in {self._compared}: "
            f"{len(self.near)} of {len(self.pairs)} have a near-duplicate (cosine of at least {self.threshold:g})"
        )

    def shown(self, splits: Mapping[str, Split]) -> list[SideBySide]:
        """The nearest pairs, near-duplicates standing out; `splits` as for the table."""
        return [
            SideBySide(
                (splits["test"].images[pair.row], splits[pair.split].images[pair.other]),
                (_caption(splits["test"], pair.row, "test"), _caption(splits[pair.split], pair.other, pair.split)),
                f"cosine {pair.cosine:.3f}" + (", near-duplicate" if pair.cosine >= self.threshold else ""),
                pair.cosine >= self.threshold,
            )
            for pair in self.pairs[:NEAREST]
        ]

    @property
    def _compared(self) -> str:
        return " and ".join(self.compared)

    def metrics(self, right: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """How many test images have a near-duplicate, and the accuracy of each model on the others.

        Where all have one, no image is left, and the accuracies are None. Then, how many validation images have one in
        training, if that is known.

        Args:
            right: by model, whether it is right on each test image (images,).
        """
        kept = np.setdiff1d(np.arange(len(self.pairs)), [pair.row for pair in self.near])
        return {
            "threshold": self.threshold,
            "compared_with": self._compared,
            "highest_cosine": self.pairs[0].cosine,
            "images": len(self.near),
            "without": {"images": len(kept)} | {model: _accuracy(found[kept]) for model, found in right.items()},
            "validation_in_train": self.validation
            and {
                "images": len(self.validation.near),
                "of": len(self.validation.pairs),
                "highest_cosine": self.validation.pairs[0].cosine,
            },
        }


def features(folder: Path, splits: Mapping[str, Split], channels: int) -> dict[str, np.ndarray]:
    """The feature of each image itself (images, channels), by split.

    Training images have none where every epoch draws its own view: they are left out then.

    Raises:
        Fault: an array is missing or broken, or is not of these images and so many channels.
    """
    paths = {split: folder / f"{split}.npy" for split in splits}
    if not paths["train"].exists():
        del paths["train"]
    # View 0 is the image itself
    return {split: files.open_array(path, (len(splits[split]), None, channels))[:, 0] for split, path in paths.items()}


def search(found: Mapping[str, np.ndarray], threshold: float, block: int = BLOCK) -> Search:
    """Find for each test image the nearest image of all other splits, and for each of validation that of training.

    Args:
        found: features (images, channels) by split, `validation` and `test` among them.
        threshold: the cosine from which two images count as near-duplicates.
        block: how many images of each side are compared at a time.
    """
    others = {split: of_split for split, of_split in found.items() if split != "test"}
    earlier = {split: of_split for split, of_split in others.items() if split != "validation"}
    validation = None
    if earlier:
        pairs = _nearest(found["validation"], earlier, block)
        validation = Search(pairs, tuple(earlier), threshold, "validation")
    return Search(_nearest(found["test"], others, block), tuple(others), threshold, validation=validation)


def _nearest(images: np.ndarray, others: Mapping[str, np.ndarray], block: int) -> list[Pair]:
    """For each feature (images, channels) the nearest of the other splits', the nearest of all first."""
    pairs = []
    for start in range(0, len(images), block):
        directions = _directions(images[start : start + block])
        best = [Pair(start + row, "", -1, -np.inf) for row in range(len(directions))]
        for split, of_split in others.items():
            for first in range(0, len(of_split), block):
                cosines = directions @ _directions(of_split[first : first + block]).T
                for row, place in enumerate(cosines.argmax(axis=1)):
                    # Of equal ones the first counts, however large the blocks are
                    if cosines[row, place] > best[row].cosine:
                        best[row] = Pair(start + row, split, first + int(place), float(cosines[row, place]))
        pairs += best
    return sorted(pairs, key=lambda pair: (-pair.cosine, pair.row))


def _directions(rows: np.ndarray) -> np.ndarray:
    """Features (images, channels) at length 1; one of zeros has no direction and is near to nothing."""
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _caption(split: Split, row: int, name: str) -> str:
    return f"{split.classes[split.labels[row]]}, {name}"


def _accuracy(right: np.ndarray) -> dict[str, float | None]:
    if not len(right):
        return dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"))
    low, high = scores.interval(int(right.sum()), len(right))
    return {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}
