"""The square that the backbone sees."""

import numpy as np
from PIL import Image

from transfer.common.opencv import cv2

# The ground of a padded image. Preprocessing maps mid-grey close to zero for every backbone of `keras.applications`,
# and convolutions pad with zeros too: to the backbone, the ground is what it sees beyond the edge of any image.
GROUND = 127


def to_square(pixels: np.ndarray, size: int, fit: str, antialias: bool) -> np.ndarray:
    """(height, width, 3) to (size, size, 3), 8-bit, by bilinear interpolation.

    Args:
        fit: `squash` stretches the image to the square; `crop` takes its largest central square; `pad` puts the whole
            image in the middle of a grey square.
        antialias: whether every pixel counts where the image shrinks. Otherwise a pixel of the square blends the four
            pixels around its centre, and more than halving the size skips pixels. `squash` without antialiasing is the
            same as `keras.utils.image_dataset_from_directory`, rounded to 8 bits.
    """
    height, width = pixels.shape[:2]
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    if fit != "pad":
        return _resize(pixels, size, size, antialias)
    longer = max(height, width)
    height, width = (max(1, round(length * size / longer)) for length in (height, width))
    square = np.full((size, size, 3), GROUND, np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = _resize(pixels, height, width, antialias)
    return square


def _resize(pixels: np.ndarray, height: int, width: int, antialias: bool) -> np.ndarray:
    if not antialias:
        return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    # Pillow widens the triangle of bilinear interpolation by the factor of shrinking, for each axis by itself (Parmar,
    # Zhang and Zhu 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation"). OpenCV's INTER_AREA does
    # not antialias an image that shrinks along one axis only. Pillow calculates in whole numbers, so every processor
    # gives the same bytes. Rows first, then columns: by itself, Pillow 13 takes many tall images in the other order,
    # which rounds differently from Pillow 12 and from exported models.
    narrow = Image.fromarray(pixels).resize((width, len(pixels)), Image.Resampling.BILINEAR)
    return np.asarray(narrow.resize((width, height), Image.Resampling.BILINEAR))
