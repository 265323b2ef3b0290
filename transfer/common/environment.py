"""What a result depends on besides parameters and data: the versions of libraries, the code and the processor."""

import hashlib
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
CPUINFO = Path("/proc/cpuinfo")
# Where NVIDIA's driver describes each GPU.
GPUS = Path("/proc/driver/nvidia/gpus")
# The instruction sets for which oneDNN, the library of TensorFlow's convolutions, has code of its own, as Linux names
# them. Each adds the terms of a sum in another order.
INSTRUCTION_SETS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile")


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """The installed versions of libraries; those that are not installed are left out."""
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def code_digest(rooms: Sequence[str]) -> str:
    """16 hexadecimal digits that depend on the code in these rooms, apart from the schemas of parameters."""
    digest = hashlib.blake2b(digest_size=8)
    for room in rooms:
        for path in sorted((PACKAGE / room).glob("*.py")):
            if path.name != "params.py":
                digest.update(f"{room}/{path.name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def processor_kind() -> str:
    """The kind of this processor, and of the GPUs that TensorFlow uses: two of a kind compute the same bytes.

    Without /proc/cpuinfo, that is on macOS, the architecture alone.
    """
    flags: set[str] = set()
    if CPUINFO.exists():
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    return " ".join([platform.machine(), *(name for name in INSTRUCTION_SETS if name in flags), *_gpu_kinds()])


def _gpu_kinds() -> list[str]:
    """The models of the GPUs; none if TensorFlow is the build for processors alone, or if they are hidden from it."""
    if not library_versions(["tensorflow"]) or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return []
    lines = [line for path in GPUS.glob("*/information") for line in path.read_text(errors="replace").splitlines()]
    return sorted({line.partition(":")[2].strip() for line in lines if line.startswith("Model:")})
