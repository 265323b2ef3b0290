"""Print the metrics of the last run as a table."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from transfer import command
from transfer.common import io

MODELS = {"train_tl": "transfer learning", "finetune": "fine-tuned"}


def main() -> None:
    tests = io.read_json(Path("metrics/evaluate.json"))
    validation = {
        "train_tl": io.read_json(Path("metrics/train_tl.json"))["validation"],
        "finetune": io.read_json(Path("metrics/finetune.json"))["kept"]["validation"],
    }
    images = io.read_json(Path("metrics/prepare.json"))["images"]

    table = Table(
        title=f"Accuracy on {images['test']} test images; selected by validation: {MODELS[tests['selected']]}"
    )
    table.add_column("")
    for name in MODELS.values():
        table.add_column(name, justify="right")
    rows = {
        "test accuracy": lambda model: f"{tests[model]['accuracy']:.3f}",
        "95 % interval": lambda model: f"{tests[model]['accuracy_low']:.3f} to {tests[model]['accuracy_high']:.3f}",
        "validation accuracy": lambda model: f"{validation[model]['accuracy']:.3f}",
        "macro F1": lambda model: f"{tests[model]['macro_f1']:.3f}",
        "mean over classes": lambda model: f"{tests[model]['mean_class_accuracy']:.3f}",
        "without the worst": lambda model: f"{tests[model]['mean_without_worst']:.3f}",
    }
    for name, value in rows.items():
        table.add_row(name, *map(value, MODELS))
    table.add_section()
    for label, about in tests["train_tl"]["classes"].items():
        of_models = (tests[model]["classes"][label] for model in MODELS)
        table.add_row(
            escape(f"{label}, {about['support']} images"),
            *(
                f"{found['accuracy']:.2f} ({found['accuracy_low']:.2f} to {found['accuracy_high']:.2f})"
                for found in of_models
            ),
        )
    console = Console()
    console.print(table)
    for told in (tests["selected_because"], tests["comparison"]["verdict"]):
        console.print(named(told), markup=False, highlight=False)


def named(text: str) -> str:
    """A sentence with the models called by their names for people."""
    for model, name in MODELS.items():
        text = text.replace(model, name)
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    command.run(main)
