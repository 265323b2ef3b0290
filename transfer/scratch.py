"""Scratch space: what a stage needs while it runs, outside DVC's outs, and finds again where it was killed.

.scratch/<stage>-<key>/ belongs to the work that is made from just what the key stands for (`resume.key`). It goes when
the work is done; otherwise it stays, for the next process that has the same work to do.
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from transfer import files, resume
from transfer.faults import Fault

FOLDER = Path(".scratch")


@contextmanager
def folder(stage: str, key: str) -> Iterator[Path]:
    """The folder of a stage's work, for this process alone. It goes when the block ends well, or nothing was begun.

    Raises:
        Fault: another process is at the same work.
    """
    FOLDER.mkdir(exist_ok=True)
    own = FOLDER / f"{stage}-{key}"
    with _alone():
        own.mkdir(exist_ok=True)
        lock = _locked(own)
        if lock is None:
            raise Fault(f"{own}/ is in use: another process is at the same work; wait for its end, or stop it.")
        for left in sorted(FOLDER.glob(f"{stage}-*")):
            if left != own and (free := _locked(left)):
                free.close()
                print(
                    f"{left}/ ({_amount(_taken(left))}) is unfinished work of {stage} on other parameters, data or "
                    "code: it is left alone; delete it if nobody will go on with it.",
                    file=sys.stderr,
                )
    done = False
    try:
        yield own
        done = True
    finally:
        with _alone(), lock:
            if done or not any(path.is_file() and path.name != "lock" for path in own.rglob("*")):
                shutil.rmtree(own)


def check_space(needed: int, purpose: str, remedy: str) -> None:
    """Raises Fault if fewer than `needed` bytes are free.

    Args:
        purpose, remedy: what the message says the space is for, and what else to do than to free some.
    """
    free = shutil.disk_usage(FOLDER).free
    if free < needed:
        raise Fault(
            f"{FOLDER.resolve()}: {purpose} needs {_amount(needed)} of disk, and {_amount(free)} are free: "
            f"free some, or {remedy}."
        )


def array(path: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """An array on disk to write to: as an earlier process left it, or a new one, its space taken at once.

    One that is damaged is said, and made anew.
    """
    dtype = np.dtype(dtype)
    # The format knows no bfloat16; its bits are those of an integer
    stored = dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")
    if path.exists():
        try:
            found = np.lib.format.open_memmap(path, "r+")
        except (ValueError, EOFError):
            found = None
        if found is not None and (found.shape, found.dtype) == (shape, stored):
            return found.view(dtype)
        resume.tell_damaged(path)
    partial = path.with_name(f".{path.name}")
    try:
        files.new_array(partial, shape, stored)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, "r+").view(dtype)


@contextmanager
def _alone() -> Iterator[None]:
    """No other process makes or removes a folder meanwhile."""
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _locked(folder: Path) -> TextIO | None:
    """The folder's lock, held until it is closed; None where another process holds it."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _taken(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
