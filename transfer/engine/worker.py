"""What runs in a worker: its environment, and the function that it runs over batches."""

import os
import platform

import numpy as np
import ray
from ray import cloudpickle

from transfer.common import environment
from transfer.interface.errors import UserError

LIBRARIES = ("keras", "numpy", "tensorflow", "tensorflow-cpu")
ROOMS = ("common", "engine", "interface", "loading", "models")
# With this, a user makes oneDNN compute as on an older processor.
INSTRUCTIONS = "ONEDNN_MAX_CPU_ISA"

_functions: dict[str, object] = {}


def describe() -> dict[str, str]:
    """What the bytes that this process computes depend on, by what a person calls it."""
    return {
        "Python": platform.python_version(),
        **environment.library_versions(LIBRARIES),
        "the code of transfer/": environment.code_digest(ROOMS),
        "the processor": environment.processor_kind(),
        INSTRUCTIONS: os.environ.get(INSTRUCTIONS, "unset"),
    }


def difference(name: str, actual: dict[str, str], expected: dict[str, str]) -> str | None:
    """What a node has that this machine has not, in a sentence; None if they compute the same bytes."""
    differing = [kind for kind in {**expected, **actual} if actual.get(kind) != expected.get(kind)]
    if not differing:
        return None
    kinds = [f"{kind} is {actual.get(kind, 'missing')} and not {expected.get(kind, 'missing')}" for kind in differing]
    return (
        f"The Ray node {name} would compute other bytes than this machine ({'; '.join(kinds)}): give it this commit, "
        "its requirements and a processor of this kind, or stop the node."
    )


def compute(key: str, expected: dict[str, str], function: np.ndarray, batch: np.ndarray) -> list[np.ndarray]:
    """Run a function over a batch. The function is loaded once in a process.

    Args:
        key: identifies the function. A process keeps the last one alone: its model may take gigabytes.
        expected: what the driver's bytes depend on. A node may have joined after `cluster.check_nodes`.
        function: what `serialise` returned, by shared memory.

    Raises:
        UserError: this process would compute other bytes.
    """
    if key not in _functions:
        if sentence := difference(ray.util.get_node_ip_address(), describe(), expected):
            raise UserError(sentence)
        # One processor is one worker: more threads would wait for each other. Read when TensorFlow is imported.
        os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        _functions.clear()
        _functions[key] = cloudpickle.loads(function.data)
    return _functions[key](batch)  # type: ignore[operator]


def serialise(function: object) -> np.ndarray:
    """A function as bytes (bytes,). As an array, Ray shares them between the workers of a node."""
    return np.frombuffer(cloudpickle.dumps(function), np.uint8)
