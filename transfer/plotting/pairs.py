"""The picture of pairs of similar images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from transfer.plotting.figure import TILE, TILES_PER_ROW, save_tiles


@dataclass(frozen=True)
class ImagePair:
    """Two images side by side.

    Attributes:
        images: two arrays (size, size, 3), 8-bit.
        captions: a caption for each.
        title: a caption for both.
        highlighted: whether the pair gets a coloured background.
    """

    images: tuple[np.ndarray, np.ndarray]
    captions: tuple[str, str]
    title: str
    highlighted: bool


def draw(title: str, pairs: Sequence[ImagePair], path: Path) -> None:
    """Draw pairs of images in rows."""
    columns = TILES_PER_ROW // 2
    rows = max(-(-len(pairs) // columns), 1)
    figure = Figure(figsize=(TILE * TILES_PER_ROW, 1.25 * TILE * rows + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=9)
    for place, pair in zip(figure.subfigures(rows, columns, squeeze=False).flat, pairs, strict=False):
        place.set_facecolor("#ffd9a8" if pair.highlighted else "none")
        place.suptitle(pair.title, fontsize=7)
        for axes, image, caption in zip(place.subplots(1, 2), pair.images, pair.captions, strict=True):
            axes.imshow(image)
            axes.set_title(caption, fontsize=7)
    save_tiles(figure, path)
