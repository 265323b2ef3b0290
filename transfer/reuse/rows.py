"""Rows that the last version of an out has, by the digest of their image, if they can be taken over."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from transfer.common import arrays, io
from transfer.interface.errors import UserError
from transfer.loading.shards import Shards
from transfer.reuse import last_version, provenance
from transfer.reuse.last_version import CachedFile
from transfer.reuse.provenance import Provenance


class Row(NamedTuple):
    """A row of the last version: its array, its number there, and what the columns of the index say of it."""

    array: Shards
    number: int
    record: tuple[str, ...]

    @property
    def values(self) -> np.ndarray:
        """The row itself."""
        return self.array[self.number]


def rows_of_last_version(
    stage: str, folder: Path, now: Provenance, shape: Sequence[int | None], columns: tuple[str, ...]
) -> dict[str, Row]:
    """The rows that can be taken over, by the digest of their image.

    The folder has an index.csv with the columns `split` and `pixels` among others, and shards for each split. A
    version of another provenance has no such rows, which is reported. So are shards that are missing or damaged.

    Args:
        now: the provenance of rows that are computed now.
        shape: the shape of a row; None for an axis of any length.
        columns: the columns of the index that a row is returned with.
    """
    files = last_version.cached_files(stage, folder)
    if not files:
        return {}
    small = last_version.whole_files({name: file for name, file in files.items() if "/" not in name})
    index = _read_index(small, ("split", "pixels", *columns))
    changed = (
        provenance.differences(small[provenance.FILE].path, now) if provenance.FILE in small else ["no provenance"]
    )
    if changed or index is None:
        _report(f"{folder}/ has {' and '.join(changed or ['no usable index'])}: every image is computed.")
        return {}
    shards = {name: file for name, file in files.items() if name.endswith(".npy")}
    whole = last_version.whole_files(shards)
    if len(whole) < len(shards):
        _report(
            f"{folder}/ is not complete: {len(shards) - len(whole)} of its {len(shards)} arrays are missing or damaged "
            "in DVC's cache, and their images are computed."
        )
    rows = {}
    for split, images in index.groupby("split"):
        array = _open(whole, str(split), list(images["pixels"]), shape)
        if array is None:
            continue
        names = [array.name_of(row) for row in range(len(array))]
        records = images[list(columns)].itertuples(index=False, name=None)
        for row, (digest, name, record) in enumerate(zip(images["pixels"], names, records, strict=True)):
            if f"{split}/{name}" in whole:
                rows[digest] = Row(array, row, record)
    return rows


def _read_index(files: dict[str, CachedFile], columns: tuple[str, ...]) -> pd.DataFrame | None:
    try:
        return io.read_csv(files["index.csv"].path, columns)
    except (KeyError, UserError):
        return None


def _open(files: dict[str, CachedFile], split: str, digests: list[str], shape: Sequence[int | None]) -> Shards | None:
    """The array of a split, of which only some shards may be there; None if none is, or they have another shape."""
    paths = {name.removeprefix(f"{split}/"): file.path for name, file in files.items() if name.startswith(f"{split}/")}
    try:
        first = arrays.open_npy(next(iter(paths.values())), (None, *shape))
    except (StopIteration, UserError):
        return None
    return Shards(paths.__getitem__, digests, first.shape[1:], first.dtype)


def _report(sentence: str) -> None:
    print(f"The last version of {sentence}", file=sys.stderr)
