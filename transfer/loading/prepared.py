"""The prepared images: decoded once, square, 8-bit, in shards, read through memory maps.

prepared/index.csv        split, class, path, pixel digest and oddities of each image, in the order of the arrays
prepared/<split>/*.npy    shards of the array (images, size, size, 3), 8-bit RGB (see `shards`)
prepared/resize.json      how an image became a square
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pandas as pd

from transfer.common import io
from transfer.loading.shards import Shards, ShardWriter, open_shards

FOLDER = Path("prepared")
SPLITS = ("train", "validation", "test")
COLUMNS = ("split", "class", "path", "pixels", "oddities")
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

    images: np.ndarray | Shards
    labels: np.ndarray
    paths: list[str]
    digests: list[str]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)


class Writer:
    """Writes prepared images one after the other, in the order of the index."""

    def __init__(self, folder: Path, images: Mapping[str, int], size: int):
        """
        Args:
            images: how many images each split will have; splits without images are left out.
            size: the side of the squares, in pixels.
        """
        self.folder = folder
        self.splits = {
            split: ShardWriter(folder / split, number, (size, size, 3), np.uint8)
            for split, number in images.items()
            if number
        }
        self.rows: list[tuple[str, str, str, str, str]] = []

    def append(self, split: str, label: str, path: str, digest: str, oddities: str, square: np.ndarray) -> None:
        """Write the next image: a square (size, size, 3), 8-bit, and its row of the index."""
        self.splits[split].append(digest, square)
        self.rows.append((split, label, path, digest, oddities))

    def finish(self, resize: Resize) -> None:
        """Write the index, and how the images became squares."""
        for writer in self.splits.values():
            writer.finish()
        io.write_csv(self.folder / INDEX, pd.DataFrame(self.rows, columns=COLUMNS))
        io.write_json(self.folder / RESIZE, resize)


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
    digests = list(rows["pixels"])
    images = open_shards(folder / split, digests, (size, size, 3))
    return Split(images, labels, list(rows["path"]), digests, classes)


def load_splits(folder: Path = FOLDER) -> dict[str, Split]:
    """Open all splits, by name; see `load_split`."""
    return {split: load_split(split, folder) for split in SPLITS}
