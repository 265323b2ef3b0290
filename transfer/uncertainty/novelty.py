"""Unknown images: those that look like nothing in the dataset.

An image is unknown if the cosine of its feature with the nearest feature of the dataset is lower than for 95 % of the
images on which the model was calibrated (Sun, Ming, Zhu and Li 2022, "Out-of-distribution detection with deep
nearest neighbors").
"""

import math

import numpy as np

from transfer.interface.errors import UserError

# The share of images like those of the dataset that are called unknown.
FALSE_ALARMS = 0.05
# Features beyond these are left out, evenly: the reference travels with the model.
MOST_REFERENCES = 10_000
BLOCK = 1024


def unit(features: np.ndarray) -> np.ndarray:
    """Features (images, channels) scaled to the length 1; a feature of zeros stays as it is."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def sample(images: int) -> np.ndarray:
    """The rows of at most 10,000 images, evenly spread."""
    return np.linspace(0, images - 1, min(images, MOST_REFERENCES)).astype(int)


def references(features: np.ndarray) -> np.ndarray:
    """The features of the dataset as unit vectors (references, channels), at most 10,000 of them."""
    return unit(features[sample(len(features))])


def nearest_cosines(features: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The cosine of each feature with the nearest reference (images,).

    Args:
        features: (images, channels).
        reference: unit vectors (references, channels).
    """
    starts = range(0, len(features), BLOCK)
    nearest = [(unit(features[start : start + BLOCK]) @ reference.T).max(axis=1) for start in starts]
    return np.concatenate(nearest)


def held_out_cosines(features: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The cosine of each feature with the nearest feature of another fold (images,).

    Args:
        features: (images, channels).
        fold: the fold of each image (images,).
    """
    cosines = np.zeros(len(features), np.float32)
    for number in np.unique(fold):
        held_out = fold == number
        cosines[held_out] = nearest_cosines(features[held_out], references(features[~held_out]))
    return cosines


def threshold(cosines: np.ndarray) -> float:
    """The cosine below which an image is unknown.

    Args:
        cosines: of the calibration images with the nearest reference, in ascending order (images,).

    Raises:
        UserError: there are too few calibration images.
    """
    rank = math.floor((len(cosines) + 1) * FALSE_ALARMS + 1e-9)
    if rank < 1:
        raise UserError(
            f"--unknown needs a model that was calibrated on at least {round(1 / FALSE_ALARMS) - 1} images; this one "
            f"was calibrated on {len(cosines)}."
        )
    return float(cosines[rank - 1])
