"""Write the selected model as files that do not need this project, and measure each of them on the test images.

The folder gets model.keras and model.onnx (images of any size), model.tflite and model_int8.tflite (for LiteRT,
squares), labels.txt, model.json (how to prepare an image, and where the model comes from), an example program for each
runtime, MODEL_CARD.md, and accuracy.json: the test accuracy of each model file with its 95 % interval, and whether it
differs from the original's by more than chance. model.onnx is measured if onnxruntime is installed.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from commands.export import description, texts
from commands.parameters import parameter_rows
from transfer import command, params_file
from transfer.common import atomic, io
from transfer.evaluation import intervals, metrics, significance, tables
from transfer.inference import model_choice
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.interface.quiet import quiet
from transfer.loading import prepared
from transfer.loading.prepared import Split
from transfer.uncertainty import calibration

MODELS = Path("models")
KERAS, LITERT, INT8, ONNX = "model.keras", "model.tflite", "model_int8.tflite", "model.onnx"
PURPOSES = {
    KERAS: "Keras 3 with TensorFlow",
    LITERT: "LiteRT (TensorFlow Lite): phones, embedded devices",
    INT8: "the same in 8 bits: smaller and faster, less exact",
    ONNX: "ONNX Runtime: servers, browsers, .NET, Java",
}
LABELS, DESCRIPTION, ACCURACY = "labels.txt", "model.json", "accuracy.json"
FILES = (*PURPOSES, LABELS, DESCRIPTION, ACCURACY, *texts.EXAMPLES, texts.CARD)
# What this command wrote before its files were renamed: such a folder is an earlier export, too.
EARLIER_FILES = ("model_8bit.tflite", "classes.txt", "preprocessing.json")
PREDICTIONS, EVALUATION = "plots/predictions.csv", "metrics/evaluate.json"


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
    description.check_classes(metadata["classes"])
    splits = prepared.load_splits()
    test = splits["test"]
    check_evaluated(name, metadata, test)
    duplicates = near_duplicates(name)
    recipe = parameters(name)
    of_model = calibration.load(MODELS, name)
    if of_model is None:
        print(calibration.missing(MODELS, name), file=sys.stderr)

    from commands.export import formats  # imported late: TensorFlow takes seconds
    from transfer.loading import batches
    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow
    from transfer.uncertainty import scoring

    tensorflow.start(seed=0)
    backbone = backbones.load(MODELS / "backbone")
    original = scoring.calibrated(classifier.load(MODELS / name, backbone, test.classes), of_model)

    def probabilities_of(function: formats.Function, which: str) -> np.ndarray:
        # A file has all orientations of an image in one batch.
        size = max(metadata["batch_size"] // metadata["backbone"]["views"], 1)
        return batches.map_split(function, test.images, size, which)

    expected = probabilities_of(original, name)
    results = {name: intervals.accuracy_with_interval(expected.argmax(axis=1) == test.labels)}
    images = {split: len(of_split) for split, of_split in splits.items()}
    temperature = of_model.temperature if of_model else None
    representative = min(formats.REPRESENTATIVE, images["train"])
    facts = description.describe(name, metadata, results[name], images, representative, temperature)
    labels = "".join(f"{label}\n" for label in test.classes)

    with atomic.folder(options.folder) as folder:
        io.write_text(folder / LABELS, labels)
        io.write_json(folder / DESCRIPTION, facts)
        attached = {LABELS: labels, DESCRIPTION: (folder / DESCRIPTION).read_text(encoding="utf-8")}
        core = formats.core_model(backbone, original)
        whole = formats.whole_model(core, metadata["resize"])
        contents: dict[str, Callable[[], bytes]] = {
            LITERT: lambda: formats.with_files(formats.litert(core), attached),
            INT8: lambda: formats.with_files(formats.litert(core, splits["train"].images), attached),
            ONNX: lambda: formats.onnx(whole, attached),
        }
        for file in progress_bar(PURPOSES, "converting", len(PURPOSES), unit="file"):
            with quiet():
                if file == KERAS:
                    whole.save(folder / file)
                else:
                    (folder / file).write_bytes(contents[file]())

        # The files themselves are measured, not the models that they were made from.
        for file in filter(formats.can_run, PURPOSES):
            with quiet():
                function = formats.load(folder / file)
            results[file] = compare(name, expected, file, probabilities_of(function, file), test.labels)
        io.write_json(folder / ACCURACY, results)
        for example in texts.EXAMPLES:
            io.write_text(folder / example, texts.example(example, metadata["image_size"], metadata["resize"]))
        table = metrics.class_table(test.labels, expected.argmax(axis=1), test.classes)
        card = {
            "model": facts,
            "files": [file_facts(file, facts, results.get(file)) for file in PURPOSES],
            "classes": table.to_dict("records"),
            "widest": float((table["accuracy_high"] - table["accuracy_low"]).max()),
            "images": images,
            "class_images": class_images(splits),
            "duplicates": duplicates,
            "recipe": recipe,
        }
        io.write_text(folder / texts.CARD, texts.card(card))
    report(name, results)
    print(f"{options.folder}: begin with {texts.CARD}.")


def compare(
    name: str, expected: np.ndarray, file: str, probabilities: np.ndarray, labels: np.ndarray
) -> dict[str, Any]:
    """The accuracy of a file, and how its probabilities (images, classes) differ from those of the model `name`."""
    expected_right, right = (output.argmax(axis=1) == labels for output in (expected, probabilities))
    return intervals.accuracy_with_interval(right) | {
        "largest_difference": float(np.abs(probabilities - expected).max()),
        "comparison": significance.compare_paired(expected_right, right).metrics(name, file),
    }


def report(name: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the accuracy of the model and of each file, and which file was not measured."""
    print(f"{name}: test accuracy {intervals.format_accuracy(results[name])}")
    for file in PURPOSES:
        if file in results:
            print(
                f"{file}: test accuracy {intervals.format_accuracy(results[file])}, "
                f"probabilities within {results[file]['largest_difference']:.1g} of {name}'s; "
                f"{results[file]['comparison']['verdict']}"
            )
        else:
            print(f"{file} is not measured without onnxruntime: run `pip install onnxruntime`.", file=sys.stderr)


