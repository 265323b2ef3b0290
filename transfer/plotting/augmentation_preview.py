"""The picture of an image and its augmented views."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from transfer.plotting.figure import TILE, save_tiles

VIEWS_PER_ROW = 4


def draw(views: np.ndarray, title: str, path: Path) -> None:
    """Draw views (views, size, size, 3), 8-bit; the first is the image itself."""
    rows = -(-len(views) // VIEWS_PER_ROW)
    figure = Figure(figsize=(TILE * VIEWS_PER_ROW, 1.2 * TILE * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    for number, (axes, view) in enumerate(
        zip(figure.subplots(rows, VIEWS_PER_ROW, squeeze=False).flat, views, strict=False)
    ):
        axes.imshow(view)
        axes.set_title("the image itself" if number == 0 else f"view {number}", fontsize=7)
    save_tiles(figure, path)
