"""Which test images show what a model makes of one class, and which mistakes of all classes it was surest of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transfer.faults import Fault
from transfer.prepared import Split

WORST = "worst"
SHOWN = 18


@dataclass(frozen=True)
class Gallery:
    """Images of the test split, by row, with a caption each."""

    name: str
    title: str
    rows: list[int]
    captions: list[str]


@dataclass(frozen=True)
class SideBySide:
    """Two images (size, size, 3), 8-bit, a caption for each and one for both; some stand out from the others."""

    images: tuple[np.ndarray, np.ndarray]
    captions: tuple[str, str]
    title: str
    stands_out: bool


def check_class(asked: str, classes: Sequence[str]) -> None:
    """Raises Fault if `asked` is neither `worst` nor a class."""
    if asked != WORST and asked not in classes:
        raise Fault(
            f"params.yaml: evaluate.gallery_class is {asked!r}; "
            f"allowed: worst, or one of the classes {', '.join(classes)}."
        )


def of_model(asked: str, worst: str, split: Split, probabilities: np.ndarray) -> list[Gallery]:
    """The galleries of one class, and of the mistakes of all classes.

    Args:
        asked: a class, or `worst` for the one that is given as `worst`.
        split: the images that the model was asked about.
        probabilities: what it made of them (images, classes).
    """
    made = (split.labels, probabilities.argmax(axis=1), probabilities.max(axis=1), split.classes)
    label = split.classes.index(worst if asked == WORST else asked)
    return [*of_class(label, *made), mistakes(*made)]


def of_class(
    label: int, actual: np.ndarray, predicted: np.ndarray, probability: np.ndarray, classes: Sequence[str]
) -> list[Gallery]:
    """True positives, false negatives and false positives of a class, the surest predictions first.

    Args:
        label: the number of the class.
        actual, predicted: class numbers (images,).
        probability: of the predicted class (images,).
    """
    name = classes[label]
    right = actual == predicted
    kinds: list[tuple[str, str, np.ndarray, Callable[[int], str]]] = [
        ("true_positives", f"{name}, found", right & (actual == label), lambda row: ""),
        (
            "false_negatives",
            f"{name}, taken for something else",
            ~right & (actual == label),
            lambda row: f"taken for {classes[int(predicted[row])]}, ",
        ),
        (
            "false_positives",
            f"something else, taken for {name}",
            ~right & (predicted == label),
            lambda row: f"is {classes[int(actual[row])]}, ",
        ),
    ]
    return [_gallery(kind, title, which, probability, other) for kind, title, which, other in kinds]


def mistakes(actual: np.ndarray, predicted: np.ndarray, probability: np.ndarray, classes: Sequence[str]) -> Gallery:
    """The mistakes of all classes, the surest first: among them are the images whose label is wrong."""
    return _gallery(
        "mistakes",
        "mistakes of all classes",
        actual != predicted,
        probability,
        lambda row: f"{classes[int(actual[row])]},\ntaken for {classes[int(predicted[row])]}, ",
    )


def _gallery(name: str, title: str, which: np.ndarray, probability: np.ndarray, told: Callable[[int], str]) -> Gallery:
    rows = sorted(map(int, np.flatnonzero(which)), key=lambda row: (-probability[row], row))
    captions = [f"{told(row)}{probability[row]:.0%}" for row in rows[:SHOWN]]
    shown = f"the surest {SHOWN} of {len(rows)}" if len(rows) > SHOWN else f"{len(rows)}"
    return Gallery(name, f"{title} ({shown})", rows[:SHOWN], captions)
