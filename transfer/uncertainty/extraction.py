"""Features of images that are computed when they are asked for."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from transfer.loading import batches
from transfer.loading.prepared import Split


class Features(Protocol):
    """Features of images, read as `features[rows]`: (rows, channels)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | np.ndarray, /) -> np.ndarray: ...


class Extracted:
    """The features of the images of a split, computed in batches at each access.

    Args:
        extractor: 8-bit images (images, size, size, 3) to a list of one array, features (images, channels).
        description: the label of the progress bar.
    """

    def __init__(
        self, extractor: Callable[[np.ndarray], list[np.ndarray]], split: Split, batch_size: int, description: str
    ):
        self.extractor, self.split, self.batch_size, self.description = extractor, split, batch_size, description

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self.split))[rows]
        return batches.map_split(self.extractor, _Chosen(self.split, chosen), self.batch_size, self.description)


class _Chosen:
    """Some images of a split, read a batch at a time."""

    def __init__(self, split: Split, rows: np.ndarray):
        self.split, self.rows = split, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        return self.split.images[self.rows[rows]]


def extract(
    extractor: Callable[[np.ndarray], list[np.ndarray]], splits: Mapping[str, Split], batch_size: int, model: str
) -> dict[str, Features]:
    """The features of every split by a model, by the name of the split; nothing is computed yet."""
    return {
        name: Extracted(extractor, split, batch_size, f"{model}, features of {name}") for name, split in splits.items()
    }
