"""State files: the state of a training in one file, from which another process continues. Writes are atomic."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# A kill loses at most so many seconds of work, or one epoch where an epoch takes longer.
MAX_LOSS = 10.0


def save(path: Path, values: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write a state atomically, in a format with checksums.

    Args:
        values: anything that JSON can hold.
        arrays: lists of arrays by name.
    """
    members = {f"{name}/{number:05}": array for name, items in arrays.items() for number, array in enumerate(items)}
    partial = path.with_name(f".{path.name}")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, values=np.array(json.dumps(values)), **members)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]] | None:
    """Values and arrays as `save` wrote them; None if there is no file, or a damaged one, which is reported."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            values = json.loads(str(archive["values"]))
            arrays: dict[str, list[np.ndarray]] = {}
            for member in sorted(set(archive.files) - {"values"}):
                arrays.setdefault(member.partition("/")[0], []).append(archive[member])
    except Exception:  # a broken archive makes its reader raise many kinds
        report_damaged(path)
        return None
    return values, arrays


def report_damaged(path: Path) -> None:
    """Print that a file of earlier progress cannot be used."""
    print(f"{path} is damaged: the work that it held is done again.", file=sys.stderr)


class SaveTimer:
    """Whether it is time to save: whether waiting for the next chance could lose more than `MAX_LOSS` seconds."""

    def __init__(self) -> None:
        self.last_save = self.last_chance = time.monotonic()

    def is_due(self) -> bool:
        """Ask at each chance to save; after True, the caller saves."""
        now = time.monotonic()
        due = now - self.last_save + (now - self.last_chance) > MAX_LOSS
        self.last_chance = now
        if due:
            self.last_save = now
        return due
