"""The further columns of a prediction: the classes that may be the true one, and whether the image is unknown."""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from transfer.interface.errors import UserError
from transfer.uncertainty import conformal, novelty
from transfer.uncertainty.calibration import Calibration

# From the calibrated probabilities (classes,) and the feature (channels,) of an image to the text of a column.
Judge = Callable[[np.ndarray, np.ndarray], str]


def coverage(text: str) -> float:
    """The value of --coverage. Raises ArgumentTypeError if it is not a share between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1, such as 0.9")
    return value


def columns(
    calibration: Calibration | None, classes: Sequence[str], share: float | None, unknown: bool
) -> dict[str, Judge]:
    """What makes the text of each further column that was asked for, by the column's name.

    Args:
        calibration: of the model, if it has one.
        share: the share of images whose set of classes holds the true one; None for no such column.
        unknown: whether to add the column `unknown`.

    Raises:
        UserError: the model has no calibration, or one on too few images.
    """
    if share is None and not unknown:
        return {}
    if calibration is None:
        raise UserError(
            "--coverage and --unknown need models/calibration, which is missing: get it by `dvc pull "
            "models/calibration`, or make it by `dvc repro`."
        )
    judges: dict[str, Judge] = {}
    if share is not None:
        smallest = conformal.threshold(calibration.probabilities, calibration.images, share)
        # A name may hold the sign that separates names.
        names = [label.replace("\\", "\\\\").replace("|", "\\|") for label in classes]
        judges["classes"] = lambda probabilities, feature: "|".join(
            names[number] for number in conformal.prediction_set(probabilities, smallest)
        )
    if unknown:
        lowest, references = novelty.threshold(calibration.cosines), np.asarray(calibration.references)
        judges["unknown"] = lambda probabilities, feature: (
            "yes" if novelty.nearest_cosines(feature[None], references)[0] < lowest else "no"
        )
    return judges
