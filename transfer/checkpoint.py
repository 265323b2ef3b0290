"""What a checkpoint says of itself, read without importing TensorFlow."""

from pathlib import Path
from typing import Any

from transfer import files

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
    """What the checkpoint in `folder` needs to be rebuilt and used. Raises Fault if it is missing or broken."""
    return files.read_json(folder / DESCRIPTION, NEEDED)
