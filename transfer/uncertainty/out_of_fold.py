"""What cross-validation left about every training and validation image, by heads that have not seen it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer.common import arrays, io
from transfer.interface.errors import UserError
from transfer.loading.prepared import Split

METRICS, PREDICTIONS = "metrics/cross_validation.json", "plots/cross_validation/predictions.csv"
COLUMNS = ("pixels", "folds")
# Of the images themselves in each repeat, and the mean over the repeats and the views.
PROBABILITIES, OVER_VIEWS = "probabilities.npy", "probabilities_over_views.npy"


@dataclass(frozen=True)
class OutOfFold:
    """Training images, followed by validation images.

    Attributes:
        metrics: of the cross-validation.
        splits: both splits, by name.
        labels: class numbers (images,).
        probabilities: (repeats, images, classes).
        over_views: their mean over the repeats and the views (images, classes).
        fold: the fold in which each image is held out in the first repeat (images,).
    """

    metrics: dict[str, Any]
    splits: Mapping[str, Split]
    labels: np.ndarray
    probabilities: np.ndarray
    over_views: np.ndarray
    fold: np.ndarray


def read(folder: Path, splits: Mapping[str, Split]) -> OutOfFold:
    """Read what the stage cross_validate left in its folder.

    Args:
        splits: all splits, by name.

    Raises:
        UserError: a file is missing or damaged, or is about other images.
    """
    pooled = {name: splits[name] for name in ("train", "validation")}
    labels = np.concatenate([split.labels for split in pooled.values()])
    classes = len(splits["train"].classes)
    predictions = io.read_csv(folder / PREDICTIONS, COLUMNS)
    if list(predictions["pixels"]) != [digest for split in pooled.values() for digest in split.digests]:
        raise UserError(f"{folder}/ and prepared/ have different images: run `dvc repro`.")
    return OutOfFold(
        metrics=io.read_json(folder / METRICS, {"accuracy": io.NUMBER}),
        splits=pooled,
        labels=labels,
        probabilities=arrays.open_npy(folder / PROBABILITIES, (None, len(labels), classes)),
        over_views=arrays.open_npy(folder / OVER_VIEWS, (len(labels), classes)),
        fold=predictions["folds"].str.partition(" ")[0].to_numpy(),
    )
