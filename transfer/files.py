"""The one writer and the one reader of JSON and of CSV, and folders that appear whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import numpy as np
import pandas as pd

from transfer.faults import Fault

DECIMALS = 6
# What JSON must have: dotted names, and the type of each
Needed = Mapping[str, type | tuple[type, ...]]
NUMBER = (int, float)


@contextmanager
def new_text(path: str | Path) -> Iterator[TextIO]:
    """A file to write to, that takes the place of `path` when the block ends well, so that no reader sees half of it.

    Makes the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            # On disk before it has the name: a machine that loses its power leaves no empty file behind
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Replace a file in one step; see `new_text`."""
    with new_text(path) as file:
        file.write(text)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON; numbers with a fraction are rounded to 6 decimals."""
    write_text(path, json.dumps(rounded(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path, needed: Needed = MappingProxyType({})) -> Any:
    """Read JSON.

    Args:
        needed: what the objects in it must have.

    Raises:
        Fault: the file is missing, is not JSON, or lacks what is needed.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault(f"{path} is missing: run `dvc repro` to make it.") from None
    except (ValueError, RecursionError) as error:
        raise Fault(f"{path} is not valid JSON ({error}): restore it or make it anew with `dvc repro`.") from None
    for name, kind in needed.items():
        found = value
        for key in name.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, kind):
            raise Fault(f"{path} has no {name} that can be used: restore it or make it anew with `dvc repro`.")
    return value


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table without its index; numbers with a fraction are rounded to 6 decimals."""
    write_text(path, table.round(DECIMALS).to_csv(index=False, lineterminator="\n"))


def read_csv(path: str | Path, text_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table. `text_columns` must be there and stay text, so that a class named `007` or `NA` keeps its name."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return parse_csv(file, str(path), "make it anew with `dvc repro`", text_columns)
    except FileNotFoundError:
        raise Fault(f"{path} is missing: run `dvc repro` to make it.") from None


def parse_csv(file: TextIO, named: str, advice: str, text_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table from an open file; see `read_csv`.

    Args:
        named, advice: what the message of a Fault calls the file, and what it says to do.
    """
    try:
        found = pd.read_csv(file, dtype=dict.fromkeys(text_columns, str), keep_default_na=False)
        if missing := [name for name in text_columns if name not in found.columns]:
            raise ValueError(f"no column {missing[0]}")
        return found
    except ValueError as error:  # pandas' own errors are of this kind, and so are those of decoding
        raise Fault(f"{named} is not a valid table ({' '.join(str(error).split())}): {advice}.") from None


def open_array(path: str | Path, shape: Sequence[int | None] | None = None) -> np.ndarray:
    """Open a `.npy` file by memory map, to be read.

    Args:
        shape: what the array must be like; None for an axis of any length.

    Raises:
        Fault: the file is missing or broken, or of another shape.
    """
    try:
        # Not `np.load`, which would take it for an archive or a pickle if it looked like one
        found = np.lib.format.open_memmap(path, "r")
        if shape is not None and (
            len(shape) != found.ndim
            or any(asked not in (None, had) for asked, had in zip(shape, found.shape, strict=True))
        ):
            raise ValueError(f"its shape is {found.shape}")
        return found
    except FileNotFoundError:
        raise Fault(f"{path} is missing: run `dvc repro` to make it.") from None
    except (ValueError, EOFError, OSError) as error:
        raise Fault(f"{path} cannot be read ({error}): make it anew with `dvc repro`.") from None


def new_array(path: str | Path, shape: tuple[int, ...], dtype: np.dtype | type) -> np.memmap:
    """A new `.npy` file by memory map, to be filled.

    Its space is taken at once: a disk that fills up later would kill whoever writes to the map.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # macOS has no such call
    if hasattr(os, "posix_fallocate"):
        with Path(path).open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return array


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder to fill, that takes the place of `path` when the block ends well and vanishes when it does not."""
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


def replace_folder(folder: Path, path: Path) -> None:
    """Have a folder take the place of `path`, of which at no instant a part is there."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    # Anything else is in the way, and the next line says so
    if path.is_dir() and not path.is_symlink():
        path.replace(old)
    folder.replace(path)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    """Have a file, or what a folder says of its files, on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def rounded(value: Any) -> Any:
    """`value` with every float in it, however deep, rounded to 6 decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value
