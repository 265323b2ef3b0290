"""predict.py on a folder of photographs: its rate beside that of the features stage's loop, its memory, its output.

    python -m benchmarks.prediction OUTPUT.json FOLDER

To be run where the pipeline has run. One of the photographs is cut short; then there are several times as many.
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

TIMES = 3
BATCHES = 15


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("folder", type=Path, help="photographs, in folders or not")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        few, table = Path(temporary) / "few", Path(temporary) / "found.csv"
        shutil.copytree(asked.folder, few)
        photographs, _ = listing.list_images(few)
        broken = photographs[len(photographs) // 2]
        broken.write_bytes(broken.read_bytes()[:1000])
        predicted = subprocess.run(  # noqa: S603 - no shell
            [sys.executable, "predict.py", str(few), "--output", str(table)],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        with table.open(encoding="utf-8", newline="") as rows:
            number = sum(1 for _ in csv.DictReader(rows))
        [rate] = re.findall(r"([0-9.]+) a second in the model", predicted.stdout)
        in_features = features_rate()
        broken.unlink()
        peaks = {number: processes.python("predict.py", str(few), "--output", str(table)).peak}
        for time_over in range(1, TIMES):
            shutil.copytree(few, few.with_name(f"{time_over}") / "again")
        folders = [str(few), *(str(few.with_name(f"{time_over}")) for time_over in range(1, TIMES))]
        peaks[TIMES * number] = processes.python("predict.py", *folders, "--output", str(table)).peak
    io.write_json(
        asked.output,
        {
            "photographs": len(photographs),
            "rows": number,
            "status": predicted.returncode,
            "lines_of_error": len(predicted.stderr.splitlines()),
            "images_per_second": float(rate),
            "images_per_second_of_features": in_features,
            "ratio": float(rate) / in_features,
            "peak_bytes": {str(images): peak for images, peak in peaks.items()},
        },
    )


def features_rate() -> float:
    """Images a second that the backbone's features take, the median over some batches."""
    from transfer.models import backbone as backbones
    from transfer.models import checkpoint, tensorflow

    tensorflow.start(1)
    backbone = backbones.load(Path("models/backbone"))
    batch_size = checkpoint.read_metadata(Path("models/train_tl"))["batch_size"]
    images = np.random.default_rng(1).integers(0, 256, (batch_size, *backbone.model.input_shape[1:])).astype(np.uint8)
    backbone.features(images)
    seconds = []
    for _ in range(BATCHES):
        begun = time.perf_counter()
        backbone.features(images)
        seconds.append(time.perf_counter() - begun)
    return batch_size / median(seconds)


if __name__ == "__main__":
    command.run(main)
