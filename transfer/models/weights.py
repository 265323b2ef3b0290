"""Weight files: the one way to write weights to an HDF5 file and to read them."""

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from transfer.interface.errors import UserError
from transfer.models.tensorflow import keras

# An upper bound of what the file takes beside the values: for each variable, and in total.
VARIABLE_BYTES, FILE_BYTES = 8_192, 1_048_576


def save(model: keras.Model, path: Path) -> None:
    """Write a model's weights as HDF5. Creates the folder.

    Raises:
        OSError: the disk is too small. HDF5 would notice in the middle of writing, and end the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    size = sum(variable.numpy().nbytes + VARIABLE_BYTES for variable in model.variables) + FILE_BYTES
    # macOS has no such call.
    if hasattr(os, "posix_fallocate"):
        with tempfile.TemporaryFile(dir=path.parent) as placeholder:
            os.posix_fallocate(placeholder.fileno(), 0, size)
    model.save_weights(path)


def load(model: keras.Model, path: Path, message: str) -> None:
    """Load a weight file into a model of the same architecture.

    Args:
        message: what the error says if the file does not fit, with what to do; the reason is appended.

    Raises:
        UserError: the file is broken, its weights have other shapes or other layers, or a value is not finite.
    """
    try:
        # Keras only warns if the file has nothing for a layer, and leaves the layer's random weights.
        with warnings.catch_warnings(action="error", category=UserWarning):
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds for a file that does not fit
        raise UserError(f"{message} ({' '.join(str(error).split())[:200]})") from None
    for variable in model.variables:
        if not np.isfinite(variable.numpy().astype(np.float64)).all():
            raise UserError(f"{message} ({variable.path} has values that are not finite numbers)")
