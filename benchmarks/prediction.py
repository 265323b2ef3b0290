"""Measure predict.py on a folder of photographs: its speed next to that of the features stage, its memory, its output.

    python -m benchmarks.prediction OUTPUT.json FOLDER

Run it in a folder in which the pipeline has run. In the first run, one of the photographs is truncated. Memory is
measured on all other photographs, and on three times as many.
"""

import argparse
import csv
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import processes
from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.dataset import listing

COPIES = 3
BATCHES = 15


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("folder", type=Path, help="photographs, in folders or not")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, table = Path(temporary) / "photographs", Path(temporary) / "predictions.csv"
        shutil.copytree(arguments.folder, folder)
        photographs, _ = listing.list_images(folder)
        truncated = photographs[len(photographs) // 2]
        truncated.write_bytes(truncated.read_bytes()[:1000])
        process = subprocess.run(  # noqa: S603 - no shell
            [sys.executable, "predict.py", str(folder), "--output", str(table)],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        with table.open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        [rate] = re.findall(r"([0-9.]+) a second in the model", process.stdout)
        feature_rate = measure_feature_rate()
        truncated.unlink()
        peaks = {rows: processes.run_python("predict.py", str(folder), "--output", str(table)).peak}
        copies = [folder.with_name(f"copy-{number}") for number in range(1, COPIES)]
        for copy in copies:
            shutil.copytree(folder, copy)
        folders = [str(folder), *map(str, copies)]
        peaks[COPIES * rows] = processes.run_python("predict.py", *folders, "--output", str(table)).peak
    io.write_json(
        arguments.output,
        {
            "photographs": len(photographs),
            "rows": rows,
            "status": process.returncode,
            "lines_of_error": len(process.stderr.splitlines()),
            "images_per_second": float(rate),
            "images_per_second_of_features": feature_rate,
            "ratio": float(rate) / feature_rate,
            "peak_bytes": {str(images): peak for images, peak in peaks.items()},
        },
    )


def measure_feature_rate() -> float:
    """How many images a second the backbone turns into features: the median over some batches."""
    from transfer.models import backbone as backbones
    from transfer.models import checkpoint, tensorflow

    tensorflow.start(1)
    backbone = backbones.load(Path("models/backbone"))
    batch_size = checkpoint.read_metadata(Path("models/train_tl"))["batch_size"]
    images = np.random.default_rng(1).integers(0, 256, (batch_size, *backbone.model.input_shape[1:])).astype(np.uint8)
    # The first call traces the function.
    backbone.feature_extractor(images)
    seconds = []
    for _ in range(BATCHES):
        started = time.perf_counter()
        backbone.feature_extractor(images)
        seconds.append(time.perf_counter() - started)
    return batch_size / median(seconds)


if __name__ == "__main__":
    command.run(main)
