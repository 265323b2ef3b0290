"""Run the pipeline on a folder of photographs, over several seeds, in a clone of the project.

    KERAS_HOME=folder python -m benchmarks.photographs FOLDER OUTPUT.json --seeds 1 2 3 -S augment.views=0

As a user would, it puts the photographs into the clone by `commands.dataset` and runs each seed by `dvc exp run`. The
output holds the metrics of each seed and their means.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import clones
from commands.paths import user_path
from commands.programs import dvc
from transfer import command
from transfer.common import io

BACKBONE = ["image_size=224", "backbone.name=MobileNetV2", "backbone.weights=imagenet"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photographs", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=user_path, help="dataset with train, validation and test, or class folders")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one run for each (default: 1 2 3)")
    parser.add_argument(
        "-S", dest="changes", action="append", default=[], metavar="KEY=VALUE", help="change another parameter"
    )
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="copy the first seed's pictures to this folder")
    arguments = parser.parse_args()
    changes = [*BACKBONE, *arguments.changes]

    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "project"
        clones.create(clone, arguments.folder)
        results = {}
        for seed in arguments.seeds:
            options = [option for change in [*changes, f"seed={seed}"] for option in ("-S", change)]
            dvc("exp", "run", *options, folder=clone)
            results[str(seed)] = read_metrics(clone)
            if arguments.pictures and seed == arguments.seeds[0]:
                shutil.copytree(clone / "plots/images", arguments.pictures, dirs_exist_ok=True)
            io.write_json(arguments.output, {"parameters": changes, "seeds": results, "mean": means(results)})


def read_metrics(clone: Path) -> dict[str, Any]:
    """The metrics of one run: accuracies of the recipe and of each model, and of the selected model on each class."""
    test = io.read_json(clone / "metrics/evaluate.json")
    recipe = io.read_json(clone / "metrics/cross_validation.json")
    interval = ("accuracy", "accuracy_low", "accuracy_high")
    kept = io.read_json(clone / "metrics/finetune.json")["kept"]
    return {
        "cross_validation": {key: recipe[key] for key in interval},
        "test": {model: {key: test[model][key] for key in interval} for model in ("train_tl", "finetune")},
        "train_tl": {
            "validation_accuracy": io.read_json(clone / "metrics/train_tl.json")["validation"]["accuracy"],
            "test_accuracy": test["train_tl"]["accuracy"],
        },
        "finetune": {
            "validation_accuracy": kept["validation"]["accuracy"],
            "test_accuracy": test["finetune"]["accuracy"],
        },
        "frozen_layers": kept["frozen_layers"],
        "selected": test["selected"],
        "classes": {name: scores["accuracy"] for name, scores in test[test["selected"]]["classes"].items()},
    }


def means(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The mean accuracies of each model over the seeds."""
    return {
        model: {
            kind: mean(of_seed[model][kind] for of_seed in results.values())
            for kind in ("validation_accuracy", "test_accuracy")
        }
        for model in ("train_tl", "finetune")
    }


if __name__ == "__main__":
    command.run(main)
