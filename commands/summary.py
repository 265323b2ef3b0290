"""Print the metrics of the last run as a table."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from transfer import command
from transfer.common import io
from transfer.evaluation.model_selection import MODELS


def main() -> None:
    test = io.read_json(Path("metrics/evaluate.json"))
    validation = {
        "train_tl": io.read_json(Path("metrics/train_tl.json"))["validation"],
        "finetune": io.read_json(Path("metrics/finetune.json"))["kept"]["validation"],
    }
    images = io.read_json(Path("metrics/prepare.json"))["images"]

    table = Table(title=f"Accuracy on {images['test']} test images; selected by validation: {MODELS[test['selected']]}")
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
    console = Console()
    console.print(table)
    for sentence in (test["selected_because"], test["comparison"]["verdict"]):
        console.print(readable(sentence), markup=False, highlight=False)


def readable(sentence: str) -> str:
    """A sentence of metrics/evaluate.json for people: the models by their readable names, a capital letter first."""
    for model, name in MODELS.items():
        sentence = sentence.replace(model, name)
    return sentence[:1].upper() + sentence[1:]


if __name__ == "__main__":
    command.run(main)
