"""Which test images go into a gallery: of one class by its outcomes, and the most confident mistakes of all classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer.interface.errors import UserError
from transfer.loading.prepared import Split
from transfer.plotting import lettering

WORST = "worst"
SHOWN = 18


@dataclass(frozen=True)
class Gallery:
    """Images of the test split, by row.

    Attributes:
        title: of the gallery; a sentence that says so if it has no images.
        captions: for each image, its class and the prediction.
        files: for each image, the name of its file.
        notes: what has to be said below the images.
    """

    name: str
    title: str
    rows: list[int]
    captions: list[tuple[str, str]]
    files: list[str]
    notes: list[str]


def check_class(name: str, classes: Sequence[str]) -> None:
    """Raises UserError if `name` is neither `worst` nor a class."""
    if name != WORST and name not in classes:
        raise UserError(
            f"params.yaml: evaluate.gallery_class is {name!r}; "
            f"allowed: worst, or one of the classes {', '.join(classes)}."
        )


def model_galleries(requested: str, worst: str, split: Split, probabilities: np.ndarray) -> list[Gallery]:
    """The galleries of one class, and the gallery of the mistakes of all classes; the most confident images first.

    Those of the class are its true positives, its false negatives and its false positives.

    Args:
        requested: a class, or `worst` for the class that is given as `worst`.
        split: the images that the model has classified.
        probabilities: the model's output for them (images, classes).
    """
    label = split.classes.index(worst if requested == WORST else requested)
    name = lettering.drawable_names(split.classes)[label]
    actual, predicted = split.labels, probabilities.argmax(axis=1)
    right = actual == predicted
    kinds = (
        (
            "true_positives",
            right & (actual == label),
            f"True positives: {name} predicted as {name}",
            f"No true positives: no image of {name} is predicted as {name}.",
        ),
        (
            "false_negatives",
            ~right & (actual == label),
            f"False negatives: {name} predicted as another class",
            f"No false negatives: no image of {name} is predicted as another class.",
        ),
        (
            "false_positives",
            ~right & (predicted == label),
            f"False positives: other classes predicted as {name}",
            f"No false positives: no image of another class is predicted as {name}.",
        ),
        ("mistakes", ~right, "Mistakes of all classes", "No mistakes: every image is predicted as its class."),
    )
    return [_gallery(kind, selected, titles, label, split, probabilities) for kind, selected, *titles in kinds]


def _gallery(
    name: str, selected: np.ndarray, titles: Sequence[str], label: int, split: Split, probabilities: np.ndarray
) -> Gallery:
    """The gallery of the selected images; the second of the titles is for a gallery without images.

    Args:
        label: the class in the titles.
    """
    names, probability = lettering.drawable_names(split.classes), probabilities.max(axis=1)
    predicted = probabilities.argmax(axis=1)
    rows = sorted(map(int, np.flatnonzero(selected)), key=lambda row: (-probability[row], row))
    shown = rows[:SHOWN]
    captions = [
        (f"true: {names[split.labels[row]]}", f"predicted: {names[predicted[row]]}, {probability[row]:.0%}")
        for row in shown
    ]
    number = f"the {SHOWN} most confident of {len(rows)}" if len(rows) > SHOWN else f"{len(rows)}"
    title = f"{titles[0]} ({number})" if rows else titles[1]
    files = [lettering.file_name(split.paths[row], split.digests[row]) for row in shown]
    drawn = {label, *split.labels[shown], *predicted[shown]}
    return Gallery(name, title, shown, captions, files, lettering.notes([split.classes[number] for number in drawn]))
