"""Which test images go into a gallery: of one class by its outcomes, and the most confident mistakes of all classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transfer.interface.errors import UserError
from transfer.loading.prepared import Split

WORST = "worst"
SHOWN = 18


@dataclass(frozen=True)
class Gallery:
    """Images of the test split, by row, with a caption for each."""

    name: str
    title: str
    rows: list[int]
    captions: list[str]


def check_class(name: str, classes: Sequence[str]) -> None:
    """Raises UserError if `name` is neither `worst` nor a class."""
    if name != WORST and name not in classes:
        raise UserError(
            f"params.yaml: evaluate.gallery_class is {name!r}; "
            f"allowed: worst, or one of the classes {', '.join(classes)}."
        )


def model_galleries(requested: str, worst: str, split: Split, probabilities: np.ndarray) -> list[Gallery]:
    """The galleries of one class, and the gallery of the mistakes of all classes.

    Args:
        requested: a class, or `worst` for the class that is given as `worst`.
        split: the images that the model has classified.
        probabilities: the model's output for them (images, classes).
    """
    outcome = (split.labels, probabilities.argmax(axis=1), probabilities.max(axis=1), split.classes)
    label = split.classes.index(worst if requested == WORST else requested)
    return [*class_galleries(label, *outcome), mistakes_gallery(*outcome)]


def class_galleries(
    label: int, actual: np.ndarray, predicted: np.ndarray, probability: np.ndarray, classes: Sequence[str]
) -> list[Gallery]:
    """True positives, false negatives and false positives of a class, the most confident predictions first.

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
    return [_gallery(kind, title, selected, probability, caption) for kind, title, selected, caption in kinds]


def mistakes_gallery(
    actual: np.ndarray, predicted: np.ndarray, probability: np.ndarray, classes: Sequence[str]
) -> Gallery:
    """The mistakes of all classes, the most confident first: wrong labels are among them."""
    return _gallery(
        "mistakes",
        "mistakes of all classes",
        actual != predicted,
        probability,
        lambda row: f"{classes[int(actual[row])]},\ntaken for {classes[int(predicted[row])]}, ",
    )


def _gallery(
    name: str, title: str, selected: np.ndarray, probability: np.ndarray, caption: Callable[[int], str]
) -> Gallery:
    rows = sorted(map(int, np.flatnonzero(selected)), key=lambda row: (-probability[row], row))
    captions = [f"{caption(row)}{probability[row]:.0%}" for row in rows[:SHOWN]]
    number = f"the surest {SHOWN} of {len(rows)}" if len(rows) > SHOWN else f"{len(rows)}"
    return Gallery(name, f"{title} ({number})", rows[:SHOWN], captions)
