"""Arrays in `.npy` files, read and written through a memory map."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from transfer.interface.errors import UserError


def open_npy(path: str | Path, shape: Sequence[int | None] | None = None) -> np.ndarray:
    """Open a `.npy` file for reading.

    Args:
        shape: the shape that the array must have; None for an axis of any length.

    Raises:
        UserError: the file is missing or broken, or has another shape.
    """
    try:
        # Not `np.load`: it would open an archive or a pickle if the file looked like one.
        array = np.lib.format.open_memmap(path, "r")
        if shape is not None and (
            len(shape) != array.ndim
            or any(expected not in (None, actual) for expected, actual in zip(shape, array.shape, strict=True))
        ):
            raise ValueError(f"its shape is {array.shape}")
        return array
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` to make it.") from None
    except MemoryError:
        raise
    except Exception as error:  # NumPy parses the header as Python, and raises almost anything if it is damaged
        raise UserError(f"{path} cannot be read ({error}): make it again with `dvc repro`.") from None


def create_npy(path: str | Path, shape: tuple[int, ...], dtype: np.dtype | type) -> np.memmap:
    """Create a `.npy` file to be filled.

    The disk space is allocated at once: if the disk filled up later, writing to the map would kill the process.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # macOS has no such call.
    if hasattr(os, "posix_fallocate"):
        with Path(path).open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return array
