"""What a new version of a dataset costs: seconds and bytes of a version with more images, against a run from scratch.

    python -m benchmarks.versions OUTPUT.json --photographs FOLDER [--generated 100000]

`additions`: 12 photographs are added to the others; `dvc repro features` against the same from scratch. `generated`:
the same with small generated images and 1 % more of them, and the bytes that `dvc push` sends. `reads`: the rows of an
epoch of training in its order, from shards against one array. The outs of each pair of runs must be the same.
"""

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import clones, processes
from transfer import command
from transfer.common import io, memory
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.loading import batches, shards

DVC = ("-m", "dvc")
ADDED = 12
CLASSES = 10
GENERATED_SIZE, GENERATED_SCALE = 96, 8
REPETITIONS = 5
OUTS = ("prepared", "features")
BACKBONES: dict[str, dict[str, Any]] = {
    "MobileNetV2": {"backbone.name": "MobileNetV2", "backbone.weights": None, "image_size": 224},
    "InceptionResNetV2": {"backbone.name": "InceptionResNetV2", "backbone.weights": None, "image_size": 320},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--photographs", type=Path, help="a split folder of photographs")
    parser.add_argument("--generated", type=int, default=0, help="how many small images to generate (default: none)")
    parser.add_argument("--backbones", nargs="*", default=list(BACKBONES), help="which backbones to measure")
    arguments = parser.parse_args()
    results: dict[str, Any] = io.read_json(arguments.output) if arguments.output.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.photographs:
            results["reads"] = measure_reads(Path(temporary))
            io.write_json(arguments.output, results)
            for backbone in arguments.backbones:
                of_backbone = measure_additions(Path(temporary) / backbone, arguments.photographs, backbone)
                results.setdefault("additions", {})[backbone] = of_backbone
                io.write_json(arguments.output, results)
        if arguments.generated:
            results["generated"] = measure_generated(Path(temporary) / "generated", arguments.generated)
            io.write_json(arguments.output, results)


def measure_additions(folder: Path, photographs: Path, backbone: str) -> dict[str, Any]:
    """Seconds of `dvc repro features` from scratch, and for 12 photographs that the last version lacked."""
    clones.create(folder, photographs)
    clones.change_params(folder, BACKBONES[backbone])
    from_scratch, expected = reproduce(folder), digests(folder)
    aside = folder.with_name(f"{backbone}-new")
    images = sorted((folder / "dataset_images").rglob("*.jpg"))
    # Every so many images: of each class, and of each split.
    added = images[:: len(images) // ADDED][:ADDED]
    for path in added:
        move(path, aside / path.relative_to(folder))
    add_dataset(folder)
    reproduce(folder)
    for path in added:
        move(aside / path.relative_to(folder), path)
    add_dataset(folder)
    return results_of(folder, reproduce(folder), from_scratch, expected)


def measure_generated(folder: Path, images: int) -> dict[str, Any]:
    """Seconds of prepare and features, and bytes of `dvc push`, with 1 % more small images and from scratch."""
    source = folder.with_name("source")
    generate(source, images, 0, GENERATED_SCALE)
    clones.create(folder, source)
    # With the committed numbers of views and orientations.
    small = {"backbone.name": "MobileNetV2", "backbone.weights": None, "image_size": GENERATED_SIZE}
    clones.change_params(folder, small)
    remote = folder.with_name("remote")
    processes.run_python(*DVC, "remote", "add", "--default", "folder", str(remote), folder=folder)
    first = reproduce(folder)
    push(folder)
    sent_first = folder_bytes(remote)
    generate(folder / "dataset_images", images // 100, images, GENERATED_SCALE)
    add_dataset(folder)
    results = compare(folder)
    push(folder)
    sent = folder_bytes(remote) - sent_first
    shares = {"pushed_share": sent / (sent_first + sent), "pushed_bytes": sent, "all_bytes": sent_first + sent}
    return {"images": images, "first": first, **results, **shares}


def compare(folder: Path) -> dict[str, Any]:
    """Seconds of `dvc repro features` with a last version, then without one."""
    new_version, actual = reproduce(folder), digests(folder)
    (folder / "dvc.lock").unlink()
    for out in (*OUTS, "results", "models"):
        shutil.rmtree(folder / out)
    return results_of(folder, new_version, reproduce(folder), actual)


def results_of(
    folder: Path, new_version: dict[str, Any], from_scratch: dict[str, Any], expected: dict[str, str]
) -> dict[str, Any]:
    """The seconds of both runs and their ratio; their outs must have the same bytes."""
    if digests(folder) != expected:
        raise UserError(f"{folder}: the new version and a run from scratch gave different outs.")
    ratio = from_scratch["features"]["seconds"] / new_version["features"]["seconds"]
    return {"new_version": new_version, "from_scratch": from_scratch, "features_ratio": ratio}


def reproduce(folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of `dvc repro prepare`, then of `dvc repro features`; each is one process."""
    # The status of the dataset is computed before: DVC reads every image then, with any version of the stages.
    processes.run_python(*DVC, "status", "dataset_images.dvc", folder=folder)
    stages = {}
    for stage in ("prepare", "features"):
        measured = processes.run_python(*DVC, "repro", "--single-item", "--no-run-cache", stage, folder=folder)
        stages[stage] = {"seconds": measured.seconds, "peak_bytes": measured.peak}
    return stages


def measure_reads(folder: Path) -> dict[str, Any]:
    """Milliseconds to read the rows of an epoch in its shuffled order, from shards and from one array."""
    memory.keep_freed_memory()  # as trainings do
    results = {}
    for name, shape, dtype in (("images", (224, 224, 3), np.uint8), ("features", (4, 1280), np.float32)):
        digests = [hashlib.sha256(str(row).encode()).hexdigest()[:16] for row in range(937)]
        one = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (len(digests), *shape))
        one[:] = np.random.default_rng(0).integers(0, 255, one.shape)
        written = shards.ShardWriter(folder / name, len(digests), shape, dtype)
        for digest, row in zip(digests, one, strict=True):
            written.append(digest, row)
        written.finish()
        one.flush()
        arrays = {
            "one_array": np.lib.format.open_memmap(folder / f"{name}.npy", "r"),
            "shards": shards.open_shards(folder / name, digests, shape),
        }
        # As a training reads them: images one by one, of which views are made, and features batch by batch.
        read = (lambda array, rows: np.stack([array[row] for row in rows])) if name == "images" else read_view
        times: dict[str, list[float]] = {kind: [] for kind in arrays}
        for epoch in range(4 * REPETITIONS):
            for kind, array in arrays.items():
                times[kind].append(seconds_of_epoch(array, epoch, read))
        milliseconds = {kind: 1000 * median(of_kind[2:]) for kind, of_kind in times.items()}
        results[name] = milliseconds | {"ratio": milliseconds["shards"] / milliseconds["one_array"]}
    return results


def read_view(array: Any, rows: np.ndarray) -> np.ndarray:
    return array[rows, 1]


def seconds_of_epoch(array: Any, epoch: int, read: Callable[[Any, np.ndarray], np.ndarray]) -> float:
    """Seconds to read all rows in the order of an epoch."""
    started = time.perf_counter()
    for rows in batches.shuffled_order(len(array), 64, epoch):
        read(array, rows)
    return time.perf_counter() - started


def generate(folder: Path, images: int, first: int, scale: int = 3) -> None:
    """Write images of 12 random colours, 16 * `scale` by 12 * `scale` pixels, 80 % of them for training."""
    generator = np.random.default_rng(first)
    splits = ["train"] * 8 + ["validation", "test"]
    for number in progress_bar(range(first, first + images), "generating", images):
        place = folder / splits[number // CLASSES % 10] / f"class {number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (3, 4, 3), np.uint8).repeat(4 * scale, axis=0).repeat(4 * scale, axis=1)
        Image.fromarray(pixels).save(place / f"{number:06}.jpg")


def add_dataset(folder: Path) -> None:
    processes.run_python(*DVC, "add", "--quiet", "dataset_images", folder=folder)


def push(folder: Path) -> None:
    processes.run_python(*DVC, "push", "--quiet", folder=folder)


def move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum((Path(place) / name).stat().st_size for place, _, names in os.walk(folder) for name in names)


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file of the outs of prepare and features."""
    files = [path for out in OUTS for path in (folder / out).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    command.run(main)
