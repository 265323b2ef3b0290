"""Which model predicts: the one that the user names, or the one that validation selects."""

from pathlib import Path
from typing import Any

from transfer.evaluation.model_selection import select_model
from transfer.models import checkpoint

MODELS = ("train_tl", "finetune")


def choose_model(folder: Path, requested: str | None) -> tuple[str, dict[str, Any]]:
    """The name and the metadata of the requested model, or of the one with the best validation accuracy.

    Raises:
        UserError: a checkpoint is missing or broken.
    """
    metadata = {name: checkpoint.read_metadata(folder / name) for name in ([requested] if requested else MODELS)}
    name, _ = select_model({name: of_model["validation"] for name, of_model in metadata.items()})
    return name, metadata[name]
