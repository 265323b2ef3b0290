"""Images to draw, and pictures read back."""

import numpy as np
from PIL import Image

# Class names with a meaning for matplotlib, for string formatting or for a web page, or without glyphs in the font.
STRANGE_NAMES = ["$x$", "$\\x$", "[red]", "a_b^{", "%s {0}", "é 日", "<b>", "007"]


def noise(count, size=24):
    """Random images (count, size, size, 3)."""
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def plain(colour):
    """An image of a single colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (24, 24, 3))


def open_png(path, longest):
    """The pixels of a PNG as RGB integers, after a check of its format and of its longest side."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert max(image.size) <= longest
        return np.asarray(image.convert("RGB")).astype(int)


def is_close_to(picture, colour):
    """Where a picture has a colour, apart from dithering and smoothing: (height, width)."""
    return np.abs(picture - colour).max(axis=2) < 12
