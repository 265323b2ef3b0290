"""The pipeline on a folder of photographs, over several seeds, in a clone of its own.

    KERAS_HOME=folder python -m benchmarks.photographs FOLDER OUTPUT.json --seeds 1 2 3 -S augment.views=0

The clone gets the photographs by `commands.dataset` and each seed's run by `dvc exp run`, as a user would; the output
holds the metrics of each seed and their means.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import clones
from commands.programs import dvc
from transfer import command
from transfer.common import io

BACKBONE = ["image_size=224", "backbone.name=MobileNetV2", "backbone.weights=imagenet"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photographs", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="dataset with train, validation and test, or class folders")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "-S", dest="changes", action="append", default=[], metavar="KEY=VALUE", help="a further parameter"
    )
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="copy the first seed's pictures there")
    asked = parser.parse_args()
    changes = [*BACKBONE, *asked.changes]

    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "project"
        clones.make(clone, asked.folder)
        results = {}
        for seed in asked.seeds:
            words = [word for change in [*changes, f"seed={seed}"] for word in ("-S", change)]
            dvc("exp", "run", *words, folder=clone)
            results[str(seed)] = metrics(clone)
            if asked.pictures and seed == asked.seeds[0]:
                shutil.copytree(clone / "plots/images", asked.pictures, dirs_exist_ok=True)
            io.write_json(asked.output, {"parameters": changes, "seeds": results, "mean": means(results)})


def metrics(clone: Path) -> dict[str, Any]:
    """What the table needs of one run: validation and test accuracy of each model, and the worst class."""
    test = io.read_json(clone / "metrics/evaluate.json")
    tuned = io.read_json(clone / "metrics/finetune.json")
    return {
        "train_tl": {
            "validation_accuracy": io.read_json(clone / "metrics/train_tl.json")["validation"]["accuracy"],
            "test_accuracy": test["train_tl"]["accuracy"],
        },
        "finetune": {
            "validation_accuracy": tuned["kept"]["validation"]["accuracy"],
            "test_accuracy": test["finetune"]["accuracy"],
        },
        "frozen_layers": tuned["kept"]["frozen_layers"],
        "selected": test["selected"],
        "classes": {name: scores["accuracy"] for name, scores in test[test["selected"]]["classes"].items()},
    }


def means(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        model: {
            kind: mean(result[model][kind] for result in results.values())
            for kind in ("validation_accuracy", "test_accuracy")
        }
        for model in ("train_tl", "finetune")
    }


if __name__ == "__main__":
    command.run(main)
