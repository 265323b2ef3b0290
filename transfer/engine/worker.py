"""What runs in a worker: its environment, and the function that it runs over batches."""

import hashlib
import os
import platform
from pathlib import Path
from pickle import PickleBuffer

import numpy as np
import ray
from ray import cloudpickle

from transfer.common import environment
from transfer.interface.errors import UserError

LIBRARIES = ("keras", "numpy", "tensorflow", "tensorflow-cpu")
ROOMS = ("common", "engine", "interface", "loading", "models", "training", "cross_validation")
# With this, a user makes oneDNN compute as on an older processor.
INSTRUCTIONS = "ONEDNN_MAX_CPU_ISA"
# The index of the images that workers read themselves, if they share the folder with the driver.
INDEX = Path("prepared/index.csv")

_functions: dict[str, object] = {}


def describe(index: Path | None = None) -> dict[str, str]:
    """What the bytes that this process computes depend on, by what a person calls it.

    Args:
        index: the absolute path of the index of the images, if this process reads them itself.
    """
    description = {
        "Python": platform.python_version(),
        **environment.library_versions(LIBRARIES),
        "the code of transfer/": environment.code_digest(ROOMS),
        "the processor": environment.processor_kind(),
        INSTRUCTIONS: os.environ.get(INSTRUCTIONS, "unset"),
    }
    if index is None:
        return description
    digest = hashlib.sha256(index.read_bytes()).hexdigest()[:16] if index.is_file() else "missing"
    return description | {str(index): digest}


def index_of(description: dict[str, str]) -> Path | None:
    """The index of the images in a description; None without one."""
    return next((Path(name) for name in description if name.endswith(f"/{INDEX}")), None)


def difference(name: str, actual: dict[str, str], expected: dict[str, str]) -> str | None:
    """What a node has that this machine has not, in a sentence; None if they compute the same bytes."""
    differing = [kind for kind in {**expected, **actual} if actual.get(kind) != expected.get(kind)]
    if not differing:
        return None
    index = str(index_of(expected))
    if differing == [index]:
        return (
            f"The Ray node {name} sees other prepared images than this machine ({index} is {actual[index]} and not "
            f"{expected[index]}): share this folder with it, or set engine.shared in params.yaml to false."
        )
    kinds = [f"{kind} is {actual.get(kind, 'missing')} and not {expected.get(kind, 'missing')}" for kind in differing]
    return (
        f"The Ray node {name} would compute other bytes than this machine ({'; '.join(kinds)}): give it this commit, "
        "its requirements and a processor of this kind, or stop the node."
    )


def compute(key: str, expected: dict[str, str], function: list[np.ndarray], batch: np.ndarray) -> list[np.ndarray]:
    """Run a function over a batch. The function is loaded once in a process.

    Args:
        key: identifies the function. A process keeps the last one alone: its model may take gigabytes.
        expected: what the driver's bytes depend on. A node may have joined after `cluster.check_nodes`.
        function: what `serialise` returned, by shared memory.

    Raises:
        UserError: this process would compute other bytes.
    """
    if key not in _functions:
        if sentence := difference(ray.util.get_node_ip_address(), describe(index_of(expected)), expected):
            raise UserError(sentence)
        # One processor is one worker: more threads would wait for each other. Read when TensorFlow is imported.
        os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        _functions.clear()
        code, *arrays = function
        _functions[key] = cloudpickle.loads(code.data, buffers=arrays)
    return _functions[key](batch)  # type: ignore[operator]


def serialise(function: object) -> list[np.ndarray]:
    """A function as bytes (bytes,), followed by those of each array in it. Ray shares them between a node's workers."""
    arrays: list[PickleBuffer] = []
    code = cloudpickle.dumps(function, protocol=5, buffer_callback=arrays.append)
    return [np.asarray(memoryview(part)) for part in (code, *(array.raw() for array in arrays))]
