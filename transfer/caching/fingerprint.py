"""The fingerprint of a piece of work: everything that its result depends on."""

import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from transfer.common import environment

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "tensorflow", "tensorflow-cpu")
# With these, a user makes TensorFlow and its libraries use fewer threads or other instructions.
VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")


class Parameters(Protocol):
    def model_dump_json(self, *, exclude: set[str]) -> str: ...


def compute(parameters: Parameters, inputs: Sequence[Path], devices: int = 1) -> str:
    """16 hexadecimal digits that depend on parameters, inputs, code, library versions, processor and devices.

    Args:
        inputs: files, and folders with everything below them. Bytes, file names and paths below a folder count.
        devices: how many devices share each batch: the order of additions depends on it.
    """
    digest = hashlib.blake2b(digest_size=8)
    # Work that one engine has begun, another continues.
    digest.update(parameters.model_dump_json(exclude={"engine"}).encode())
    digest.update(str(environment.library_versions(LIBRARIES)).encode())
    digest.update(str([*_processor(), str(devices)]).encode())
    # Code by its path within the package: two modules of different rooms may have the same name.
    files = {f"code {path.relative_to(PACKAGE).as_posix()}": path for path in sorted(PACKAGE.rglob("*.py"))}
    files |= {"script": Path(sys.argv[0])}
    for name, path in files.items():
        digest.update(_of_file(name, path))
    digest.update(digest_files(inputs).encode())
    return digest.hexdigest()


def digest_files(inputs: Sequence[Path]) -> str:
    """16 hexadecimal digits that depend on files, and on folders with everything below them; see `compute`."""
    digest = hashlib.blake2b(digest_size=8)
    for number, item in enumerate(inputs):
        folder, below = (item, sorted(item.rglob("*"))) if item.is_dir() else (item.parent, [item])
        for path in below:
            digest.update(_of_file(f"input {number} {path.relative_to(folder).as_posix()}", path))
    return digest.hexdigest()


def _of_file(name: str, path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return f"{name}\n".encode() + hashlib.file_digest(file, "sha256").digest()


def _processor() -> list[str | None]:
    """What the order of additions depends on: the kind of processor, and how many of its cores are used."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else [platform.processor()]
    kind = next((line for line in lines if line.startswith(("flags", "Features"))), lines[0])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [kind, str(cores), *map(os.environ.get, VARIABLES)]
