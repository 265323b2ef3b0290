"""The engine `ray` with two workers of one thread against `local` with two threads, on the two cores of one machine.

    python -m benchmarks.engines OUTPUT.json --photographs FOLDER [--rounds 3] [--images 10000 100000]

`rate`: images a second of `features`, MobileNetV2 at 224 px, after the first batches, so without start-up; the engines
take turns. `same_bytes`: whether the outs of features, cross_validate and a short finetune are those of `local`.
`memory`: the peak memory of the driver and of Ray's object store while so many images of 224 px pass.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import clones, ray_clusters
from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

ROOT = Path.cwd()
BATCH = 64
# Batches until both workers have loaded the model.
WARM_UP = 6
SETTINGS = {"backbone.name": "MobileNetV2", "backbone.weights": "imagenet", "image_size": 224, "batch_size": BATCH}
SETTINGS |= {"finetune.epochs": 1, "finetune.warmup_epochs": 0, "finetune.frozen_layers": [116], "evaluate.views": 1}
OUTS = {
    "features": ("features", "models/backbone"),
    "cross_validate": ("results/cross_validate",),
    "finetune": ("models/finetune", "results/finetune"),
}
# A stage with a clock at its engine, or images of noise through an engine. Both print what the clock has seen.
DRIVER = """
import json, sys, time
from pathlib import Path
import numpy as np
from transfer import params_file
from transfer.engine import engines

engine = engines.open_engine(params_file.load().engine)
seen = {"instants": [], "driver_bytes": [], "store_bytes": []}

def look():
    status = Path("/proc/self/status").read_text()
    seen["instants"].append(time.perf_counter())
    seen["driver_bytes"].append(int(status.partition("RssAnon:")[2].split()[0]) * 1024)
    if hasattr(engine, "address") and len(seen["instants"]) % 8 == 0:
        import ray
        total, free = ray.cluster_resources(), ray.available_resources()
        seen["store_bytes"].append(total["object_store_memory"] - free.get("object_store_memory", 0))

class Timed:
    shared, status = engine.shared, engine.status

    def map(self, function, batches):
        for result in engine.map(function, batches):
            look()
            yield result

if sys.argv[1] == "noise":
    def function(batch):
        return [batch.mean(axis=(1, 2, 3))]

    noise = np.random.default_rng(0).integers(0, 256, (64, 224, 224, 3), np.uint8)
    batches = ((number, np.roll(noise, number, axis=0)) for number in range(int(sys.argv[2]) // 64))
    for _ in Timed().map(function, batches):
        pass
else:
    import importlib
    engines.open_engine = lambda settings: Timed()
    importlib.import_module(f"stages.{sys.argv[1]}").main()
print(json.dumps(seen))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--photographs", type=Path, required=True, help="a split folder of photographs")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine is timed")
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 100_000], help="images of noise that pass")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ray_clusters.start(2) as cluster:
        folders = {"local": Path(temporary) / "local", "ray": Path(temporary) / "ray"}
        clones.create(folders["local"], arguments.photographs)
        clones.change_params(folders["local"], SETTINGS)
        run_stage(folders["local"], "prepare")
        shutil.copytree(folders["local"], folders["ray"])
        clones.change_params(folders["ray"], {"engine.name": "ray", "engine.address": cluster.address})

        rates: dict[str, list[float]] = {name: [] for name in folders}
        for _ in range(arguments.rounds):
            for name, folder in folders.items():
                rates[name].append(rate(run_stage(folder, "features")["instants"]))
        medians = {name: median(of_engine) for name, of_engine in rates.items()}
        report: dict[str, Any] = {"images_per_second": rates, "ratio": medians["ray"] / medians["local"]}
        io.write_json(arguments.output, report)

        run_stage(folders["local"], "train_tl")
        shutil.copytree(folders["local"] / "models/train_tl", folders["ray"] / "models/train_tl")
        shutil.copytree(folders["local"] / "results/train_tl", folders["ray"] / "results/train_tl")
        for stage in ("cross_validate", "finetune"):
            for folder in folders.values():
                run_stage(folder, stage)
        report["same_bytes"] = {
            stage: digests(folders["local"], outs) == digests(folders["ray"], outs) for stage, outs in OUTS.items()
        }
        io.write_json(arguments.output, report)

        report["memory"] = {
            str(images): peaks(run_stage(folders["ray"], "noise", images)) for images in arguments.images
        }
    io.write_json(arguments.output, report)


def run_stage(folder: Path, stage: str, images: int = 0) -> dict[str, list[float]]:
    """Run a stage, or pass images of noise through its engine; what the clock has seen."""
    words = [sys.executable, "-c", DRIVER, stage, str(images)]
    process = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)  # noqa: S603
    if process.returncode:
        raise UserError(f"{stage} failed: {process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def rate(instants: list[float]) -> float:
    """Images a second after the first batches."""
    return BATCH * (len(instants) - WARM_UP) / (instants[-1] - instants[WARM_UP - 1])


def peaks(seen: dict[str, list[float]]) -> dict[str, float]:
    """Images a second, and the peak memory in bytes, also that of the second half alone."""
    half = len(seen["driver_bytes"]) // 2
    return {
        "images_per_second": rate(seen["instants"]),
        "driver_bytes": max(seen["driver_bytes"]),
        "driver_bytes_second_half": max(seen["driver_bytes"][half:]),
        "store_bytes": max(seen["store_bytes"]),
    }


def digests(folder: Path, outs: tuple[str, ...]) -> dict[str, str]:
    """The SHA-256 digest of every file of some outs, by path."""
    paths = sorted(path for out in outs for path in (folder / out).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    command.run(main)
