"""Shards: the rows of an array in many small `.npy` files, so that a new version of a dataset changes few of them.

The digest of an image's pixels alone decides in which shard its row is. The number of shards is a power of two that
follows the number of images. The same images in the same order therefore give the same shards, whatever the versions
before. One per cent of new images changes at most 15 % of the shards, and DVC stores and pushes only these.
"""

import io
import math
import mmap
import os
import re
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from transfer.common import arrays
from transfer.interface.errors import UserError

# The largest mean number of rows in a shard. Of 100,000 images with 1 % added, shards of 16 rows change by 15 %.
ROWS = 16
DIGEST_BITS = 64
DIGEST = re.compile("[0-9a-f]{16}")
# Linux allows a process 65,530 memory maps. The largest arrays that a stage reads at random are a pair.
MOST_OPEN = 16_384


def shard_bits(images: int) -> int:
    """The binary logarithm of the number of shards for so many images."""
    return max(0, math.ceil(images / ROWS) - 1).bit_length()


def shard_number(digest: str, bits: int) -> int:
    """The shard of an image, one of 2**`bits`, by the first bits of its digest (16 hexadecimal digits)."""
    return int(digest, 16) >> (DIGEST_BITS - bits)


def shard_name(number: int, bits: int) -> str:
    """The name of the file of a shard."""
    return f"{number:0{math.ceil(bits / 4) or 1}x}.npy"


