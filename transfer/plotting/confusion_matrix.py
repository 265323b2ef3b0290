"""The picture of a confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from transfer.plotting.figure import legible, save

# Above so many classes, the cells are too small for numbers.
NUMBERED_CLASSES = 30


def draw(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str], title: str, path: Path) -> None:
    """Draw how many images of each class (rows) were predicted as each class (columns).

    Args:
        actual, predicted: class numbers (images,).
    """
    # Not scikit-learn's function: importing scikit-learn would take longer than all other imports of prepare.
    names = [legible(name) for name in classes]
    counts = np.bincount(actual * len(classes) + predicted, minlength=len(classes) ** 2).reshape(len(classes), -1)
    side = float(np.clip(0.55 * len(classes) + 2.5, 5, 24))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(
        range(len(classes)),
        names,
        rotation=90 if len(classes) > 8 else 45,
        ha="right" if len(classes) <= 8 else "center",
    )
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="predicted class", ylabel="actual class", title=title)
    if len(classes) <= NUMBERED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                axes.text(
                    column,
                    row,
                    str(count),
                    ha="center",
                    va="center",
                    color="white" if shares[row, column] > 0.7 else "black",
                )
    save(figure, path)
