"""What every stage and DVC cost, by the number of images: seconds, memory and bytes on disk.

    python -m benchmarks.sizing OUTPUT.json [--images 1000 10000 100000] [--size 32]

For each number, small images are generated into a clone, and `dvc add`, `dvc status`, each stage and `dvc push` to a
folder run once, each as a process of its own. `seconds_an_image` is without what START images take, that is, without
starting programs, which is measured STARTS times. `flatness` is the largest of an operation's seconds an image against
the smallest, from FLAT_FROM on.
The tables that it prints are those of docs/explanation/sizing.md.
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import clones, processes, versions
from transfer import command
from transfer.common import io
from transfer.interface.progress import progress_bar

START, STARTS = 100, 3
# Below, the noise of a process's start is as long as the work.
FLAT_FROM = 10_000
ESTIMATED = (100_000, 1_000_000, 100_000_000)
# The sample's backbone under another name, and a threshold for images as alike as these: otherwise, many of them would
# be near-duplicates of each other.
SAMPLE_WEIGHTS, WEIGHTS = "weights/mobilenet_v2_0.35_rendered", "weights/backbone"
SETTINGS: dict[str, Any] = {"backbone.name": "MobileNetV2", "backbone.weights": f"{WEIGHTS}.weights.h5"}
SETTINGS |= {
    "evaluate.near_duplicate": 0.99999,
    "augment.views": 1,
    "evaluate.views": 1,
    "train_tl.epochs": 5,
    "cross_validate.repeats": 1,
}
SETTINGS |= {"finetune.epochs": 2, "finetune.warmup_epochs": 1, "finetune.frozen_layers": [116]}
STAGES = ("prepare", "features", "train_tl", "cross_validate", "finetune", "evaluate")
FOLDERS = ("dataset_images", "prepared", "features", "models", "results")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="how many images")
    parser.add_argument("--size", type=int, default=32, help="image_size, in pixels")
    arguments = parser.parse_args()
    starts, results = [], {}
    for images in (*[START] * STARTS, *arguments.images):
        # Removed before the next, larger one.
        with tempfile.TemporaryDirectory() as temporary:
            measured = measure(Path(temporary), images, arguments.size)
        if images == START:
            starts.append(measured)
        else:
            results[str(images)] = measured
            io.write_json(arguments.output, report := {"image_size": arguments.size, **summarize(starts, results)})
    print(markdown(report))


def measure(folder: Path, images: int, size: int) -> dict[str, Any]:
    """Seconds and peak memory of every operation with so many images, and the bytes and files of each folder."""
    clone, source, remote = folder / "clone", folder / "source", folder / "remote"
    versions.generate(source, START, 0)
    clones.create(clone, source)
    for suffix in (".weights.h5", ".json"):
        shutil.copy(clone / f"{SAMPLE_WEIGHTS}{suffix}", clone / f"{WEIGHTS}{suffix}")
    clones.change_params(clone, SETTINGS | {"image_size": size})
    processes.run_python(*versions.DVC, "remote", "add", "--default", "folder", str(remote), folder=clone)
    # Not the images that DVC has seen in the clone already.
    versions.generate(clone / "dataset_images", images, START)
    for path in (clone / "dataset_images").rglob("*.jpg"):
        if int(path.stem) < START:
            path.unlink()
    operations = {"dvc add": ("add", "--quiet", "dataset_images"), "dvc status": ("status", "dataset_images.dvc")}
    operations |= {stage: ("repro", "--single-item", "--no-run-cache", stage) for stage in STAGES}
    operations |= {"dvc push": ("push", "--quiet")}
    measured = {}
    for name, words in progress_bar(operations.items(), f"{images} images", len(operations)):
        result = processes.run_python(*versions.DVC, *words, folder=clone)
        measured[name] = {"seconds": result.seconds, "peak_bytes": result.peak}
    disk = {name: versions.folder_bytes(clone / name) for name in FOLDERS}
    files = {name: sum(path.is_file() for path in (clone / name).rglob("*")) for name in FOLDERS}
    return {"operations": measured, "bytes": disk | {"remote": versions.folder_bytes(remote)}, "files": files}


def summarize(starts: Sequence[dict[str, Any]], results: dict[str, Any]) -> dict[str, Any]:
    """What was measured, with the seconds and bytes of one image beyond the first START, and their flatness."""
    start_seconds = {
        operation: median(start["operations"][operation]["seconds"] for start in starts)
        for operation in starts[0]["operations"]
    }
    seconds: dict[str, dict[str, float]] = {operation: {} for operation in start_seconds}
    size: dict[str, dict[str, float]] = {folder: {} for folder in starts[0]["bytes"]}
    for images, of_images in results.items():
        more = int(images) - START
        for operation, first in start_seconds.items():
            seconds[operation][images] = (of_images["operations"][operation]["seconds"] - first) / more
        for folder, first in starts[0]["bytes"].items():
            size[folder][images] = (of_images["bytes"][folder] - first) / more
    large = [images for images in results if int(images) >= FLAT_FROM]
    flatness = {
        operation: max(of[images] for images in large) / min(of[images] for images in large)
        for operation, of in seconds.items()
        if large
    }
    per_image = {"seconds_an_image": seconds, "bytes_an_image": size}
    return {**per_image, "start_seconds": start_seconds, "flatness": flatness, "measured": results}


def markdown(report: dict[str, Any]) -> str:
    """What was measured, and estimates: each image takes as long as at the largest number.

    Hours and terabytes of larger numbers are estimates. They hold as long as nothing grows faster than the images do.
    """
    numbers = list(next(iter(report["seconds_an_image"].values())))
    lines = [f"| milliseconds an image | {' | '.join(f'{int(n):,} images' for n in numbers)} | peak memory |"]
    lines.append(f"| --- |{' --- |' * (len(numbers) + 1)}")
    for operation, seconds in report["seconds_an_image"].items():
        peak = report["measured"][numbers[-1]]["operations"][operation]["peak_bytes"]
        values = " | ".join(f"{1000 * seconds[number]:.2f}" for number in numbers)
        lines.append(f"| `{operation}` | {values} | {peak / 1e6:.0f} MB |")
    lines += ["", f"| estimate | {' | '.join(f'{images:,} images' for images in ESTIMATED)} |"]
    lines.append(f"| --- |{' --- |' * len(ESTIMATED)}")
    for operation, seconds in report["seconds_an_image"].items():
        hours = " | ".join(f"{seconds[numbers[-1]] * images / 3600:,.1f} h" for images in ESTIMATED)
        lines.append(f"| `{operation}` | {hours} |")
    for folder, sizes in report["bytes_an_image"].items():
        values = " | ".join(f"{sizes[numbers[-1]] * images / 1e9:,.1f} GB" for images in ESTIMATED)
        lines.append(f"| {folder}, disk | {values} |")
    return "\n".join(lines)


if __name__ == "__main__":
    command.run(main)
