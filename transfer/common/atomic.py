"""Atomic writes: after a kill or a power failure, a file or folder is either complete or absent."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def text_file(path: str | Path) -> Iterator[TextIO]:
    """A text file to write, which replaces `path` when the block ends without an error. Creates the folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            # Sync before the rename: a power failure must not leave an empty file under the final name.
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def folder(path: str | Path) -> Iterator[Path]:
    """A folder to fill, which replaces `path` when the block ends without an error, and is removed otherwise."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for inside in partial.rglob("*"):
            if inside.is_file():
                _sync(inside)
        replace_folder(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def replace_folder(source: Path, path: Path) -> None:
    """Rename the folder `source` to `path`, replacing a folder of that name. `path` is never there in part."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    # A file or a link of this name is not replaced: the rename below fails and names it.
    if path.is_dir() and not path.is_symlink():
        path.replace(old)
    source.replace(path)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
