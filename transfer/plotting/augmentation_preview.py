"""The picture of an image and its augmented views."""

from pathlib import Path

import numpy as np

from transfer.plotting.figure import Tile, draw_tiles

VIEWS_PER_ROW = 4


def draw(views: np.ndarray, title: str, path: Path) -> None:
    """Draw views (views, size, size, 3), 8-bit; the first is the image itself."""
    tiles = [Tile([f"view {number}" if number else "the image itself"], [view]) for number, view in enumerate(views)]
    draw_tiles(title, tiles, path, columns=VIEWS_PER_ROW)
