"""Conformal prediction: sets of classes that hold the true one at a chosen rate.

A class is in the set if its probability is at least a threshold. The true class of that share of the calibration images
has at least this probability, and the model has been trained on none of them (Sadinle, Lei and Wasserman 2019, "Least
ambiguous set-valued classifiers with bounded error levels"). The predicted class is always in the set, which can only
raise the rate.
"""

import math

import numpy as np

from transfer.interface.errors import UserError


def true_class_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The probabilities of the true classes in ascending order, of all repeats together (repeats x images,).

    Args:
        probabilities: of images that the model has not been trained on (repeats, images, classes).
        labels: class numbers (images,).
    """
    return np.sort(probabilities[:, np.arange(len(labels)), labels], axis=None).astype(np.float32)


def threshold(true_class: np.ndarray, images: int, coverage: float) -> float:
    """The smallest probability of a class in the set.

    Args:
        true_class: probabilities of the true classes in ascending order (repeats x images,).
        images: the number of calibration images.
        coverage: the share of new images whose set shall hold the true class.

    Raises:
        UserError: there are too few calibration images for this coverage.
    """
    # Among the calibration images and a new one, the new one is equally likely to have any rank.
    rank = math.floor((images + 1) * (1 - coverage) + 1e-9)
    if rank < 1:
        highest = math.floor(1000 * images / (images + 1)) / 1000
        raise UserError(
            f"--coverage {coverage:g} is too high for a model that was calibrated on {images} images: choose at most "
            f"{highest:g}."
        )
    return float(true_class[rank * len(true_class) // images - 1])


def prediction_set(probabilities: np.ndarray, smallest: float) -> np.ndarray:
    """The numbers of the classes in the set of one image, in ascending order.

    Args:
        probabilities: (classes,).
        smallest: what `threshold` returns.
    """
    in_set = probabilities >= smallest
    in_set[probabilities.argmax()] = True
    return np.flatnonzero(in_set)
