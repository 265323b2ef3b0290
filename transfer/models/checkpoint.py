"""The files of a checkpoint: metadata as JSON, weights as HDF5. TensorFlow is not imported to read the former."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from transfer.common import io
from transfer.interface.errors import UserError
from transfer.interface.schema import FITS, LARGEST_BATCH, LARGEST_IMAGE

if TYPE_CHECKING:
    from transfer.models.tensorflow import keras

METADATA = "model.json"
REQUIRED_KEYS: io.RequiredKeys = {
    "classes": list,
    "image_size": int,
    "frozen_layers": int,
    "dropout": io.NUMBER,
    "batch_size": int,
    "validation.accuracy": io.NUMBER,
    "validation.loss": io.NUMBER,
    "backbone.channels": int,
}

# An upper bound of what the file takes beside the values: for each variable, and in total.
VARIABLE_BYTES, FILE_BYTES = 8_192, 1_048_576


def read_metadata(folder: Path) -> dict[str, Any]:
    """What is needed to rebuild and use the checkpoint in `folder`.

    Raises:
        UserError: the metadata are missing or broken, or have a value that no training writes.
    """
    path = folder / METADATA
    metadata = io.read_json(path, REQUIRED_KEYS)
    # Checkpoints from before `resize` was a parameter do not record it.
    resize = metadata.setdefault("resize", {"fit": "squash", "antialias": False})
    allowed = {
        "classes": bool(metadata["classes"]) and all(isinstance(name, str) for name in metadata["classes"]),
        "image_size": 1 <= metadata["image_size"] <= LARGEST_IMAGE,
        "resize": isinstance(resize, dict)
        and resize.keys() == {"fit", "antialias"}
        and resize["fit"] in FITS
        and isinstance(resize["antialias"], bool),
        "frozen_layers": metadata["frozen_layers"] >= 0,
        "dropout": 0 <= metadata["dropout"] < 1,
        "batch_size": 1 <= metadata["batch_size"] <= LARGEST_BATCH,
    }
    for name, is_allowed in allowed.items():
        if not is_allowed:
            raise UserError(
                f"{path}: {name} has a value that no training writes: restore the file, or make it again with "
                "`dvc repro`."
            )
    return metadata


def save_weights(model: "keras.Model", path: Path) -> None:
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


def load_weights(model: "keras.Model", path: Path, message: str | None = None) -> None:
    """Load a weight file into a model of the same architecture.

    Args:
        message: what the error says if the file does not fit, with what to do; the reason is appended. By default, it
            says that the pipeline makes the file again.

    Raises:
        UserError: the file is broken, its weights have other shapes or other layers, or a value is not finite.
    """
    message = message or f"{path} cannot be used: make it again with `dvc repro`"
    try:
        # Keras only warns if the file has nothing for a layer, and leaves the layer's random weights.
        with warnings.catch_warnings(action="error", category=UserWarning):
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds for a file that does not fit
        raise UserError(f"{message} ({' '.join(str(error).split())[:200]})") from None
    for variable in model.variables:
        if not np.isfinite(variable.numpy().astype(np.float64)).all():
            raise UserError(f"{message} ({variable.path} has values that are not finite numbers)")
