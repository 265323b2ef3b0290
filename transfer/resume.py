"""How far work has come, in files that a process killed at any instant leaves whole or not at all.

Whoever does the same work again goes on from there: `key` says what is the same work.
"""

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

# At most so many seconds of work are lost, or one epoch where that takes longer
LOSS = 10.0
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "tensorflow", "tensorflow-cpu")
# By which TensorFlow and its libraries are told to use fewer threads, or other instructions
SETTINGS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")
_DIGEST = 16


class Parameters(Protocol):
    def model_dump_json(self) -> str: ...


def key(parameters: Parameters, inputs: Sequence[Path]) -> str:
    """What a work's result follows from, as 16 hexadecimal digits: parameters, inputs, code, libraries and processor.

    Args:
        inputs: files, and folders with all that is in them; their bytes count.
    """
    found = hashlib.blake2b(digest_size=8)
    found.update(parameters.model_dump_json().encode())
    found.update(str([(name, _version(name)) for name in LIBRARIES]).encode())
    found.update(str(_processor()).encode())
    code = [*sorted(Path(__file__).parent.glob("*.py")), Path(sys.argv[0])]
    within = [path for given in inputs for path in (sorted(given.rglob("*")) if given.is_dir() else [given])]
    for path in [*code, *within]:
        if path.is_file():
            with path.open("rb") as file:
                found.update(f"{path.name}\n".encode() + hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> list[str | None]:
    """What the order of additions follows from: the processor's kind, and how many of its cores are used."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else [platform.processor()]
    kind = next((line for line in lines if line.startswith(("flags", "Features"))), lines[0])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [kind, str(cores), *map(os.environ.get, SETTINGS)]


def save(path: Path, about: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Replace a state in one step: what JSON can hold, and lists of arrays by name. The format has checksums."""
    members = {f"{name}/{place:05}": value for name, values in arrays.items() for place, value in enumerate(values)}
    partial = path.with_name(f".{path.name}")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **members)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]] | None:
    """What `save` has written, or None where there is nothing, or nothing whole; the latter is said."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            about = json.loads(str(found["about"]))
            arrays: dict[str, list[np.ndarray]] = {}
            for member in sorted(set(found.files) - {"about"}):
                arrays.setdefault(member.partition("/")[0], []).append(found[member])
    except Exception:  # a broken archive makes its reader raise many kinds
        tell_damaged(path)
        return None
    return about, arrays


def tell_damaged(path: Path) -> None:
    """Say that a file of kept work cannot be gone on with."""
    print(f"{path} is damaged: what it had kept is done again.", file=sys.stderr)


class Due:
    """Whether it is time to save: waiting for the next chance might lose more than `LOSS` seconds."""

    def __init__(self) -> None:
        self.saved = self.before = time.monotonic()

    def now(self) -> bool:
        """To be asked at each chance to save; saving is taken to follow a yes."""
        now = time.monotonic()
        due = now - self.saved + (now - self.before) > LOSS
        self.before = now
        if due:
            self.saved = now
        return due


class Progress:
    """Which batches of arrays on disk (images, views, ...) are done: a checksum each, in a file beside the arrays.

    A batch counts as done if the arrays hold just what the checksum was made of, so it does not matter in which order
    a machine that loses its power had written the two.
    """

    def __init__(self, path: Path, arrays: Sequence[np.ndarray]):
        self.path = path
        self.arrays = arrays
        self.due = Due()
        self.waiting: list[tuple[int, bytes]] = []
        path.touch()
        self.known = path.read_bytes()

    def done(self, rows: np.ndarray, view: int) -> bool:
        """Whether the batch that fills these rows of a view is done."""
        place = self._place(rows, view)
        noted = self.known[place : place + _DIGEST]
        return any(noted) and noted == self._digest(rows, view)

    def note(self, rows: np.ndarray, view: int) -> None:
        """This batch is done now."""
        self.waiting.append((self._place(rows, view), self._digest(rows, view)))
        if self.due.now():
            self.flush()

    def flush(self) -> None:
        """Have all that was noted on disk."""
        for array in self.arrays:
            if isinstance(array, np.memmap):
                array.flush()
        with self.path.open("r+b") as file:
            for place, digest in self.waiting:
                file.seek(place)
                file.write(digest)
            file.flush()
            os.fsync(file.fileno())
        self.waiting.clear()

    def _place(self, rows: np.ndarray, view: int) -> int:
        return (view * len(self.arrays[0]) + int(rows[0])) * _DIGEST

    def _digest(self, rows: np.ndarray, view: int) -> bytes:
        found = hashlib.blake2b(digest_size=_DIGEST)
        for array in self.arrays:
            found.update(array[rows, view].tobytes())
        return found.digest()
