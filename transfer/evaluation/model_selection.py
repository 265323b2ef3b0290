"""Which of the two models is selected: by validation alone, never by the test images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer.common import io

# How people read the names of the models.
MODELS = {"train_tl": "transfer learning", "finetune": "fine-tuned"}
# What comparisons need of a training's metrics. Those of fine-tuning's kept round are below `kept`.
FIT_KEYS: io.RequiredKeys = dict.fromkeys(("train.accuracy", "validation.accuracy", "validation.loss"), io.NUMBER)
KEPT_FIT_KEYS: io.RequiredKeys = {f"kept.{name}": kind for name, kind in FIT_KEYS.items()}


def load_fits(folder: Path) -> dict[str, dict[str, Any]]:
    """The metrics of each model's training, as the stages train_tl and finetune left them.

    Raises:
        UserError: a file is missing, or lacks an accuracy or a loss.
    """
    head = io.read_json(folder / "train_tl/metrics/train_tl.json", FIT_KEYS)
    return {
        "train_tl": head,
        "finetune": io.read_json(folder / "finetune/metrics/finetune.json", KEPT_FIT_KEYS)["kept"],
    }


def select_model(validation: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    """The model with the best validation accuracy, and a sentence that gives the reason.

    If accuracies are equal, the smaller validation loss decides; if losses are equal too, the order of the models.

    Args:
        validation: accuracy and loss of each model on the validation images.
    """
    best = max(validation, key=lambda model: (validation[model]["accuracy"], -validation[model]["loss"]))
    reason = f"{best} is selected for its validation accuracy, {validation[best]['accuracy']:.4f}"
    for model, scores in validation.items():
        if model == best:
            continue
        if scores["accuracy"] == validation[best]["accuracy"]:
            loss = f"a loss of {scores['loss']:.4f} against {validation[best]['loss']:.4f}"
            reason += f", which {model} has too, but with {loss}"
        else:
            reason += f" against {scores['accuracy']:.4f} of {model}"
    return best, f"{reason}; the test images have no say."
