"""Orientations: an image and its mirror image, turned by quarters: what a model sees of an image at prediction.

No pixel is interpolated, it only changes its place. The eight orientations are the symmetries of a square. They are
numbered so that the first two are the image and its mirror image, and the first four also turn both by a quarter.
"""

import numpy as np

# How many orientations a model may see.
NUMBERS = (1, 2, 4, 8)


def orient(images: np.ndarray, number: int) -> np.ndarray:
    """Images (images, size, size, ...) in the orientation of this number, counted from 0, which is the image itself.

    An odd number is mirrored left to right. Each pair of numbers is turned anticlockwise by a further quarter.
    """
    mirrored = images[:, :, ::-1] if number % 2 else images
    return np.ascontiguousarray(np.rot90(mirrored, number // 2, axes=(1, 2)))


def restore(images: np.ndarray, number: int) -> np.ndarray:
    """The inverse of `orient`: from the orientation of this number back to the images' own."""
    turned = np.rot90(images, -(number // 2), axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if number % 2 else turned)
