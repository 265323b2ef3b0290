"""Peak anonymous memory of each stage on a dataset and on one ten times its size.

    python -m benchmarks.memory OUTPUT.json FOLDER

To be run where weights/ has been pulled. The larger dataset holds the images of FOLDER (train, validation and test) ten
times, each time with other noise.
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
STAGES = ("prepare", "features", "train_tl", "finetune", "evaluate")
TIMES = 10
SIZE = 128


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("folder", type=Path, help="dataset with train, validation and test")
    asked = parser.parse_args()
    results: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for times in (1, TIMES):
        with tempfile.TemporaryDirectory() as temporary:
            project = Path(temporary)
            number = multiplied(asked.folder, project / "dataset_images", times)
            (project / "weights").symlink_to(Path("weights").resolve())
            settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
            # Memory does not depend on how often the same is done
            settings["train_tl"]["epochs"] = settings["finetune"]["epochs"] = 2
            (project / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
            for stage in STAGES:
                measured = processes.python("-m", f"stages.{stage}", folder=project, PYTHONPATH=str(ROOT))
                results[stage][str(number)] = measured.peak
    ratios = {stage: max(peaks.values()) / min(peaks.values()) for stage, peaks in results.items()}
    io.write_json(asked.output, {"peak_bytes": results, "ratio": ratios})


def multiplied(source: Path, folder: Path, times: int) -> int:
    """Write each image of a dataset so many times, small and with noise of its own; return how many there are then."""
    found = listing.list_dataset(source)
    for number, entry in enumerate(tqdm(found.entries, f"{times} times", disable=None, leave=False)):
        square = resizing.to_square(decoding.decode(source / entry.path).pixels, SIZE)
        for copy in range(times):
            noise = np.random.default_rng([number, copy]).integers(-8, 9, square.shape)
            noisy = np.clip(square + noise, 0, 255).astype(np.uint8)
            path = folder / Path(entry.path).parent / f"{number:05}-{copy}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), noisy[:, :, ::-1])
    return times * len(found.entries)


if __name__ == "__main__":
    command.run(main)
