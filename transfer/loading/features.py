"""The features: the pooled output of the frozen backbone for each view of each image, computed once.

features/index.csv        split and pixel digest of each image, and the processor that computed its features
features/<split>/*.npy    shards of the array (images, views, channels), float32 (see `shards`)

The images are in the order of prepared/. Training images have no features if every epoch draws its own views.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from transfer.common import io
from transfer.interface.errors import UserError
from transfer.loading.prepared import Split
from transfer.loading.shards import Shards, open_shards

FOLDER = Path("features")
INDEX = "index.csv"
COLUMNS = ("split", "pixels", "processor")


def write_index(folder: Path, splits: Mapping[str, Split], processors: Mapping[str, Sequence[str]]) -> None:
    """Write the index.

    Args:
        splits: the splits that have features, by name.
        processors: the kind of processor that computed the features of each image, by split.
    """
    rows = [
        (name, digest, processor)
        for name, split in splits.items()
        for digest, processor in zip(split.digests, processors[name], strict=True)
    ]
    io.write_csv(folder / INDEX, pd.DataFrame(rows, columns=COLUMNS))


class Views(Protocol):
    """Features of all views (images, views, channels), read as `features[rows, view]`: (rows, channels)."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


class ImageFeatures:
    """The feature of each image itself, without augmentation (images, channels): view 0 of its features."""

    def __init__(self, features: Views):
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.features[rows, 0]


def load_image_features(splits: Mapping[str, Split], channels: int, folder: Path = FOLDER) -> dict[str, ImageFeatures]:
    """The feature of each image itself, by split; a split without features is left out.

    Raises:
        UserError: see `load_features`.
    """
    with_features = {name: split for name, split in splits.items() if name != "train" or (folder / name).is_dir()}
    return {
        name: ImageFeatures(load_features(name, split, channels, folder=folder))
        for name, split in with_features.items()
    }


def load_features(name: str, split: Split, channels: int, views: int | None = None, folder: Path = FOLDER) -> Shards:
    """Open the features of a split (images, views, channels).

    Args:
        views: how many views there must be; None for any number.

    Raises:
        UserError: they are missing or damaged, or they are those of other images, views or channels.
    """
    index = io.read_csv(folder / INDEX, text_columns=COLUMNS)
    if list(index["pixels"][index["split"] == name]) != split.digests:
        raise UserError(f"{folder}/ and prepared/ have different images: run `dvc repro`.")
    return open_shards(folder / name, split.digests, (views, channels))
