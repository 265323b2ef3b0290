"""The prepared images: decoded once, square, 8-bit, one array a split, read through a memory map.

prepared/index.csv      split, class, path and pixel digest of each image, in the order of the arrays
prepared/<split>.npy    (images, size, size, 3), 8-bit RGB
prepared/resize.json    how an image became a square
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pandas as pd

from transfer.common import arrays, io

FOLDER = Path("prepared")
SPLITS = ("train", "validation", "test")
COLUMNS = ("split", "class", "path", "pixels")
INDEX = "index.csv"
RESIZE = "resize.json"


class Resize(TypedDict):
    """How an image becomes a square (see `dataset.resizing`). Models record it, to predict as they were trained."""

    fit: str
    antialias: bool


@dataclass(frozen=True)
class Split:
    """One split: its images, and what each of them is.

    Attributes:
        images: (images, size, size, 3), 8-bit RGB, on disk.
        labels: class numbers (images,).
        paths: relative to the dataset's folder.
        digests: digests of the pixels of the image files, before resizing.
        classes: class names; a label is an index into them.
    """

    images: np.ndarray
    labels: np.ndarray
    paths: list[str]
    digests: list[str]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def create_images(folder: Path, split: str, images: int, size: int) -> np.memmap:
    """The array (images, size, size, 3) of a split, to be filled."""
    return arrays.create_npy(folder / f"{split}.npy", (images, size, size, 3), np.uint8)


def write_index(folder: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Write the index: a row (split, class, path, digest) for each image, in the order of the arrays."""
    io.write_csv(folder / INDEX, pd.DataFrame(rows, columns=COLUMNS))


def write_resize(folder: Path, resize: Resize) -> None:
    """Record how the images became squares."""
    io.write_json(folder / RESIZE, resize)


def read_resize(folder: Path = FOLDER) -> Resize:
    """How the images became squares. Raises UserError if the record is missing or damaged."""
    return cast(Resize, io.read_json(folder / RESIZE, {"fit": str, "antialias": bool}))


def load_split(split: str, folder: Path = FOLDER, size: int | None = None) -> Split:
    """Open one split.

    Raises:
        UserError: it has not been prepared, or not at this image size, or its files are damaged.
    """
    index = io.read_csv(folder / INDEX, text_columns=COLUMNS)
    classes = sorted(index["class"].unique())
    rows = index[index["split"] == split]
    labels = rows["class"].map({name: number for number, name in enumerate(classes)}).to_numpy(np.int64)
    images = arrays.open_npy(folder / f"{split}.npy", (len(rows), size, size, 3))
    return Split(images, labels, list(rows["path"]), list(rows["pixels"]), classes)


def load_splits(folder: Path = FOLDER) -> dict[str, Split]:
    """Open all splits, by name; see `load_split`."""
    return {split: load_split(split, folder) for split in SPLITS}
