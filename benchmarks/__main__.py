"""Measure the pipeline against the study's way, in one run, on a folder of photographs.

    KERAS_HOME=folder python -m benchmarks FOLDER

Writes benchmarks/results/bench.json, and the same figures as tables to benchmarks/results/bench.md.
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
from commands.paths import user_path
from commands.programs import output_of
from transfer import command, params_file
from transfer.common import io
from transfer.models import tensorflow

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("benchmarks/results")
REPETITIONS = 3
BACKBONES: dict[str, dict[str, Any]] = {
    "MobileNetV2": {"backbone.name": "MobileNetV2", "backbone.weights": "imagenet", "image_size": 224},
    "InceptionResNetV2": {"backbone.name": "InceptionResNetV2", "backbone.weights": None, "image_size": 320},
}
# The epochs of the study's transfer learning with each backbone.
STUDY_EPOCHS = {"MobileNetV2": 9, "InceptionResNetV2": tables.STUDY_EPOCHS}
FROZEN_LAYERS = (500, 300)
# Of each image, in training and at prediction.
ONE_VIEW = {"augment.views": 1, "evaluate.views": 1}
DVC = ("-m", "dvc")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench SOURCE=folder", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folder", type=user_path, help="photographs: train, validation and test, each with class folders"
    )
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(folder, Path(temporary))
        results: dict[str, Any] = {
            "commit": output_of("git", "describe", "--always", "--dirty").strip(),
            "machine": {"processors": os.cpu_count(), "processor": processor(), **tensorflow.library_versions()},
        }
        sections: dict[str, Callable[[], Any]] = {
            "passes": bench.measure_passes,
            "MobileNetV2": bench.measure_mobilenet,
            "InceptionResNetV2": bench.measure_inception_resnet,
            "memory": bench.measure_memory,
        }
        for name, measure in sections.items():
            print(f"{name} ...", file=sys.stderr)
            results[name] = measure()
            results["ratios"] = {row: study / pipeline for row, study, pipeline in tables.rows(results)}
            # Written after every section: an error in the last one must not cost the hour before it.
            io.write_json(RESULTS / "bench.json", results)
            io.write_text(RESULTS / "bench.md", tables.markdown(results))
    print(tables.markdown(results))


class Bench:
    """All measurements, in clones below one temporary folder."""

    def __init__(self, photographs: Path, temporary: Path):
        self.photographs = photographs
        self.temporary = temporary
        self.template = temporary / "template"
        clones.create(self.template, photographs)
        self.counter = 0

    def measure_passes(self) -> Any:
        return self.run_benchmark("benchmarks.passes")

    def measure_memory(self) -> Any:
        # This clone has the sample's weights.
        return self.run_benchmark("benchmarks.memory", str(self.photographs), folder=self.template)

    def measure_mobilenet(self) -> dict[str, Any]:
        """Whole processes, alternating; the pipeline with one view of each image, and with the default numbers."""
        results: dict[str, Any] = {"notebook": [], "one_view": [], "default_views": [], "head_again": []}
        for seed in range(1, REPETITIONS + 1):
            results["notebook"].append(self._notebook_training("MobileNetV2", seed))
            measurement, clone = self.cold_run("MobileNetV2", ONE_VIEW | {"seed": seed})
            results["one_view"].append(measurement)
            results["head_again"].append(self._head_again(clone))
            measurement, clone = self.cold_run("MobileNetV2", {"seed": seed})
            results["default_views"].append(measurement)
        # One epoch is enough: the runs with nothing to do need a complete pipeline, not a good model.
        clones.change_params(clone, {"finetune.epochs": 1, "finetune.warmup_epochs": 0})
        processes.run_python(*DVC, "repro", folder=clone)
        results["prediction"] = self.run_benchmark("benchmarks.prediction", str(self.photographs), folder=clone)
        results["nothing"] = [processes.run_python(*DVC, "repro", folder=clone).seconds for _ in range(REPETITIONS)]
        return results

    def measure_inception_resnet(self) -> dict[str, Any]:
        """A few steps of the notebook's trainings in each precision, and of the pipeline's rounds in the fastest.

        The pipeline's transfer learning runs to its end.
        """
        cuts = list(map(str, FROZEN_LAYERS))
        results: dict[str, Any] = {"notebook": {}}
        for precision in tensorflow.supported_precisions():
            results["notebook"][precision] = self.notebook_steps("InceptionResNetV2", precision, *cuts)
            results[precision], clone = self.cold_run("InceptionResNetV2", ONE_VIEW | {"precision": precision})
        results["head_again"] = [self._head_again(clone) for _ in range(REPETITIONS)]
        results["precision"] = precision
        views = str(params_file.load(self.template / "params.yaml").augment.views)
        options = ("--frozen-layers", *cuts, "--views", "1", views)
        results["fine_tuning"] = self.run_benchmark("benchmarks.finetuning", *options, folder=clone)
        return results

    def _run_notebook(self, backbone: str, *options: str) -> tuple[processes.Measurement, Any]:
        output = self.temporary / "notebook.json"
        settings = BACKBONES[backbone]
        measurement = processes.run_python(
            *("-m", "benchmarks.notebook", str(self.photographs), str(output)),
            *("--backbone", backbone, "--image-size", str(settings["image_size"])),
            *("--weights", str(settings["backbone.weights"] or "random"), *options),
        )
        return measurement, io.read_json(output)

    def _notebook_training(self, backbone: str, seed: int) -> dict[str, Any]:
        epochs = str(STUDY_EPOCHS[backbone])
        options = ("--epochs", epochs, "--patience", epochs, "--seed", str(seed))
        measurement, results = self._run_notebook(backbone, *options)
        return measurement.metrics(results["train_tl"]["validation_accuracy"])

    def notebook_steps(self, backbone: str, precision: str, *frozen_layers: str) -> Any:
        options = ("--timed-steps", str(REPETITIONS), "--precision", precision, "--frozen-layers", *frozen_layers)
        return self._run_notebook(backbone, *options)[1]

    def cold_run(self, backbone: str, changes: dict[str, Any]) -> tuple[dict[str, Any], Path]:
        """`dvc repro train_tl` in a clone in which nothing has run yet."""
        self.counter += 1
        clone = self.temporary / f"clone-{self.counter}"
        shutil.copytree(self.template, clone, symlinks=True)
        clones.change_params(clone, BACKBONES[backbone] | changes)
        measurement = processes.run_python(*DVC, "repro", "train_tl", folder=clone)
        accuracy = io.read_json(clone / "results/train_tl/metrics/train_tl.json")["validation"]["accuracy"]
        return measurement.metrics(accuracy), clone

    def _head_again(self, clone: Path) -> float:
        """Seconds of `dvc repro train_tl` after a change of a parameter of the head, another value each time."""
        self.counter += 1
        clones.change_params(clone, {"train_tl.dropout": 0.2 + self.counter / 1000})
        return processes.run_python(*DVC, "repro", "train_tl", folder=clone).seconds

    def run_benchmark(self, module: str, *options: str, folder: Path = ROOT) -> Any:
        output = self.temporary / f"{module}.json"
        processes.run_python("-m", module, str(output), *options, folder=folder, PYTHONPATH=str(ROOT))
        return io.read_json(output)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    command.run(main)
