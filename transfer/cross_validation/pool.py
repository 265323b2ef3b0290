"""The pool: training and validation images together, as one set of images with their features."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from transfer.loading.prepared import Split


class SplitFeatures(Protocol):
    """The features of a split (images, views, channels), read as `features[rows, view]`: (rows, channels)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Pool:
    """The training images, followed by the validation images.

    Attributes:
        labels: class numbers (images,).
        paths: relative to the dataset's folder.
        digests: digests of the pixels.
        splits: the name of each image's split.
        classes: class names; a label is an index into them.
        features: read as `features[rows, view]`: (rows, channels).
    """

    labels: np.ndarray
    paths: list[str]
    digests: list[str]
    splits: list[str]
    classes: list[str]
    features: "PooledFeatures"

    def __len__(self) -> int:
        return len(self.labels)


class PooledFeatures:
    """The features of several splits, one after the other, read as `features[rows, view]`: (rows, channels).

    A split with fewer views than asked for gives view 0, which is the image itself: validation images have no others.
    """

    def __init__(self, splits: list[SplitFeatures]):
        self.splits = splits
        self.starts = np.cumsum([0, *(len_of(split) for split in splits)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, key: tuple[np.ndarray, int], /) -> np.ndarray:
        rows, view = key
        features = np.empty((len(rows), self.splits[0].shape[2]), np.float32)
        for split, start, end in zip(self.splits, self.starts[:-1], self.starts[1:], strict=True):
            of_split = (start <= rows) & (rows < end)
            features[of_split] = split[rows[of_split] - start, view if view < split.shape[1] else 0]
        return features

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which may not have the files: all features in memory."""
        return PooledFeatures, ([split[:] for split in self.splits],)


def len_of(features: SplitFeatures) -> int:
    """The number of images that have features."""
    return features.shape[0]


def join(splits: dict[str, tuple[Split, SplitFeatures]]) -> Pool:
    """Pool these splits, each with its features, by name."""
    of_splits = [split for split, _ in splits.values()]
    return Pool(
        labels=np.concatenate([split.labels for split in of_splits]),
        paths=[path for split in of_splits for path in split.paths],
        digests=[digest for split in of_splits for digest in split.digests],
        splits=[name for name, (split, _) in splits.items() for _ in range(len(split))],
        classes=of_splits[0].classes,
        features=PooledFeatures([features for _, features in splits.values()]),
    )
