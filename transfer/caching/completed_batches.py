"""Which batches of an array on disk are complete, so that another process computes only the others."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from transfer.caching.state_file import SaveTimer

_DIGEST_SIZE = 16


class CompletedBatches:
    """The complete batches of an array on disk: a checksum each, in a file beside the array.

    A batch counts as complete if the array holds exactly what its checksum was computed from. After a power failure, it
    therefore does not matter which of the two reached the disk first. Nor does it matter if another process divides the
    work into other batches.
    """

    def __init__(self, path: Path, flush_arrays: Callable[[], None]):
        """
        Args:
            path: the file.
            flush_arrays: writes what has changed in the array to the disk.
        """
        self.path = path
        self.flush_arrays = flush_arrays
        self.timer = SaveTimer()
        self.unsaved: list[tuple[int, bytes]] = []
        path.touch()
        self.saved = path.read_bytes()

    def contains(self, number: int, contents: Iterable[np.ndarray]) -> bool:
        """Whether a batch is complete: whether `contents`, what the array has now, is what was recorded."""
        checksum = self.saved[number * _DIGEST_SIZE : (number + 1) * _DIGEST_SIZE]
        return any(checksum) and checksum == _checksum(contents)

    def add(self, number: int, contents: Iterable[np.ndarray]) -> None:
        """Record that a batch is complete. It is on disk at the latest when `flush` returns."""
        self.unsaved.append((number, _checksum(contents)))
        if self.timer.is_due():
            self.flush()

    def flush(self) -> None:
        """Write the array and all recorded checksums to the disk."""
        self.flush_arrays()
        with self.path.open("r+b") as file:
            for number, checksum in self.unsaved:
                file.seek(number * _DIGEST_SIZE)
                file.write(checksum)
            file.flush()
            os.fsync(file.fileno())
        self.unsaved.clear()


def _checksum(contents: Iterable[np.ndarray]) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    for array in contents:
        digest.update(array.tobytes())
    return digest.digest()
