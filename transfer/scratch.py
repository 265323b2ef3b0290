"""Scratch space: large files that a stage needs while it runs and nobody afterwards, outside DVC's outs."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from transfer.faults import Fault

FOLDER = Path(".scratch")


@contextmanager
def folder(needed: int, purpose: str, remedy: str) -> Iterator[Path]:
    """A folder of this process alone, that goes when the block ends, however it ends.

    What a process that was killed has left behind goes too: its lock is free, and nothing in it is ever used.

    Args:
        needed: bytes that will be written.
        purpose, remedy: what the message says the space is for, and what else to do than to free some.

    Raises:
        Fault: there is less space than needed.
    """
    FOLDER.mkdir(exist_ok=True)
    with _alone():
        _sweep()
        free = shutil.disk_usage(FOLDER).free
        if free < needed:
            raise Fault(
                f"{FOLDER.resolve()}: {purpose} needs {_amount(needed)} of disk, and {_amount(free)} are free: "
                f"free some, or {remedy}."
            )
        own = Path(tempfile.mkdtemp(dir=FOLDER))
        lock = (own / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield own
    finally:
        with _alone():
            shutil.rmtree(own, ignore_errors=True)
        lock.close()


@contextmanager
def _alone() -> Iterator[None]:
    """No other process makes or removes a folder meanwhile."""
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def array(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    """A new array on disk. Its space is taken at once: a disk that fills up later would kill whoever writes to it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with path.open("wb") as file:
        # macOS has no such call; there the space was only looked at
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, dtype, "r+", shape=shape)


def _sweep() -> None:
    for left in FOLDER.iterdir():
        if not left.is_dir():
            continue
        with (left / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(left, ignore_errors=True)


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
