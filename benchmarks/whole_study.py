"""The whole study against the pipeline, from parts: `python -m benchmarks.whole_study OUTPUT.json FOLDER`.

InceptionResNetV2 at 320 px with random weights: transfer learning, then a round of fine-tuning with 500 and one with
300 layers frozen, each of as many epochs as the study ran. The study's way is timed over a few steps of each training.
The pipeline, with one view of each image, runs from cold to the end of transfer learning, and its rounds are timed over
a part of the images. Both compute in the same precision, once in each that the processor has.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.__main__ import FROZEN_LAYERS, ONE_VIEW, Bench
from commands.paths import user_path
from transfer import command
from transfer.common import io
from transfer.models import tensorflow

BACKBONE = "InceptionResNetV2"
# The epochs of the study's trainings: docs/explanation/study.md.
EPOCHS = {"train_tl": 5, "500": 10, "300": 5}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.whole_study", description=__doc__.partition("\n\n")[2].replace("\n", " ")
    )
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("folder", type=user_path, help="photographs: train, validation and test, with class folders")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"epochs": EPOCHS}
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(arguments.folder.resolve(), Path(temporary))
        for precision in tensorflow.supported_precisions():
            results[precision] = measure(bench, precision)
            io.write_json(arguments.output, results)


def measure(bench: Bench, precision: str) -> dict[str, Any]:
    """The seconds of each training in both ways, and how many times as fast the pipeline is in all."""
    cuts = list(map(str, FROZEN_LAYERS))
    notebook = bench.notebook_steps(BACKBONE, precision, *cuts)
    cold, clone = bench.cold_run(BACKBONE, ONE_VIEW | {"precision": precision})
    rounds = bench.run_benchmark("benchmarks.finetuning", "--frozen-layers", *cuts, folder=clone)["rounds"]
    study = {"train_tl": EPOCHS["train_tl"] * notebook["train_tl"]["epoch_seconds"]}
    pipeline = {"train_tl": cold["seconds"]}
    for cut in cuts:
        study[cut] = EPOCHS[cut] * notebook[f"frozen_{cut}"]["epoch_seconds"]
        pipeline[cut] = sum(
            (
                rounds[cut]["prefix_seconds"]["1"],
                rounds[cut]["tracing_seconds"],
                EPOCHS[cut] * rounds[cut]["epoch_seconds"],
            )
        )
    return {"study": study, "pipeline": pipeline, "ratio": sum(study.values()) / sum(pipeline.values())}


if __name__ == "__main__":
    command.run(main)
