"""TensorFlow and Keras: imported without noise, made deterministic, in the precision that the processor supports.

During its import, TensorFlow writes notes about the processor to standard error, and no setting suppresses them. They
would stand in the log of every stage. If the import fails, the notes are printed.

A process that imports this module keeps freed memory. TensorFlow allocates and frees its activations in every
operation; where clearing a page is slow, as in a virtual machine, getting them back from the system costs more than the
arithmetic (the forward pass of MobileNetV2 takes 2.3 times as long).
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from transfer.common import memory
from transfer.interface.quiet import quiet

# Keras imports these if they are installed, for layers and converters that this project does not use. They take almost
# half of the seconds of Keras' import.
OPTIONAL = ("cv2", "matplotlib", "pandas", "scipy", "sklearn")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Otherwise a process takes all memory of a GPU, also a driver whose GPU a worker uses.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# This project cannot run on another backend of Keras, whatever the user has configured. TensorFlow chooses by the
# processor whether to use oneDNN; a variable in one shell would give other bytes than the same machine gives elsewhere.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)

memory.use_one_arena()
memory.keep_freed_memory()


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Hide those of these packages that are not imported yet, as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python marks a module as absent
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with quiet(), _without(OPTIONAL):
    import keras
    import tensorflow as tf

    # The exporters of Keras and TensorFlow use this function; it has no public name.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

# Several models of one kind are traced in a process, and TensorFlow would print a warning about that in every log.
tf.get_logger().setLevel("ERROR")

__all__ = [
    "freeze",
    "has_bfloat16",
    "has_gpu",
    "import_graph",
    "keras",
    "layer_precision",
    "library_versions",
    "start",
    "supported_precision",
    "supported_precisions",
    "tf",
    "use_all_devices",
]


def start(seed: int) -> None:
    """Seed every random generator and allow deterministic operations only. Call it before anything else."""
    # Override whatever the user's keras.json sets.
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def freeze(traced: Any) -> Any:
    """A traced function with constants in place of its variables, without custom gradients: a graph for inference.

    TensorFlow folds BatchNormalization into the convolutions if their weights are constants. Custom gradients, such as
    that of the swish activation, cannot be saved, and the LiteRT converter then drops the names of outputs.
    """
    constant = convert_variables_to_constants_v2(traced)
    graph = constant.graph.as_graph_def()
    for node in (*graph.node, *(node for function in graph.library.function for node in function.node_def)):
        node.attr.pop("_gradient_op_type", None)
    names = [[tensor.name for tensor in tensors] for tensors in (constant.inputs, constant.outputs)]
    return import_graph(graph, *names)


def import_graph(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """A graph definition as a function from the tensors named `inputs` to a list of those named `outputs`."""
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    return wrapped.prune(list(inputs), list(outputs))


def use_all_devices() -> int:
    """Put models that are made from now on on all GPUs of this machine; returns how many devices they are on.

    Without GPUs, the processor is the only device, unless TensorFlow was told to divide it. With one device, nothing
    changes. With several, each holds all variables and computes a share of every batch (see `training.loop`).
    """
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        tf.distribute.experimental_set_strategy(strategy)
    return len(devices)


def supported_precision(requested: str) -> str:
    """`requested`; or float32, with a line that says so, where this machine could only emulate bfloat16."""
    if requested == "bfloat16" and not has_bfloat16():
        _print_once("This processor has no bfloat16 arithmetic: float32 is used.")
        return "float32"
    return requested


@cache
def _print_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def has_gpu() -> bool:
    """Whether TensorFlow uses a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def has_bfloat16() -> bool:
    """Whether this machine computes in bfloat16 instead of emulating it."""
    if has_gpu():
        return True
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def supported_precisions() -> list[str]:
    """The precisions that this machine computes in, the most exact first."""
    return ["float32", "bfloat16"] if has_bfloat16() else ["float32"]


@contextmanager
def layer_precision(name: str) -> Iterator[None]:
    """Layers made inside the block compute in `name`; with bfloat16, their variables stay float32."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if name == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


def library_versions() -> dict[str, str]:
    """The versions that a checkpoint records."""
    return {"keras": keras.__version__, "tensorflow": tf.__version__}
