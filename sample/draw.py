"""Draw the sample: `python -m sample.draw FOLDER [--seed 0]` writes 1,178 JPEG files, 937 of them for training."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from sample.render import CLASSES, render_waste

# The number of images of a class, and of the class trash, which is the smallest in the study too.
SPLITS = {"train": (160, 137), "validation": (21, 18), "test": (20, 18)}
QUALITY = 88


def plan_images(seed: int) -> list[tuple[Path, str, list[int]]]:
    """The path within the folder, the class and the seed of every image. No two paths and no two seeds are equal."""
    plan = []
    for split_index, (split, (usual, rare)) in enumerate(SPLITS.items()):
        for class_index, name in enumerate(CLASSES):
            for index in range(1, 1 + (rare if name == "trash" else usual)):
                path = Path(split, name, f"{name}_{index:03d}.jpg")
                plan.append((path, name, [seed, split_index, class_index, index]))
    return plan


def draw(folder: Path, seed: int) -> int:
    """Draw all images into `folder`, and return their number."""
    plan = plan_images(seed)
    for path, name, image_seed in tqdm(plan, unit="image", disable=None):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        image = render_waste(name, np.random.default_rng(image_seed))
        Image.fromarray(image).save(target, quality=QUALITY)
    return len(plan)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample.draw", description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder for train/, validation/ and test/")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another sample (default: 0)")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SystemExit(f"{folder} exists and is not an empty folder: name a new folder.")
    count = draw(folder, arguments.seed)
    size = sum(file.stat().st_size for file in folder.rglob("*.jpg"))
    print(f"{count} images, {size / 1e6:.1f} MB, in {folder}")


if __name__ == "__main__":
    main()
