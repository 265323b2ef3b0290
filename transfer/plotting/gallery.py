"""The picture of a gallery: images in rows, each with its heat map below."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image

from transfer.loading.shards import Shards
from transfer.plotting.figure import Tile, draw_tiles
from transfer.plotting.gallery_selection import Gallery

# The share of the heat map's colours in an overlay; the rest is the image in grey.
HEAT = 0.55
NOTE = "Lower images: the brighter a place, the more it speaks for the predicted class (Grad-CAM)."


def draw(images: np.ndarray | Shards, gallery: Gallery, heat: np.ndarray, path: Path) -> None:
    """Draw the images of a gallery under their captions, and below each the same image with its heat map.

    A gallery without images gives a small picture of one sentence, its title.

    Args:
        images: all images of the split (images, size, size, 3), 8-bit.
        heat: the heat maps of the gallery's images (images in the gallery, rows, columns), 0 to 1.
    """
    tiles = [
        Tile(captions, [images[row], overlay(images[row], heat_map)], file)
        for row, heat_map, captions, file in zip(gallery.rows, heat, gallery.captions, gallery.files, strict=True)
    ]
    draw_tiles(gallery.title, tiles, path, [NOTE, *gallery.notes] if tiles else gallery.notes)


def overlay(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """An image in grey under its heat map: (size, size, 3), 8-bit.

    Args:
        image: (size, size, 3), 8-bit.
        heat_map: (rows, columns), 0 to 1. It is smoothed, because it has one value for every few dozen pixels.
    """
    size = image.shape[1], image.shape[0]
    smooth = Image.fromarray(np.round(heat_map * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    colours = colormaps["inferno"](np.asarray(smooth))[..., :3] * 255
    return np.round(HEAT * colours + (1 - HEAT) * image.mean(axis=2, keepdims=True)).astype(np.uint8)
