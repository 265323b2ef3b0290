"""The pipeline against the study's way, side by side in one run, on a folder of photographs.

    KERAS_HOME=folder python -m benchmarks FOLDER

Leaves benchmarks/results/bench.json and the same as a table in benchmarks/results/bench.md.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import clones, processes, tables
from commands.programs import answer
from transfer import command, params_file
from transfer.common import io
from transfer.models import tensorflow

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("benchmarks/results")
TIMES = 3
BACKBONES: dict[str, dict[str, Any]] = {
    "MobileNetV2": {"backbone.name": "MobileNetV2", "backbone.weights": "imagenet", "image_size": 224},
    "InceptionResNetV2": {"backbone.name": "InceptionResNetV2", "backbone.weights": None, "image_size": 320},
}
# What the study's transfer learning took with each
STUDY_EPOCHS = {"MobileNetV2": 9, "InceptionResNetV2": tables.STUDY_EPOCHS}
FROZEN_LAYERS = (500, 300)
DVC = ("-m", "dvc")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench SOURCE=folder", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="photographs: train, validation and test with class folders each")
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(folder, Path(temporary))
        results: dict[str, Any] = {
            "commit": answer("git", "describe", "--always", "--dirty").strip(),
            "machine": {"processors": os.cpu_count(), "processor": processor(), **tensorflow.library_versions()},
        }
        sections: dict[str, Callable[[], Any]] = {
            "passes": bench.passes,
            "MobileNetV2": bench.small,
            "InceptionResNetV2": bench.large,
            "memory": bench.memory,
        }
        for name, section in sections.items():
            print(f"{name} ...", file=sys.stderr)
            results[name] = section()
            results["ratios"] = {what: theirs / ours for what, theirs, ours in tables.rows(results)}
            # As far as it has come: a fault in the last section should not cost the hour before it
            io.write_json(RESULTS / "bench.json", results)
            io.write_text(RESULTS / "bench.md", tables.markdown(results))
    print(tables.markdown(results))


class Bench:
    """All measurements, in clones below one temporary folder."""

    def __init__(self, photographs: Path, temporary: Path):
        self.photographs = photographs
        self.temporary = temporary
        self.template = temporary / "template"
        clones.make(self.template, photographs)
        self.number = 0

    def passes(self) -> Any:
        return self._json("benchmarks.passes")

    def memory(self) -> Any:
        # In a clone that has the sample's weights
        return self._json("benchmarks.memory", str(self.photographs), folder=self.template)

    def small(self) -> dict[str, Any]:
        """Whole processes, alternating; the pipeline with one view, and with the default number."""
        found: dict[str, Any] = {"notebook": [], "one_view": [], "default_views": [], "head_again": []}
        for seed in range(1, TIMES + 1):
            found["notebook"].append(self._notebook_whole("MobileNetV2", seed))
            cold, clone = self._cold("MobileNetV2", {"augment.views": 1, "seed": seed})
            found["one_view"].append(cold)
            found["head_again"].append(self._head_again(clone))
            cold, clone = self._cold("MobileNetV2", {"seed": seed})
            found["default_views"].append(cold)
        # Shortened: only that it has run matters to the runs that find nothing to do
        clones.change(clone, {"finetune.epochs": 1, "finetune.warmup_epochs": 0})
        processes.python(*DVC, "repro", folder=clone)
        found["prediction"] = self._json("benchmarks.prediction", str(self.photographs), folder=clone)
        found["nothing"] = [processes.python(*DVC, "repro", folder=clone).seconds for _ in range(TIMES)]
        return found

    def large(self) -> dict[str, Any]:
        """Few steps of the notebook's trainings in each precision, and of the pipeline's rounds in the fastest.

        The pipeline's transfer learning is run whole.
        """
        cuts = list(map(str, FROZEN_LAYERS))
        found: dict[str, Any] = {"notebook": {}}
        for precision in tensorflow.supported_precisions():
            found["notebook"][precision] = self._notebook_steps("InceptionResNetV2", precision, *cuts)
            found[precision], clone = self._cold("InceptionResNetV2", {"augment.views": 1, "precision": precision})
        found["head_again"] = [self._head_again(clone) for _ in range(TIMES)]
        found["precision"] = precision
        views = str(params_file.load(self.template / "params.yaml").augment.views)
        words = ("--frozen-layers", *cuts, "--views", "1", views)
        found["fine_tuning"] = self._json("benchmarks.finetuning", *words, folder=clone)
        return found

    def _notebook(self, backbone: str, *words: str) -> tuple[processes.Measured, Any]:
        output = self.temporary / "notebook.json"
        settings = BACKBONES[backbone]
        measured = processes.python(
            *("-m", "benchmarks.notebook", str(self.photographs), str(output)),
            *("--backbone", backbone, "--image-size", str(settings["image_size"])),
            *("--weights", str(settings["backbone.weights"] or "random"), *words),
        )
        return measured, io.read_json(output)

    def _notebook_whole(self, backbone: str, seed: int) -> dict[str, Any]:
        epochs = str(STUDY_EPOCHS[backbone])
        measured, told = self._notebook(backbone, "--epochs", epochs, "--patience", epochs, "--seed", str(seed))
        accuracy = told["train_tl"]["validation_accuracy"]
        return {"seconds": measured.seconds, "peak_bytes": measured.peak, "validation_accuracy": accuracy}

    def _notebook_steps(self, backbone: str, precision: str, *frozen_layers: str) -> Any:
        words = ["--timed-steps", str(TIMES), "--precision", precision]
        return self._notebook(backbone, *words, "--frozen-layers", *frozen_layers)[1]

    def _cold(self, backbone: str, changes: dict[str, Any]) -> tuple[dict[str, Any], Path]:
        """`dvc repro train_tl` in a clone in which nothing has run yet."""
        self.number += 1
        clone = self.temporary / f"clone-{self.number}"
        shutil.copytree(self.template, clone, symlinks=True)
        clones.change(clone, BACKBONES[backbone] | changes)
        measured = processes.python(*DVC, "repro", "train_tl", folder=clone)
        accuracy = io.read_json(clone / "metrics/train_tl.json")["validation"]["accuracy"]
        return {"seconds": measured.seconds, "peak_bytes": measured.peak, "validation_accuracy": accuracy}, clone

    def _head_again(self, clone: Path) -> float:
        """`dvc repro train_tl` after a change of a parameter of the head, each time another."""
        self.number += 1
        clones.change(clone, {"train_tl.dropout": 0.2 + self.number / 1000})
        return processes.python(*DVC, "repro", "train_tl", folder=clone).seconds

    def _json(self, module: str, *words: str, folder: Path = ROOT) -> Any:
        output = self.temporary / f"{module}.json"
        processes.python("-m", module, str(output), *words, folder=folder, PYTHONPATH=str(ROOT))
        return io.read_json(output)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    command.run(main)
