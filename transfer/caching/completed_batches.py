"""Which batches of an array on disk are complete, so that another process computes only the others."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from transfer.caching.state_file import SaveTimer

_DIGEST_SIZE = 16


class CompletedBatches:
    """The complete batches of arrays on disk (images, views, ...): a checksum each, in a file beside the arrays.

    A batch counts as complete if the arrays hold exactly what its checksum was computed from. After a power failure, it
    therefore does not matter which of the two reached the disk first.
    """

    def __init__(self, path: Path, arrays: Sequence[np.ndarray]):
        self.path = path
        self.arrays = arrays
        self.timer = SaveTimer()
        self.unsaved: list[tuple[int, bytes]] = []
        path.touch()
        self.saved = path.read_bytes()

    def contains(self, rows: np.ndarray, view: int) -> bool:
        """Whether the batch that fills these rows of a view is complete."""
        offset = self._offset(rows, view)
        checksum = self.saved[offset : offset + _DIGEST_SIZE]
        return any(checksum) and checksum == self._checksum(rows, view)

    def add(self, rows: np.ndarray, view: int) -> None:
        """Record that the batch is complete. It is on disk at the latest when `flush` returns."""
        self.unsaved.append((self._offset(rows, view), self._checksum(rows, view)))
        if self.timer.is_due():
            self.flush()

    def flush(self) -> None:
        """Write the arrays and all recorded checksums to the disk."""
        for array in self.arrays:
            if isinstance(array, np.memmap):
                array.flush()
        with self.path.open("r+b") as file:
            for offset, checksum in self.unsaved:
                file.seek(offset)
                file.write(checksum)
            file.flush()
            os.fsync(file.fileno())
        self.unsaved.clear()

    def _offset(self, rows: np.ndarray, view: int) -> int:
        return (view * len(self.arrays[0]) + int(rows[0])) * _DIGEST_SIZE

    def _checksum(self, rows: np.ndarray, view: int) -> bytes:
        digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
        for array in self.arrays:
            digest.update(array[rows, view].tobytes())
        return digest.digest()
