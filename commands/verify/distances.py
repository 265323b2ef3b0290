"""How far the arrays in two files are apart, where the files' bytes are not the same."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

# Values of two arrays that are compared at once: files of features may be larger than memory
BLOCK = 10_000_000


def largest(first: Path, second: Path, name: str) -> float | None:
    """The largest difference of two values, as a share of the largest value in its array.

    None where the files do not hold arrays of the same names and shapes, or values that are no numbers.

    Args:
        name: what the files are called where they are used: its suffix says what they hold.
    """
    reader = {".npy": _array, ".h5": _weights}.get(Path(name).suffix)
    if reader is None:
        return None
    ours, theirs = dict(reader(first)), dict(reader(second))
    if {place: array.shape for place, array in ours.items()} != {place: array.shape for place, array in theirs.items()}:
        return None
    apart = [_apart(array, theirs[place]) for place, array in ours.items() if array.size]
    return max(apart, default=0.0) if np.isfinite(apart).all() else None


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    scale = difference = 0.0
    step = max(BLOCK // one[:1].size, 1)
    for start in range(0, len(one), step):
        block = one[start : start + step].astype(np.float64)
        # Unlike `max`, it passes on what is no number
        scale = np.maximum(scale, np.abs(block).max())
        difference = np.maximum(difference, np.abs(other[start : start + step] - block).max())
    return float(difference / scale if scale else difference)


def _array(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    yield "", np.load(path, mmap_mode="r", allow_pickle=False)


def _weights(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    with h5py.File(path) as file:
        found: list[h5py.Dataset] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        for dataset in found:
            yield dataset.name, np.atleast_1d(dataset[()])
