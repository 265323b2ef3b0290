"""The metadata of a checkpoint, read without importing TensorFlow."""

from pathlib import Path
from typing import Any

from transfer.common import io
from transfer.interface.errors import UserError
from transfer.interface.schema import FITS, LARGEST_BATCH, LARGEST_IMAGE

METADATA, WEIGHTS = "model.json", "trained.weights.h5"
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
