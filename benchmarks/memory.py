"""Peak anonymous memory of each stage, on a dataset and on one of ten times its size.

    python -m benchmarks.memory OUTPUT.json FOLDER

Run it where weights/ has been pulled. The larger dataset holds each image of FOLDER (train, validation and test) ten
times, each copy with different noise.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import yaml
from tqdm import tqdm

from benchmarks import processes
from transfer import command
from transfer.common import io
from transfer.dataset import decoding, listing, resizing

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("prepare", "features", "train_tl", "cross_validate", "finetune", "evaluate")
COPIES = 10
SIZE = 128


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("folder", type=Path, help="dataset with train, validation and test")
    arguments = parser.parse_args()
    results: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for copies in (1, COPIES):
        with tempfile.TemporaryDirectory() as temporary:
            project = Path(temporary)
            images = write_copies(arguments.folder, project / "dataset_images", copies)
            (project / "weights").symlink_to(Path("weights").resolve())
            params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
            # Memory does not depend on the number of epochs.
            params["train_tl"]["epochs"] = params["finetune"]["epochs"] = 2
            (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
            for stage in STAGES:
                measurement = processes.run_python("-m", f"stages.{stage}", folder=project, PYTHONPATH=str(ROOT))
                results[stage][str(images)] = measurement.peak
    ratios = {stage: max(peaks.values()) / min(peaks.values()) for stage, peaks in results.items()}
    io.write_json(arguments.output, {"peak_bytes": results, "ratio": ratios})


def write_copies(source: Path, folder: Path, copies: int) -> int:
    """Write so many small copies of each image of a dataset, each with different noise; return how many there are."""
    entries = listing.list_dataset(source).entries
    for number, entry in enumerate(tqdm(entries, f"{copies} copies", disable=None, leave=False)):
        square = resizing.to_square(decoding.decode(source / entry.path).pixels, SIZE, "squash", antialias=False)
        for copy in range(copies):
            noise = np.random.default_rng([number, copy]).integers(-8, 9, square.shape)
            noisy = np.clip(square + noise, 0, 255).astype(np.uint8)
            path = folder / Path(entry.path).parent / f"{number:05}-{copy}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), noisy[:, :, ::-1])
    return copies * len(entries)


if __name__ == "__main__":
    command.run(main)
