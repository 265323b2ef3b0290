"""How much the arrays in two files differ, if the bytes of the files differ."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

# How many values of two arrays are compared at once: files of features may be larger than memory.
BLOCK = 10_000_000


def largest_difference(first: Path, second: Path, name: str) -> float | None:
    """The largest difference between two values, as a share of the largest value in their array.

    None if the files do not hold arrays of the same names and shapes, or if a value is not a number.

    Args:
        name: the name of both files in the project, whose suffix says what they hold; DVC's cache has no suffixes.
    """
    reader = {".npy": _array, ".h5": _weights}.get(Path(name).suffix)
    if reader is None:
        return None
    arrays, others = dict(reader(first)), dict(reader(second))
    if {key: array.shape for key, array in arrays.items()} != {key: other.shape for key, other in others.items()}:
        return None
    differences = [_difference(array, others[key]) for key, array in arrays.items() if array.size]
    return max(differences, default=0.0) if np.isfinite(differences).all() else None


def _difference(array: np.ndarray, other: np.ndarray) -> float:
    largest = difference = 0.0
    step = max(BLOCK // array[:1].size, 1)
    for start in range(0, len(array), step):
        block = array[start : start + step].astype(np.float64)
        # `np.maximum` keeps a NaN, which `max` could lose.
        largest = np.maximum(largest, np.abs(block).max())
        difference = np.maximum(difference, np.abs(other[start : start + step] - block).max())
    return float(difference / largest if largest else difference)


def _array(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    yield "", np.load(path, mmap_mode="r", allow_pickle=False)


def _weights(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    with h5py.File(path) as file:
        datasets: list[h5py.Dataset] = []
        file.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
        for dataset in datasets:
            yield dataset.name, np.atleast_1d(dataset[()])
