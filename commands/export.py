"""Write the selected model as files that need nothing of this project, and measure each on the test images.

Leaves in the folder: model.keras (preprocessing inside), model.tflite and model_8bit.tflite (for LiteRT), classes.txt,
and accuracy.json, the test accuracy of each with its 95 % interval.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from transfer import files, prediction, prepared, scores
from transfer.faults import run

MODELS = Path("models")
FILES = ("model.keras", "model.tflite", "model_8bit.tflite")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.export", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("export"), help="where to write")
    parser.add_argument("--model", choices=prediction.NAMES, help="the one that validation selected, if not said")
    asked = parser.parse_args()
    name, about = prediction.chosen(MODELS, asked.model)
    train, test = prepared.load("train"), prepared.load("test")

    from transfer import backbone as backbones  # TensorFlow takes seconds to import
    from transfer import batches, classifier, exporting, runtime

    runtime.start(seed=0)
    backbone = backbones.load(MODELS / "backbone")
    original = classifier.load(MODELS / name, backbone, test.classes)
    batch_size = about["batch_size"]
    with files.new_folder(asked.folder) as folder:
        model = exporting.keras_model(backbone, original)
        model.save(folder / "model.keras")
        (folder / "model.tflite").write_bytes(exporting.litert(model))
        (folder / "model_8bit.tflite").write_bytes(exporting.litert(model, train.images))
        files.write_text(folder / "classes.txt", "".join(f"{label}\n" for label in test.classes))

        # The files themselves are measured, not what they were made from
        functions: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {name: original}
        functions |= {file: exporting.reader(folder / file) for file in FILES}
        probabilities = {
            what: batches.results(function, lambda rows: test.images[rows], len(test), batch_size, what)
            for what, function in functions.items()
        }
        found = {what: measured(given, probabilities[name], test.labels) for what, given in probabilities.items()}
        files.write_json(folder / "accuracy.json", found)
    for what, values in found.items():
        print(
            f"{what}: test accuracy {scores.told(values)}, "
            f"probabilities within {values['largest_difference']:.1g} of {name}'s"
        )


def measured(given: np.ndarray, original: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy on the test images with its interval, and how far a probability is from the original model's.

    Args:
        given, original: probabilities (images, classes).
        labels: class numbers (images,).
    """
    right = given.argmax(axis=1) == labels
    low, high = scores.interval(int(right.sum()), len(right))
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "largest_difference": float(np.abs(given - original).max()),
    }


if __name__ == "__main__":
    run(main)
