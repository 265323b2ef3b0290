"""Write the selected model as files that need nothing of this project, and measure each on the test images.

Leaves in the folder: model.keras (preprocessing inside), model.tflite and model_8bit.tflite (for LiteRT), classes.txt,
and accuracy.json, the test accuracy of each with its 95 % interval, and whether it can be told from the original's.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from transfer import command
from transfer.common import atomic, io
from transfer.evaluation import metrics, significance, tables
from transfer.inference import model_choice
from transfer.interface.errors import UserError
from transfer.loading import prepared
from transfer.loading.prepared import Split

MODELS = Path("models")
FILES = ("model.keras", "model.tflite", "model_8bit.tflite")
CLASSES, ACCURACY = "classes.txt", "accuracy.json"
PREDICTIONS = "plots/predictions.csv"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.export", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("export"), help="where to write")
    parser.add_argument("--model", choices=model_choice.MODELS, help="the one that validation selected, if not said")
    asked = parser.parse_args()
    check_folder(asked.folder)
    name, about = model_choice.choose_model(MODELS, asked.model)
    train, test = prepared.load_split("train"), prepared.load_split("test")
    check_tested(name, test)

    from commands.export import formats
    from transfer.loading import batches
    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow

    tensorflow.start(seed=0)
    backbone = backbones.load(MODELS / "backbone")
    original = classifier.load(MODELS / name, backbone, test.classes)
    batch_size = about["batch_size"]
    with atomic.folder(asked.folder) as folder:
        model = formats.keras_model(backbone, original)
        model.save(folder / "model.keras")
        (folder / "model.tflite").write_bytes(formats.litert(model))
        (folder / "model_8bit.tflite").write_bytes(formats.litert(model, train.images))
        io.write_text(folder / CLASSES, "".join(f"{label}\n" for label in test.classes))

        # The files themselves are measured, not what they were made from
        functions: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {name: original}
        functions |= {file: formats.reader(folder / file) for file in FILES}
        probabilities = {
            what: batches.map_split(function, lambda rows: test.images[rows], len(test), batch_size, what)
            for what, function in functions.items()
        }
        right = {what: given.argmax(axis=1) == test.labels for what, given in probabilities.items()}
        found = {what: measured(of_images) for what, of_images in right.items()}
        for file in FILES:
            found[file] |= {
                "largest_difference": float(np.abs(probabilities[file] - probabilities[name]).max()),
                "comparison": significance.compare_paired(right[name], right[file]).metrics(name, file),
            }
        io.write_json(folder / ACCURACY, found)
    print(f"{name}: test accuracy {metrics.format_accuracy(found[name])}")
    for file in FILES:
        print(
            f"{file}: test accuracy {metrics.format_accuracy(found[file])}, "
            f"probabilities within {found[file]['largest_difference']:.1g} of {name}'s; "
            f"{found[file]['comparison']['verdict']}"
        )


def check_folder(folder: Path) -> None:
    """Raises Fault unless the folder is new, empty, or of an earlier export alone: it will be replaced."""
    known = {*FILES, CLASSES, ACCURACY}
    if (
        folder.name in ("", "..")
        or (folder.exists() and not folder.is_dir())
        or (folder.is_dir() and {path.name for path in folder.iterdir()} - known)
    ):
        raise UserError(f"{folder} holds something else than an earlier export: name a new folder.")


def check_tested(model: str, test: Split) -> None:
    """Raises Fault if the test images are not those that a model was evaluated on: it may have been trained on them."""
    rows = io.read_csv(PREDICTIONS, text_columns=tables.PREDICTION_COLUMNS)
    if set(rows.loc[rows["model"] == model, "pixels"]) != set(test.digests):
        raise UserError(f"prepared/ has other test images than {PREDICTIONS}: run `dvc repro`, then export again.")


def measured(right: np.ndarray) -> dict[str, Any]:
    """Accuracy with its interval, given for each test image whether it is right (images,)."""
    low, high = metrics.wilson_interval(int(right.sum()), len(right))
    return {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}


if __name__ == "__main__":
    command.run(main)
