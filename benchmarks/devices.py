"""How far fine-tuning on several devices is from fine-tuning on one: the whole stage, on logical processors.

    python -m benchmarks.devices OUTPUT.json [--devices 2]

It runs in a clone in which the pipeline has run. The stage `finetune` runs with this processor as one device, and
divided into several, from the same inputs. Compared are what both have trained, and the test images that they classify
correctly. Rounding alone differs; `one_thread` says how far another number of threads takes one device.
"""

import argparse
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError
from transfer.loading import batches, prepared
from transfer.models import backbone as backbones
from transfer.models import checkpoint, classifier, tensorflow
from transfer.models.tensorflow import tf

ROOT = Path.cwd()
CHECKPOINT = Path("models/finetune")
INPUTS = ("params.yaml", "prepared", "models/backbone", "models/train_tl")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devices", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--devices", type=int, default=2, help="into how many devices the processor is divided")
    parser.add_argument("--stage", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: Path(temporary, name) for name in ("one", "several", "one_thread")}
        fine_tune(folders["one"], 1)
        fine_tune(folders["several"], arguments.devices)
        fine_tune(folders["one_thread"], 1, TF_NUM_INTRAOP_THREADS="1")
        results = {name: measure(folder) for name, folder in folders.items()}
    one = results["one"]
    report: dict[str, Any] = {"devices": arguments.devices, "test_images": len(one["right"])}
    for name, of_run in results.items():
        report[name] = {
            "test_correct": int(of_run["right"].sum()),
            "test_images_that_differ": int((of_run["predicted"] != one["predicted"]).sum()),
            "validation_accuracy": of_run["validation_accuracy"],
            "losses": of_run["losses"],
            "largest_weight_difference": float(np.abs(of_run["weights"] - one["weights"]).max()),
            "relative_weight_difference": float(
                np.linalg.norm(of_run["weights"] - one["weights"]) / np.linalg.norm(one["weights"])
            ),
        }
    io.write_json(arguments.output, report)


def run_stage(devices: int) -> None:
    """Be the stage finetune, with the processor divided into so many devices."""
    [processor] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * devices)
    runpy.run_module("stages.finetune", run_name="__main__", alter_sys=True)


def fine_tune(folder: Path, devices: int, **variables: str) -> None:
    """Run the stage finetune in a folder with the inputs of this clone."""
    for name in INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    words = [sys.executable, "-m", "benchmarks.devices", "unused", "--stage", str(devices)]
    variables = environment() | {"PYTHONPATH": str(ROOT)} | variables
    process = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)  # noqa: S603 - no shell
    if process.returncode:
        raise UserError(f"finetune on {devices} devices failed: {process.stderr}")


def measure(folder: Path) -> dict[str, Any]:
    """What a run has trained, its losses, and its predictions of the test images."""
    tensorflow.start(0)
    test = prepared.load_split("test")
    backbone = backbones.load(Path("models/backbone"))
    model = classifier.load(folder / CHECKPOINT, backbone, test.classes)
    metadata = checkpoint.read_metadata(folder / CHECKPOINT)
    predicted = batches.map_split(model, test.images, metadata["batch_size"], "test").argmax(axis=1)
    trained = classifier.Tail(backbone.cut(metadata["frozen_layers"])[1], model.head)
    metrics = io.read_json(folder / "results/finetune/metrics/finetune.json")
    return {
        "weights": np.concatenate([variable.numpy().ravel() for variable in trained.trainable_variables]),
        "predicted": predicted,
        "right": predicted == test.labels,
        "validation_accuracy": metadata["validation"]["accuracy"],
        "losses": {name: metrics["kept"][name]["loss"] for name in ("train", "validation")},
    }


if __name__ == "__main__":
    command.run(main)
