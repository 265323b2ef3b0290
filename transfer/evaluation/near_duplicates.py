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
from transfer.loading.prepared import Split
from transfer.loading.similarity import BLOCK, ImageArray, Index
from transfer.plotting import lettering
from transfer.plotting.pairs import ImagePair

# So many pairs are always listed and shown, so that a person can judge the threshold.
NEAREST = 12
# More than two computations of a cosine differ by.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Neighbor:
    """An image, by row, and its nearest image in another split: the one whose feature has the highest cosine."""

    row: int
    split: str
    other: int
    cosine: float


@dataclass(frozen=True)
class NearDuplicates:
    """The images of a split that are nearest to images of other splits.

    Attributes:
        neighbors: of all images that have a near-duplicate, and of at least `NEAREST` images if there are so many: the
            nearest neighbour of each, the most similar first.
        images: how many images the split has.
        compared: the names of the other splits.
        threshold: the cosine from which two images count as near-duplicates.
        split: the name of the split.
        validation: for the test split, the same search for validation images in training; None if training images have
            no features.
    """

    neighbors: list[Neighbor]
    images: int
    compared: tuple[str, ...]
    threshold: float
    split: str = "test"
    validation: "NearDuplicates | None" = None

    @property
    def duplicates(self) -> list[Neighbor]:
        """The neighbours that count as near-duplicates."""
        return [neighbor for neighbor in self.neighbors if neighbor.cosine >= self.threshold]

    def table(self, splits: Mapping[str, Split]) -> pd.DataFrame:
        """A row for each listed neighbour, and below them one for each near-duplicate of validation in training.

        The columns are path, actual, other_split, other_path, other_actual, cosine and near_duplicate.

        Args:
            splits: all splits, by name.
        """
        listed = [(self.split, neighbor) for neighbor in self.neighbors]
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
            f"{len(self.duplicates)} of {self.images} have a near-duplicate "
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
        rows = np.setdiff1d(np.arange(self.images), [neighbor.row for neighbor in self.duplicates])
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
                "of": self.validation.images,
                "highest_cosine": self.validation.neighbors[0].cosine,
            },
        }


def find_near_duplicates(features: Mapping[str, ImageArray], threshold: float, block: int = BLOCK) -> NearDuplicates:
    """Find the test images that are nearest to images of other splits, and likewise validation images to training.

    Args:
        features: (images, channels) by split, with `validation` and `test` among them.
        threshold: the cosine from which two images count as near-duplicates.
        block: how many images of each side are compared at a time.
    """
    others = {split: of_split for split, of_split in features.items() if split != "test"}
    earlier = {split: of_split for split, of_split in others.items() if split != "validation"}
    validation = None
    if earlier:
        images = features["validation"]
        neighbors = _nearest(images, earlier, threshold, block)
        validation = NearDuplicates(neighbors, len(images), tuple(earlier), threshold, "validation")
    images = features["test"]
    neighbors = _nearest(images, others, threshold, block)
    return NearDuplicates(neighbors, len(images), tuple(others), threshold, validation=validation)


def _nearest(features: ImageArray, others: Mapping[str, ImageArray], threshold: float, block: int) -> list[Neighbor]:
    """The nearest neighbours of those images that are nearest to another split; see `NearDuplicates.neighbors`."""
    indexes = {split: Index(of_split) for split, of_split in others.items()}
    likely = np.max([index.likely_cosines(features, block) for index in indexes.values()], axis=0)
    # At least so many images have a neighbour with this cosine. Nothing farther is listed.
    last = np.sort(likely)[-min(NEAREST, len(likely))]
    least = min(threshold, float(last)) - ROUNDING
    best: dict[int, Neighbor] = {}
    for split, index in indexes.items():
        pairs = index.similar_pairs(features, least, 1, block)
        for row, other, cosine in zip(pairs.rows.tolist(), pairs.others.tolist(), pairs.cosines.tolist(), strict=True):
            # Of equal cosines the first counts.
            if row not in best or cosine > best[row].cosine:
                best[row] = Neighbor(row, split, other, cosine)
    neighbors = sorted(best.values(), key=lambda neighbor: (-neighbor.cosine, neighbor.row))
    duplicates = sum(neighbor.cosine >= threshold for neighbor in neighbors)
    return neighbors[: max(duplicates, NEAREST)]
