"""Tables of results, as plots/ holds them: predictions, changed sides, accuracy by split, tables of both models."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from transfer.common import atomic
from transfer.evaluation.intervals import wilson_interval
from transfer.loading.prepared import Split

# The text columns of the table of predictions.
PREDICTION_COLUMNS = ("model", "path", "pixels", "actual", "predicted")


def publish(results: Path, stages: Iterable[str]) -> None:
    """Copy what these stages left in `results`/<stage>/metrics/ and plots/ into metrics/ and plots/."""
    for stage in stages:
        for kind in ("metrics", "plots"):
            atomic.copy_files(results / stage / kind, Path(kind))


def stack_by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several models, one below the other, with a first column `model`."""
    return pd.concat(tables, names=["model"]).reset_index("model")


def class_numbers(classes: Sequence[str]) -> pd.DataFrame:
    """A row for each class: number (from 1) and class. Pictures show numbers for names that no font can draw."""
    return pd.DataFrame({"number": range(1, len(classes) + 1), "class": classes})


def predictions(split: Split, probabilities: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A row for each model and image: model, path, pixels, actual, predicted, probability (to 4 decimals).

    Args:
        probabilities: (images, classes) by model.
    """
    names = np.array(split.classes, dtype=object)
    return pd.concat(
        pd.DataFrame(
            {
                "model": model,
                "path": split.paths,
                "pixels": split.digests,
                "actual": names[split.labels],
                "predicted": names[output.argmax(axis=1)],
                "probability": output.max(axis=1).astype(np.float64).round(4),
            }
        )
        for model, output in probabilities.items()
    )


def changed_sides(split: Split, predicted: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The images that only some of the models classify correctly: path, actual, and each model's prediction.

    Args:
        predicted: class numbers (images,) by model.
    """
    names = np.array(split.classes, dtype=object)
    right = np.stack([labels == split.labels for labels in predicted.values()])
    rows = np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))
    columns = {"path": [split.paths[row] for row in rows], "actual": names[split.labels[rows]]}
    return pd.DataFrame(columns | {model: names[labels[rows]] for model, labels in predicted.items()})


def accuracy_by_split(
    fits: Mapping[str, Mapping[str, Any]], tests: Mapping[str, Mapping[str, Any]], splits: Mapping[str, Split]
) -> pd.DataFrame:
    """Accuracy of each model on training, validation and test images, side by side.

    The training accuracy is that of the best epoch while the weights changed: on augmented views, with dropout.

    Args:
        fits: the metrics of each model's training.
        tests: the metrics of each model on the test split.
        splits: the splits, by name.

    Returns:
        model, split, images, accuracy, accuracy_low, accuracy_high
    """
    rows = [
        (model, split, images := len(splits[split]), accuracy, *wilson_interval(round(accuracy * images), images))
        for model, fit in fits.items()
        for split, accuracy in (
            ("train", fit["train"]["accuracy"]),
            ("validation", fit["validation"]["accuracy"]),
            ("test", tests[model]["accuracy"]),
        )
    ]
    columns = ["model", "split", "images", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)
