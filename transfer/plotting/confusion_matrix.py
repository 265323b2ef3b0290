"""The picture of a confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from transfer.plotting import lettering
from transfer.plotting.figure import CAPTION_SIZE, LINE_HEIGHT, MARGIN, TITLE_SIZE, Sheet, save

# With more classes, the matrix shows those with the most mistakes, and the others as one. The template of the charts,
# .dvc/plots/confusion_counts.json, has the same numbers.
MOST_CLASSES = 30
SHOWN_CLASSES = 20

# Lengths in inches, sizes of fonts in points
LABEL_SIZE, COUNT_SIZE = 8.0, 8.0
LABEL, NARROWEST, MATRIX, WIDEST_CELL, NARROWEST_CELL = 2.0, 3.4, 5.0, 0.85, 0.3


def draw(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str], title: str, path: Path) -> None:
    """Draw how many images of each class (rows) were predicted as each class (columns).

    Args:
        actual, predicted: class numbers (images,).
    """
    # Not scikit-learn's function: importing scikit-learn would take longer than all other imports of prepare.
    counts = np.bincount(actual * len(classes) + predicted, minlength=len(classes) ** 2).reshape(len(classes), -1)
    names, notes = lettering.drawable_names(classes), lettering.notes(classes)
    shown = most_mistaken(counts)
    if len(shown) < len(classes):
        counts = summed_up(counts, shown)
        others = len(classes) - len(shown)
        title += f". Shown: the {len(shown)} of {len(classes)} classes with the most mistakes"
        notes = [
            f"The last row and column are the sums of the {others} other classes. In their common cell are the images "
            "of these classes that are predicted as one of them, rightly or wrongly.",
            *lettering.notes([classes[label] for label in shown]),
        ]
        names = [*lettering.shorten_all([names[label] for label in shown], LABEL, LABEL_SIZE), f"{others} others"]
    else:
        names = lettering.shorten_all(names, LABEL, LABEL_SIZE)

    cell = float(np.clip(MATRIX / len(names), NARROWEST_CELL, WIDEST_CELL))
    matrix = cell * len(names)
    widths = [lettering.width_of(name, LABEL_SIZE) for name in names]
    upright = max(widths) > cell - 0.05
    line = LABEL_SIZE * LINE_HEIGHT
    left, bottom = max(widths) + 2 * line + MARGIN, (max(widths) if upright else line) + 2.5 * line
    width = max(left + matrix, NARROWEST) + 2 * MARGIN
    heading = lettering.wrap(title, width - 2 * MARGIN, TITLE_SIZE, most_lines=4)
    footing = [line for note in notes for line in lettering.wrap(note, width - 2 * MARGIN, CAPTION_SIZE, most_lines=5)]
    top = MARGIN * 2 + len(heading) * TITLE_SIZE * LINE_HEIGHT
    sheet = Sheet(width, top + matrix + bottom + len(footing) * CAPTION_SIZE * LINE_HEIGHT + MARGIN)
    sheet.write(heading, MARGIN, MARGIN, TITLE_SIZE)
    sheet.write(footing, MARGIN, top + matrix + bottom, CAPTION_SIZE)

    axes = sheet.axes(left, top, matrix, matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if upright else 0, fontsize=LABEL_SIZE)
    axes.set_yticks(range(len(names)), names, fontsize=LABEL_SIZE)
    axes.tick_params(length=2, pad=2)
    axes.set_xlabel("predicted class", fontsize=LABEL_SIZE)
    axes.set_ylabel("actual class", fontsize=LABEL_SIZE)
    if len(shown) < len(classes):
        axes.axhline(len(shown) - 0.5, color="black", linewidth=0.8)
        axes.axvline(len(shown) - 0.5, color="black", linewidth=0.8)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.6 else "black"
            size = min(COUNT_SIZE, cell * lettering.POINTS_PER_INCH / (0.7 * len(str(count))))
            axes.text(column, row, str(count), ha="center", va="center_baseline", color=colour, fontsize=size)
    save(sheet.figure, path)


def most_mistaken(counts: np.ndarray) -> list[int]:
    """The classes to show, in their order: all, or if these are too many, those with the most mistakes.

    A mistake counts for the actual class and for the predicted one. Of equal classes, the first are shown.

    Args:
        counts: how many images of each class (rows) were predicted as each class (columns).
    """
    if len(counts) <= MOST_CLASSES:
        return list(range(len(counts)))
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(map(int, np.argsort(-mistakes, kind="stable")[:SHOWN_CLASSES]))


def summed_up(counts: np.ndarray, shown: Sequence[int]) -> np.ndarray:
    """The counts of the shown classes, with the sums of all others in a last row and column."""
    groups = np.full(len(counts), len(shown))
    groups[list(shown)] = range(len(shown))
    # One row for each class, with a 1 in the column of its group
    members = np.eye(len(shown) + 1, dtype=counts.dtype)[groups]
    return members.T @ counts @ members