def check_folder(folder: Path) -> None:
    """Raises UserError unless the folder is new, empty, or holds only an earlier export: it will be replaced."""
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    # A description or labels without a model are not an export.
    is_export = inside <= {*FILES, *EARLIER_FILES} and inside & {*PURPOSES, *EARLIER_FILES}
    if folder.name in ("", "..") or (folder.exists() and not folder.is_dir()) or (inside and not is_export):
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


def near_duplicates(model: str) -> dict[str, Any]:
    """What `evaluate` found of test images that show an object of another split. Raises UserError without a result."""
    required: io.RequiredKeys = {
        "near_duplicates.images": int,
        "near_duplicates.threshold": io.NUMBER,
        "near_duplicates.compared_with": str,
        "near_duplicates.without": dict,
    }
    duplicates = io.read_json(EVALUATION, required)["near_duplicates"]
    without = duplicates["without"].get(model)
    return duplicates | {"without_accuracy": without["accuracy"] if isinstance(without, dict) else None}


def parameters(model: str) -> list[tuple[str, str]]:
    """The names and values in params.yaml that made this model."""
    values = params_file.load().model_dump()
    sections = ["train_tl"] + ["finetune"] * (model == "finetune")
    shared = ("seed", "image_size", "batch_size", "resize", "precision", "backbone", "augment")
    return parameter_rows({key: values[key] for key in (*shared, *sections)})


def class_images(splits: Mapping[str, Split]) -> list[tuple[str, dict[str, int]]]:
    """The number of images of each class in each split."""
    classes = splits["test"].classes
    counts = {split: np.bincount(of_split.labels, minlength=len(classes)) for split, of_split in splits.items()}
    return [(name, {split: int(counts[split][number]) for split in splits}) for number, name in enumerate(classes)]


def file_facts(file: str, facts: Mapping[str, Any], result: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the model card says of a model file; without a result, it was not measured."""
    return {
        "name": file,
        "purpose": PURPOSES[file],
        "any_size": facts["files"][file]["shape"][1] is None,
        "accuracy": result["accuracy"] if result else None,
        "difference": f"{result['largest_difference']:.1g}" if result else None,
    }


if __name__ == "__main__":
    command.run(main)
