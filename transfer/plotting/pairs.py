"""The picture of pairs of similar images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transfer.plotting.figure import Tile, draw_tiles


@dataclass(frozen=True)
class ImagePair:
    """Two images side by side.

    Attributes:
        images: two arrays (size, size, 3), 8-bit.
        captions: a caption for each.
        files: the name of the file of each.
        title: a caption for both.
        highlighted: why the pair gets a coloured background, or nothing if it does not.
    """

    images: tuple[np.ndarray, np.ndarray]
    captions: tuple[str, str]
    files: tuple[str, str]
    title: str
    highlighted: str


def draw(title: str, pairs: Sequence[ImagePair], path: Path, notes: Sequence[str] = ()) -> None:
    """Draw pairs of images in rows, with notes below."""
    tiles = [
        Tile([heading, caption], [image], file, "#ffd9a8" if pair.highlighted else "#f2f2f2")
        for pair in pairs
        for image, heading, caption, file in zip(
            pair.images, (pair.title, pair.highlighted), pair.captions, pair.files, strict=True
        )
    ]
    draw_tiles(title, tiles, path, notes, group=2)
