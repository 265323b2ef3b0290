"""Scratch folders: what a stage needs on disk while it runs, outside DVC's outs, and finds again after a kill.

.scratch/<stage>-<fingerprint>/ belongs to the work with this fingerprint (see `fingerprint`). The folder is removed
when the work is complete. Otherwise it stays, for the next process that does the same work.
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from transfer.caching import state_file
from transfer.common import arrays
from transfer.interface.errors import UserError

SCRATCH = Path(".scratch")


@contextmanager
def locked_folder(stage: str, fingerprint: str) -> Iterator[Path]:
    """The scratch folder of a stage's work, locked for this process.

    It is removed when the block ends without an error, and also after an error if it holds nothing yet.

    Raises:
        UserError: another process does the same work.
    """
    SCRATCH.mkdir(exist_ok=True)
    own = SCRATCH / f"{stage}-{fingerprint}"
    with _exclusive():
        own.mkdir(exist_ok=True)
        lock = _try_lock(own)
        if lock is None:
            raise UserError(f"{own}/ is in use: another process does the same work; wait until it ends, or stop it.")
        for other in sorted(SCRATCH.glob(f"{stage}-*")):
            if other != own and (unused := _try_lock(other)):
                unused.close()
                print(
                    f"{other}/ ({_format_size(_disk_usage(other))}) is unfinished work of {stage} with other "
                    "parameters, data or code. It is kept; delete it if nobody will continue it.",
                    file=sys.stderr,
                )
    complete = False
    try:
        yield own
        complete = True
    finally:
        with _exclusive(), lock:
            if complete or not any(path.is_file() and path.name != "lock" for path in own.rglob("*")):
                shutil.rmtree(own)


def check_disk_space(needed: int, purpose: str, remedy: str) -> None:
    """Raises UserError if fewer than `needed` bytes are free.

    Args:
        purpose: what the space is for; begins the message after the folder.
        remedy: what else to do than to free some space; ends the message.
    """
    free = shutil.disk_usage(SCRATCH).free
    if free < needed:
        raise UserError(
            f"{SCRATCH.resolve()}: {purpose} needs {_format_size(needed)} of disk space, but {_format_size(free)} are "
            f"free: free some space, or {remedy}."
        )


def open_array(path: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """An array on disk to write to: the one that an earlier process left, or a new one with its space allocated.

    A damaged array is reported, and replaced by a new one.
    """
    dtype = np.dtype(dtype)
    # The format has no bfloat16. Its bits are stored as those of an integer.
    stored = dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")
    if path.exists():
        try:
            array = np.lib.format.open_memmap(path, "r+")
        except (ValueError, EOFError):
            array = None
        if array is not None and (array.shape, array.dtype) == (shape, stored):
            return array.view(dtype)
        state_file.report_damaged(path)
    partial = path.with_name(f".{path.name}")
    try:
        arrays.create_npy(partial, shape, stored)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, "r+").view(dtype)


@contextmanager
def _exclusive() -> Iterator[None]:
    """While the block runs, no other process creates or removes a scratch folder."""
    with (SCRATCH / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _try_lock(scratch_folder: Path) -> TextIO | None:
    """The lock of a scratch folder, held until it is closed; None if another process holds it."""
    lock = (scratch_folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _disk_usage(scratch_folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in scratch_folder.rglob("*"))


def _format_size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
