"""The square that the backbone sees."""

import numpy as np

from transfer.common.opencv import cv2


def to_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """(height, width, 3) to (size, size, 3), 8-bit: plain bilinear, neither antialiased nor cropped.

    The same result as that of `keras.utils.image_dataset_from_directory`, rounded to 8 bits.
    """
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR)
