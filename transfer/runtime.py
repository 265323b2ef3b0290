"""TensorFlow made ready: repeatable, seeded, and no more precise than it was asked to be."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from transfer.framework import keras, tf


def start(seed: int) -> None:
    """Seed everything that draws, and use only operations that give the same bytes each time. Call it first."""
    # Whatever the user's keras.json says
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def usable_precision(asked: str) -> str:
    """`asked`, or float32, and a line that says so, where this machine would only emulate bfloat16."""
    if asked == "bfloat16" and not has_bfloat16():
        _tell_once("This processor has no bfloat16 arithmetic: float32 is used.")
        return "float32"
    return asked


@cache
def _tell_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def has_bfloat16() -> bool:
    """Whether this machine computes in bfloat16, rather than emulating it."""
    if tf.config.list_physical_devices("GPU"):
        return True
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def precisions() -> list[str]:
    """What this machine computes in, the most exact first."""
    return ["float32", "bfloat16"] if has_bfloat16() else ["float32"]


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers made inside compute in `name`; with bfloat16, their variables stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if name == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def versions() -> dict[str, str]:
    """What a checkpoint was made with."""
    return {"keras": keras.__version__, "tensorflow": tf.__version__}
