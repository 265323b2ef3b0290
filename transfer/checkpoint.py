"""What a checkpoint says of itself, read without importing TensorFlow."""

from pathlib import Path
from typing import Any

from transfer import files, params
from transfer.faults import Fault

DESCRIPTION = "model.json"
NEEDED: files.Needed = {
    "classes": list,
    "image_size": int,
    "frozen_layers": int,
    "dropout": files.NUMBER,
    "batch_size": int,
    "validation.accuracy": files.NUMBER,
    "validation.loss": files.NUMBER,
    "backbone.channels": int,
}


def about(folder: Path) -> dict[str, Any]:
    """What the checkpoint in `folder` needs to be rebuilt and used.

    Raises:
        Fault: it is missing or broken, or has values that no training writes.
    """
    path = folder / DESCRIPTION
    found = files.read_json(path, NEEDED)
    allowed = {
        "classes": bool(found["classes"]) and all(isinstance(name, str) for name in found["classes"]),
        "image_size": 1 <= found["image_size"] <= params.LARGEST_IMAGE,
        "frozen_layers": found["frozen_layers"] >= 0,
        "dropout": 0 <= found["dropout"] < 1,
        "batch_size": 1 <= found["batch_size"] <= params.LARGEST_BATCH,
    }
    for name, holds in allowed.items():
        if not holds:
            told = f"{path}: {name} has a value that no training writes"
            raise Fault(f"{told}: restore the file or make it anew with `dvc repro`.")
    return found
