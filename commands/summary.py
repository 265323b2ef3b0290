"""Print the metrics of the last run: the cross-validated accuracy, then a table of both models on the test split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from transfer import command
from transfer.common import io
from transfer.cross_validation import scores
from transfer.evaluation.model_selection import MODELS


def main() -> None:
    test = io.read_json(Path("metrics/evaluate.json"))
    validation = {
        "train_tl": io.read_json(Path("metrics/train_tl.json"))["validation"],
        "finetune": io.read_json(Path("metrics/finetune.json"))["kept"]["validation"],
    }
    images = io.read_json(Path("metrics/prepare.json"))["images"]
    cross_validation = io.read_json(Path("metrics/cross_validation.json"))
    console = Console()
    console.print(f"{scores.sentence(cross_validation)}.", style="bold", markup=False, highlight=False)
    console.print(*recipe_notes(cross_validation), "", sep="\n", markup=False, highlight=False)

    width = points_wide(test[test["selected"]])
    table = Table(title=f"One test split of {images['test']} images: an interval {width}")
    table.add_column("")
    for name in MODELS.values():
        table.add_column(name, justify="right")
    rows = {
        "test accuracy": lambda model: f"{test[model]['accuracy']:.3f}",
        "95 % interval": lambda model: f"{test[model]['accuracy_low']:.3f} to {test[model]['accuracy_high']:.3f}",
        "validation accuracy": lambda model: f"{validation[model]['accuracy']:.3f}",
        "macro F1": lambda model: f"{test[model]['macro_f1']:.3f}",
        "mean over classes": lambda model: f"{test[model]['mean_class_accuracy']:.3f}",
        "without the worst": lambda model: f"{test[model]['mean_without_worst']:.3f}",
    }
    for name, cell in rows.items():
        table.add_row(name, *map(cell, MODELS))
    table.add_section()
    for label, of_class in test["train_tl"]["classes"].items():
        of_models = (test[model]["classes"][label] for model in MODELS)
        table.add_row(
            escape(f"{label}, {of_class['support']} images"),
            *(
                f"{of_model['accuracy']:.2f} ({of_model['accuracy_low']:.2f} to {of_model['accuracy_high']:.2f})"
                for of_model in of_models
            ),
        )
    console.print(table)
    for sentence in (test["selected_because"], test["comparison"]["verdict"]):
        console.print(readable(sentence), markup=False, highlight=False)


def recipe_notes(cross_validation: Mapping[str, Any]) -> list[str]:
    """Sentences on a cross-validated accuracy: what it estimates, and what a reader has to know besides.

    Args:
        cross_validation: metrics/cross_validation.json.
    """
    return [f"It estimates the {cross_validation['estimates']}.", *cross_validation["notes"]]


def points_wide(metrics: Mapping[str, float]) -> str:
    """How wide the interval of an accuracy is."""
    return f"{100 * (metrics['accuracy_high'] - metrics['accuracy_low']):.0f} points wide"


def readable(sentence: str) -> str:
    """A sentence of metrics/evaluate.json for people: the models by their readable names, a capital letter first."""
    for model, name in MODELS.items():
        sentence = sentence.replace(model, name)
    return sentence[:1].upper() + sentence[1:]


if __name__ == "__main__":
    command.run(main)