class Shards:
    """An array (rows, ...) in shards on disk. The rows of a shard are in the order of the array.

    It is indexed like an array by rows (an integer, a slice or an index array), or by rows and second indices. A shard
    is opened, through a memory map, when it is first needed.
    """

    def __init__(
        self,
        locate: Callable[[str], Path],
        digests: Sequence[str],
        shape: Sequence[int],
        dtype: np.dtype | type,
        *,
        writable: bool = False,
    ):
        """Use `open_shards` or `create_shards`, unless the shards have other names than theirs.

        Args:
            locate: a function from the name of a shard to its file.
            digests: of the image of each row.
            shape: the shape of a row.
        """
        self.locate = locate
        self.shape = (len(digests), *shape)
        self.dtype = np.dtype(dtype)
        self.bits = shard_bits(len(digests))
        self.numbers = np.array([shard_number(digest, self.bits) for digest in digests], np.int64)
        self.positions = _positions(self.numbers)
        self.lengths = np.bincount(self.numbers, minlength=2**self.bits).tolist()
        self._access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._most_open = _most_open()
        self._maps: dict[int, mmap.mmap] = {}
        self._open: dict[int, np.ndarray] = {}
        self._parts: dict[tuple[int, ...], _Parts] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, *second = key if isinstance(key, tuple) else (key,)
        if isinstance(rows, int | np.integer):
            return self._shard(int(self.numbers[rows]))[(self.positions[rows], *second)]
        rows = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        if not len(rows):
            return np.empty((0, *self.shape[1 + len(second) :]), self.dtype)
        if all(isinstance(index, int | np.integer) for index in second):
            parts = _look_up(self._parts_of(*second), rows.tolist())
        else:
            seconds = np.broadcast_to(second[0], len(rows)).tolist()
            parts = [self._parts_of(index)[row] for row, index in zip(rows.tolist(), seconds, strict=True)]
        # `np.stack` takes three times as long.
        joined = bytearray().join(parts)  # type: ignore[arg-type]  # an array is a buffer, which NumPy does not declare
        return np.frombuffer(joined, self.dtype).reshape(len(parts), *parts[0].shape)

    def __setitem__(self, key: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> None:
        """`shards[rows, second] = values`: a value for each pair of indices."""
        rows, second = key
        for row, index, value in zip(rows, np.broadcast_to(second, len(rows)), values, strict=True):
            self._shard(int(self.numbers[row]))[self.positions[row], index] = value

    def name_of(self, row: int) -> str:
        """The name of the shard that has a row."""
        return shard_name(int(self.numbers[row]), self.bits)

    def by_shard(self) -> np.ndarray:
        """All rows, those of a shard together (rows,)."""
        return np.argsort(self.numbers, kind="stable")

    def files(self) -> Iterator[tuple[Path, int]]:
        """The file of each shard that has rows, with the number of its rows."""
        for number, length in enumerate(self.lengths):
            if length:
                yield self.locate(shard_name(number, self.bits)), length

    def flush(self) -> None:
        """Write all changes to the disk."""
        for memory_map in self._maps.values():
            memory_map.flush()

    def _shard(self, number: int) -> np.ndarray:
        shard = self._open.get(number)
        if shard is None:
            shard = self._open_shard(number)
        return shard

    def _parts_of(self, *second: int) -> "_Parts":
        """The part of each row that second indices select; without any, each whole row."""
        parts = self._parts.get(second)
        if parts is None:
            parts = self._parts[second] = _Parts(self, second)
        return parts

    def _open_shard(self, number: int) -> np.ndarray:
        if len(self._open) >= self._most_open:
            # All at once: parts of rows refer to them.
            for opened in (self._parts, self._open, self._maps):
                opened.clear()
        path = self.locate(shard_name(number, self.bits))
        shape = (self.lengths[number], *self.shape[1:])
        start = header(shape, self.dtype)
        with _named(path), path.open("r+b" if self._access == mmap.ACCESS_WRITE else "rb") as file:
            memory_map = mmap.mmap(file.fileno(), 0, access=self._access)
            if len(memory_map) != _size(shape, self.dtype) or memory_map[: len(start)] != start:
                raise ValueError("it is not an array of the expected shape")
        self._maps[number] = memory_map
        # Not a `np.memmap`: to index one takes several times as long.
        self._open[number] = np.frombuffer(memory_map, self.dtype, offset=len(start)).reshape(shape)
        return self._open[number]


class _Parts(dict[int, np.ndarray]):
    """A part of each row, by the number of the row, as a view of its open shard; filled when it is first needed.

    The rows of a batch come from as many shards. To index each shard takes several times as long as to copy the rows.
    """

    def __init__(self, shards: Shards, second: tuple[int, ...]):
        super().__init__()
        self.shards = shards
        self.second = second

    def __missing__(self, row: int) -> np.ndarray:
        shards = self.shards
        self[row] = shards._shard(int(shards.numbers[row]))[(shards.positions[row], *self.second)]
        return self[row]


def _look_up(parts: _Parts, rows: Sequence[int]) -> Sequence[np.ndarray]:
    """The parts of several rows, in one call for all of them."""
    return itemgetter(*rows)(parts) if len(rows) > 1 else [parts[rows[0]]]


def open_shards(folder: Path, digests: Sequence[str], shape: Sequence[int | None]) -> Shards:
    """Open an array for reading.

    Args:
        digests: of the image of each row.
        shape: the shape that a row must have; None for an axis of any length.

    Raises:
        UserError: a digest is damaged, or a shard is missing, is not one of this array, or has another shape.
    """
    if not all(map(DIGEST.fullmatch, digests)):
        raise UserError(f"{folder.parent}/ has an index with digests that are damaged: make it again with `dvc repro`.")
    bits = shard_bits(len(digests))
    first = min((shard_number(digest, bits) for digest in digests), default=0)
    array = arrays.open_npy(folder / shard_name(first, bits), (None, *shape))
    shards = Shards(folder.joinpath, digests, array.shape[1:], array.dtype)
    expected = {path.name: _size((length, *shards.shape[1:]), shards.dtype) for path, length in shards.files()}
    with os.scandir(folder) as entries:
        actual = {entry.name: entry.stat().st_size for entry in entries}
    for name in sorted(expected.keys() ^ actual.keys()):
        raise UserError(
            f"{folder / name} is missing: run `dvc repro` to make it."
            if name in expected
            else f"{folder / name} is not one of the files that belong there: remove {folder}, and run `dvc repro`."
        )
    for name, size in expected.items():
        if actual[name] != size:
            with _named(folder / name):
                raise ValueError(f"it has {actual[name]} bytes in place of {size}")
    return shards


def create_shards(folder: Path, digests: Sequence[str], shape: Sequence[int], dtype: np.dtype | type) -> Shards:
    """Create an array to be filled, or continue with the one that an earlier process left.

    The disk space is allocated at once: if the disk filled up later, writing to a map would kill the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = Shards(folder.joinpath, digests, shape, dtype, writable=True)
    for path, length in shards.files():
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.write(header((length, *shape), shards.dtype))
            size = _size((length, *shape), shards.dtype)
            file.truncate(size)
            # macOS has no such call.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    return shards


class ShardWriter:
    """Writes an array row by row, in order, when the digest of an image becomes known together with its row."""

    def __init__(self, folder: Path, images: int, shape: tuple[int, ...], dtype: np.dtype | type):
        """
        Args:
            images: how many rows there will be.
            shape: the shape of a row.
        """
        self.folder = folder
        self.bits = shard_bits(images)
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.lengths: dict[int, int] = {}
        folder.mkdir(parents=True)

    def append(self, digest: str, row: np.ndarray) -> None:
        """Write the next row."""
        number = shard_number(digest, self.bits)
        with (self.folder / shard_name(number, self.bits)).open("ab") as file:
            if number not in self.lengths:
                file.write(header((0, *self.shape), self.dtype))
            file.write(np.ascontiguousarray(row, self.dtype).data)
        self.lengths[number] = self.lengths.get(number, 0) + 1

    def finish(self) -> None:
        """Write into each shard how many rows it has."""
        for number, length in self.lengths.items():
            with (self.folder / shard_name(number, self.bits)).open("r+b") as file:
                file.write(header((length, *self.shape), self.dtype))


@cache
def header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """What a `.npy` file begins with. NumPy pads it, so that its length is the same for any number of rows."""
    stream = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def _size(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return len(header(shape, dtype)) + math.prod(shape) * dtype.itemsize


def _positions(numbers: np.ndarray) -> np.ndarray:
    """How many rows before have the same number, for each row (rows,)."""
    order = np.argsort(numbers, kind="stable")
    _, starts, counts = np.unique(numbers[order], return_index=True, return_counts=True)
    positions = np.empty_like(numbers)
    positions[order] = np.arange(len(numbers)) - np.repeat(starts, counts)
    return positions


@cache
def _most_open() -> int:
    """How many shards of an array may be open: each takes a memory map and a file descriptor.

    Raises the limit of file descriptors of this process as far as the system allows, as the runtimes of Go and Java do.
    """
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS refuses what it reports as the limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    current, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN if current == resource.RLIM_INFINITY else min(MOST_OPEN, current // 3)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in the errors of its reading."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` to make it.") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}): make it again with `dvc repro`.") from None
