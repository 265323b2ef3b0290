"""Near-duplicates: images of the same object in two splits, detected by the similarity of their features.

`prepare` refuses copies before anything is computed. Two photographs of one object differ in their pixels, but the
backbone gives them nearly the same features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from transfer.evaluation.intervals import accuracy_with_interval
from transfer.loading.features import ImageFeatures
from transfer.loading.prepared import Split
from transfer.plotting import lettering
from transfer.plotting.pairs import ImagePair

ImageArray = np.ndarray | ImageFeatures
# So many pairs are always listed and shown, so that a person can judge the threshold.
NEAREST = 12
# How many images of each side are compared at a time: memory does not grow with the dataset.
BLOCK = 1024


@dataclass(frozen=True)
class Neighbor:
    """An image, by row, and its nearest image in another split: the one whose feature has the highest cosine."""

    row: int
    split: str
    other: int
    cosine: float


@dataclass(frozen=True)
class NearDuplicates:
    """The nearest neighbour of each image of a split in other splits, the most similar first.

    Attributes:
        neighbors: one for each image.
        compared: the names of the other splits.
        threshold: the cosine from which two images count as near-duplicates.
        split: the name of the split.
        validation: for the test split, the same search for validation images in training; None if training images have
            no features.
    """

    neighbors: list[Neighbor]
    compared: tuple[str, ...]
    threshold: float
    split: str = "test"
    validation: "NearDuplicates | None" = None

    @property
    def duplicates(self) -> list[Neighbor]:
        """The neighbours that count as near-duplicates."""
        return [neighbor for neighbor in self.neighbors if neighbor.cosine >= self.threshold]

    @property
    def listed(self) -> list[Neighbor]:
        """All near-duplicates, and at least the `NEAREST` most similar neighbours."""
        return self.neighbors[: max(len(self.duplicates), NEAREST)]

    def table(self, splits: Mapping[str, Split]) -> pd.DataFrame:
        """A row for each listed neighbour, and below them one for each near-duplicate of validation in training.

        The columns are path, actual, other_split, other_path, other_actual, cosine and near_duplicate.

        Args:
            splits: all splits, by name.
        """
        listed = [(self.split, neighbor) for neighbor in self.listed]
        if self.validation:
            listed += [(self.validation.split, neighbor) for neighbor in self.validation.duplicates]
        return pd.DataFrame(
            {
                "path": splits[name].paths[neighbor.row],
                "actual": splits[name].classes[splits[name].labels[neighbor.row]],
                "other_split": neighbor.split,
                "other_path": splits[neighbor.split].paths[neighbor.other],
                "other_actual": splits[neighbor.split].classes[splits[neighbor.split].labels[neighbor.other]],
                "cosine": neighbor.cosine,
                "near_duplicate": "yes" if neighbor.cosine >= self.threshold else "no",
            }
            for name, neighbor in listed
        )

    @property
    def title(self) -> str:
        """The title of a picture of the nearest pairs."""
        return (
            f"Test images and what is nearest to them in {self._compared}: "
            f"{len(self.duplicates)} of {len(self.neighbors)} have a near-duplicate "
            f"(cosine of at least {self.threshold:g})"
        )

    def image_pairs(self, splits: Mapping[str, Split]) -> list[ImagePair]:
        """The nearest pairs as images, near-duplicates highlighted; `splits` as for the table."""
        names = lettering.drawable_names(splits["test"].classes)
        pairs = []
        for neighbor in self.neighbors[:NEAREST]:
            sides = (splits["test"], neighbor.row, "test"), (splits[neighbor.split], neighbor.other, neighbor.split)
            images, captions, files = zip(
                *(
                    (
                        split.images[row],
                        f"{name}: {names[split.labels[row]]}",
                        lettering.file_name(split.paths[row], split.digests[row]),
                    )
                    for split, row, name in sides
                ),
                strict=True,
            )
            highlighted = "near-duplicate" if neighbor.cosine >= self.threshold else ""
            pairs.append(ImagePair(images, captions, files, f"cosine {neighbor.cosine:.3f}", highlighted))
        return pairs

    def notes(self, splits: Mapping[str, Split]) -> list[str]:
        """What has to be said below the picture of the nearest pairs; `splits` as for the table."""
        classes = splits["test"].classes
        drawn = {splits["test"].labels[neighbor.row] for neighbor in self.neighbors[:NEAREST]}
        drawn |= {splits[neighbor.split].labels[neighbor.other] for neighbor in self.neighbors[:NEAREST]}
        return lettering.notes([classes[label] for label in drawn])

    @property
    def _compared(self) -> str:
        return " and ".join(self.compared)

    def metrics(self, right: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """How many test images have a near-duplicate, and the accuracy of each model on the other test images.

        If all test images have one, the accuracies are None. For validation images: how many have one in training, if
        that could be computed.

        Args:
            right: whether each model classifies each test image correctly: booleans (images,) by model.
        """
        rows = np.setdiff1d(np.arange(len(self.neighbors)), [neighbor.row for neighbor in self.duplicates])
        return {
            "threshold": self.threshold,
            "compared_with": self._compared,
            "highest_cosine": self.neighbors[0].cosine,
            "images": len(self.duplicates),
            "without": {"images": len(rows)}
            | {model: accuracy_with_interval(of_model[rows]) for model, of_model in right.items()},
            "validation_in_train": self.validation
            and {
                "images": len(self.validation.duplicates),
                "of": len(self.validation.neighbors),
                "highest_cosine": self.validation.neighbors[0].cosine,
            },
        }


def find_near_duplicates(features: Mapping[str, ImageArray], threshold: float, block: int = BLOCK) -> NearDuplicates:
    """Find the nearest image in all other splits for each test image, and in training for each validation image.

    Args:
        features: (images, channels) by split, with `validation` and `test` among them.
        threshold: the cosine from which two images count as near-duplicates.
        block: how many images of each side are compared at a time.
    """
    others = {split: of_split for split, of_split in features.items() if split != "test"}
    earlier = {split: of_split for split, of_split in others.items() if split != "validation"}
    validation = None
    if earlier:
        neighbors = _nearest(features["validation"], earlier, block)
        validation = NearDuplicates(neighbors, tuple(earlier), threshold, "validation")
    neighbors = _nearest(features["test"], others, block)
    return NearDuplicates(neighbors, tuple(others), threshold, validation=validation)


def _nearest(features: ImageArray, others: Mapping[str, ImageArray], block: int) -> list[Neighbor]:
    """The nearest neighbour of each feature (images, channels) in the other splits, the most similar first."""
    neighbors = []
    for start in range(0, len(features), block):
        directions = _normalized(features[start : start + block])
        best = [Neighbor(start + row, "", -1, -np.inf) for row in range(len(directions))]
        for split, of_split in others.items():
            for first in range(0, len(of_split), block):
                cosines = directions @ _normalized(of_split[first : first + block]).T
                for row, column in enumerate(cosines.argmax(axis=1)):
                    # Of equal cosines the first counts, whatever the size of the blocks.
                    if cosines[row, column] > best[row].cosine:
                        best[row] = Neighbor(start + row, split, first + int(column), float(cosines[row, column]))
        neighbors += best
    return sorted(neighbors, key=lambda neighbor: (-neighbor.cosine, neighbor.row))


def _normalized(rows: np.ndarray) -> np.ndarray:
    """Features (images, channels) scaled to length 1. A feature of zeros stays zero and is similar to nothing."""
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
