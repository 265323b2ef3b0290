"""Write the selected model as files that do not need this project, and measure each of them on the test images.

The folder gets model.keras (with preprocessing), model.tflite and model_8bit.tflite (for LiteRT), classes.txt,
preprocessing.json (the size of the square that the model takes, and how an image becomes one), and accuracy.json: the
test accuracy of each file with its 95 % interval, and whether it differs from the original's by more than chance.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from transfer import command
from transfer.common import atomic, io
from transfer.evaluation import intervals, significance, tables
from transfer.inference import model_choice
from transfer.interface.errors import UserError
from transfer.loading import prepared
from transfer.loading.prepared import Split

MODELS = Path("models")
FILES = ("model.keras", "model.tflite", "model_8bit.tflite")
CLASSES, DESCRIPTION, ACCURACY = "classes.txt", "preprocessing.json", "accuracy.json"
PREDICTIONS = "plots/predictions.csv"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commands.export", description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("export"), help="the folder to write; default: export"
    )
    parser.add_argument(
        "--model", choices=model_choice.MODELS, help="default: the model with the better validation accuracy"
    )
    return parser


def main() -> None:
    options = parser().parse_args()
    check_folder(options.folder)
    name, metadata = model_choice.choose_model(MODELS, options.model)
    train, test = prepared.load_split("train"), prepared.load_split("test")
    check_evaluated(name, metadata, test)

    from commands.export import formats  # imported late: TensorFlow takes seconds
    from transfer.loading import batches
    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow

    tensorflow.start(seed=0)
    backbone = backbones.load(MODELS / "backbone")
    original = classifier.load(MODELS / name, backbone, test.classes)
    with atomic.folder(options.folder) as folder:
        model = formats.keras_model(backbone, original)
        model.save(folder / "model.keras")
        (folder / "model.tflite").write_bytes(formats.litert(model))
        (folder / "model_8bit.tflite").write_bytes(formats.litert(model, train.images))
        io.write_text(folder / CLASSES, "".join(f"{label}\n" for label in test.classes))
        io.write_json(folder / DESCRIPTION, {key: metadata[key] for key in ("image_size", "resize")})

        # The files themselves are measured, not the models that they were made from.
        functions: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {name: original}
        functions |= {file: formats.load(folder / file) for file in FILES}
        size, batch_size = len(test), metadata["batch_size"]
        probabilities = {
            which: batches.map_split(function, lambda rows: test.images[rows], size, batch_size, which)
            for which, function in functions.items()
        }
        right = {which: output.argmax(axis=1) == test.labels for which, output in probabilities.items()}
        results: dict[str, dict[str, Any]] = {
            which: intervals.accuracy_with_interval(of_which) for which, of_which in right.items()
        }
        for file in FILES:
            results[file] |= {
                "largest_difference": float(np.abs(probabilities[file] - probabilities[name]).max()),
                "comparison": significance.compare_paired(right[name], right[file]).metrics(name, file),
            }
        io.write_json(folder / ACCURACY, results)
    print(f"{name}: test accuracy {intervals.format_accuracy(results[name])}")
    for file in FILES:
        print(
            f"{file}: test accuracy {intervals.format_accuracy(results[file])}, "
            f"probabilities within {results[file]['largest_difference']:.1g} of {name}'s; "
            f"{results[file]['comparison']['verdict']}"
        )


def check_folder(folder: Path) -> None:
    """Raises UserError unless the folder is new, empty, or holds only an earlier export: it will be replaced."""
    exported = {*FILES, CLASSES, DESCRIPTION, ACCURACY}
    if (
        folder.name in ("", "..")
        or (folder.exists() and not folder.is_dir())
        or (folder.is_dir() and {path.name for path in folder.iterdir()} - exported)
    ):
        raise UserError(f"{folder} is neither a new folder nor an earlier export: name a new folder.")


def check_evaluated(model: str, metadata: dict[str, Any], test: Split) -> None:
    """Raises UserError if the model was not evaluated on these test images, or was trained on other squares.

    It may have been trained on other images as well, and then these may be among them.
    """
    if prepared.read_resize() != metadata["resize"]:
        raise UserError(
            f"prepared/ has images that became squares in another way than those of {MODELS / model}/: run "
            "`dvc repro`, then export again."
        )
    rows = io.read_csv(PREDICTIONS, text_columns=tables.PREDICTION_COLUMNS)
    if set(rows.loc[rows["model"] == model, "pixels"]) != set(test.digests):
        raise UserError(f"prepared/ and {PREDICTIONS} have different test images: run `dvc repro`, then export again.")


if __name__ == "__main__":
    command.run(main)
