"""TensorFlow and Keras, imported in silence.

While it is being imported, TensorFlow writes notes on the processor to the standard error that no setting keeps back.
They would stand in every log of every stage. Should the import fail, what was written is passed on.

A process that imports this keeps the memory that it has freed: TensorFlow takes and frees its activations anew in every
operation, and where pages are dear, as in a virtual machine, having the system clear them each time costs more than the
arithmetic (MobileNetV2's forward pass takes 2.3 times as long).
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from transfer import memory

# Keras imports these where they are installed, for layers and converters that nothing here uses, and does without
# them where they are not: almost half of the seconds that its import takes.
OPTIONAL = ("cv2", "matplotlib", "pandas", "scipy", "sklearn")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A Keras that the user has set up for another backend could not run this project. Whether oneDNN is used is the
# processor's to say: a shell that switches it would have other bytes than the same machine has elsewhere.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)

memory.one_arena()
memory.keep_freed()


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """As if those of these packages that nobody has imported yet were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None, the language's own sign for it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with tempfile.TemporaryFile() as notes:
    sys.stderr.flush()
    standard_error = os.dup(2)
    os.dup2(notes.fileno(), 2)
    try:
        with _without(OPTIONAL):
            import keras
            import tensorflow as tf

            # Keras' and TensorFlow's own exporters use it; it has no other name
            from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    except BaseException:
        notes.seek(0)
        os.write(standard_error, notes.read())
        raise
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)

# A model of each kind is traced a few times, and TensorFlow would warn of that in every log.
tf.get_logger().setLevel("ERROR")

__all__ = ["convert_variables_to_constants_v2", "keras", "tf"]
