"""The picture of a gallery: images in rows, each with its heat map below."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from transfer.plotting.figure import TILE, TILES_PER_ROW, save_tiles
from transfer.plotting.gallery_selection import Gallery


def draw(images: np.ndarray, gallery: Gallery, heat: np.ndarray, path: Path) -> None:
    """Draw the images of a gallery under their captions, and below each the same image with its heat map.

    A gallery without images gives a picture that says so.

    Args:
        images: all images of the split (images, size, size, 3), 8-bit.
        heat: the heat maps of the gallery's images (images in the gallery, rows, columns), 0 to 1.
    """
    rows = max(-(-len(gallery.rows) // TILES_PER_ROW), 1)
    figure = Figure(figsize=(TILE * TILES_PER_ROW, 2.2 * TILE * rows + 0.5), layout="constrained")
    figure.suptitle(gallery.title)
    grid = figure.subplots(2 * rows, TILES_PER_ROW, squeeze=False)
    above, below = grid[::2].flat, grid[1::2].flat
    for image, heat_map, caption, plain, overlaid in zip(
        images[gallery.rows], heat, gallery.captions, above, below, strict=False
    ):
        plain.imshow(image)
        plain.set_title(caption, fontsize=7)
        overlaid.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        # Smoothed while drawing: the map has one value for every few dozen pixels.
        overlaid.imshow(
            heat_map,
            cmap="inferno",
            vmin=0,
            vmax=1,
            alpha=0.55,
            extent=overlaid.get_images()[0].get_extent(),
            interpolation="bicubic",
        )
    if gallery.rows:
        figure.supxlabel(
            "Below each image: the brighter, the more spoke for the predicted class there (Grad-CAM)", fontsize=7
        )
    else:
        figure.text(0.5, 0.5, "none", ha="center", fontsize=9)
    save_tiles(figure, path)
