"""The one way that weights are written to a file and read from it."""

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from transfer.faults import Fault
from transfer.framework import keras

# What the file takes beyond the values, at most: for each variable, and at all
VARIABLE_BYTES, FILE_BYTES = 8_192, 1_048_576


def save(model: keras.Model, path: Path) -> None:
    """Write a model's weights as HDF5. Makes the folder.

    Raises:
        OSError: the disk is too small. HDF5 would find out in the midst of its work, and end the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    size = sum(variable.numpy().nbytes + VARIABLE_BYTES for variable in model.variables) + FILE_BYTES
    # macOS has no such call
    if hasattr(os, "posix_fallocate"):
        with tempfile.TemporaryFile(dir=path.parent) as room:
            os.posix_fallocate(room.fileno(), 0, size)
    model.save_weights(path)


def load(model: keras.Model, path: Path, told: str) -> None:
    """Load a file of weights into a model that must be made just so.

    Args:
        told: what to tell if the file does not fit, with what to do; the reason is added.

    Raises:
        Fault: the file is broken, its weights have other shapes or belong to other layers, or some are no numbers.
    """
    try:
        # Keras only warns where it finds nothing for a layer and leaves it as it was drawn at random.
        with warnings.catch_warnings(action="error", category=UserWarning):
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds for a file that does not fit
        raise Fault(f"{told} ({' '.join(str(error).split())[:200]})") from None
    for variable in model.variables:
        if not np.isfinite(variable.numpy().astype(np.float64)).all():
            raise Fault(f"{told} ({variable.path} has values that are no numbers)")
