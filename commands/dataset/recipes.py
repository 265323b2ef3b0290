"""The recipe for photographs: which values of params.yaml belong to a backbone, and to a way to train."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from transfer.interface.errors import UserError
from transfer.models import applications

TABLE = Path(__file__).parent / "recipes.yaml"
DEFAULT_BACKBONE = "MobileNetV2"
DEFAULT_SIZE = 224
DEFAULT_NEAR_DUPLICATE = 0.87


@dataclass(frozen=True)
class Recipe:
    """Values for params.yaml, by dotted name, and what a user should know about them."""

    values: dict[str, Any]
    remarks: list[str]


@cache
def table() -> dict[str, dict[str, Any]]:
    """The content of recipes.yaml: `backbones` and `trainings`, each by name."""
    return dict(yaml.safe_load(TABLE.read_text(encoding="utf-8")))


def trainings() -> list[str]:
    """The names of the ways to train that differ from the committed one."""
    return list(table()["trainings"])


def choose(backbone: str | None, training: str | None) -> Recipe:
    """The values for a backbone and a way to train, either of which may be the default.

    Raises:
        UserError: Keras does not have the backbone, or cannot build it.
    """
    default = {"backbone": DEFAULT_BACKBONE, "params": {}}
    recipe: dict[str, Any] = table()["trainings"][training] if training else default
    name = backbone or recipe["backbone"]
    names = applications.preprocessing_modules()
    if name not in names:
        close = get_close_matches(name.lower(), {other.lower(): other for other in names}, n=1)
        meant = next((other for other in names if close and other.lower() == close[0]), None)
        hint = f"did you mean {meant}?" if meant else "the classes are listed at https://keras.io/api/applications/."
        raise UserError(f"BACKBONE is {name}, which is not a class of keras.applications; {hint}")

    entry = table()["backbones"].get(name, {})
    size, remarks = entry.get("image_size", DEFAULT_SIZE), []
    frozen_layers = entry.get("frozen_layers")
    if frozen_layers is None:
        from commands.dataset import cuts  # imported late: TensorFlow takes seconds

        cut, layers = cuts.early_cut(name, size)
        frozen_layers = [cut]
        remarks.append(
            f"{name} has not been tried: {cut} of its {layers} layers stay frozen, up to the border of a block, and "
            "evaluate.near_duplicate is a guess (docs/how-to/parameters.md)."
        )
    elif "near_duplicate" not in entry:
        remarks.append(
            f"evaluate.near_duplicate was not measured for {name}: look at plots/images/near_duplicates.png."
        )
    values = {
        "image_size": size,
        "backbone.name": name,
        "backbone.weights": "imagenet",
        "finetune.frozen_layers": frozen_layers,
        "evaluate.near_duplicate": entry.get("near_duplicate", DEFAULT_NEAR_DUPLICATE),
    }
    if training is None:
        remarks.append(
            "Images are also shown mirrored and turned, in training and at prediction: where that changes their class, "
            "as with letters, see docs/how-to/own-data.md."
        )
    return Recipe(values | recipe["params"], remarks)
