"""Atomic writes: after a kill or a power failure, a file or folder is either complete or absent."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# Thousands of files, such as the shards of an array, are written to the disk all together: each by itself takes as long
# as a turn of the disk.
MOST_SYNCED = 100


@contextmanager
def text_file(path: str | Path) -> Iterator[TextIO]:
    """A text file to write, which replaces `path` when the block ends without an error. Creates the folder."""
    with _partial_file(Path(path)) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def copy_files(source: Path, target: Path) -> None:
    """Copy all files below the folder `source` to the same places below `target`. Creates the folders."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            with _partial_file(target / path.relative_to(source)) as partial:
                shutil.copyfile(path, partial)


@contextmanager
def _partial_file(path: Path) -> Iterator[Path]:
    """A file to write in the folder of `path`, which replaces `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        # Sync before the rename: a power failure must not leave an empty file under the final name.
        _sync(partial)
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
        files = [inside for inside in partial.rglob("*") if inside.is_file()]
        if len(files) > MOST_SYNCED:
            os.sync()
        else:
            for inside in files:
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
