"""How many wrong labels are found: `python -m benchmarks.labels OUTPUT.json`.

Run it in a folder in which prepare and features have run. Some labels of training and validation images are replaced by
others at random, over several seeds, and the images are ranked as the stage cross_validate ranks them. Beside its score
stand self-confidence and the normalized margin, the scores of cleanlab (Northcutt, Jiang and Chuang 2021), from the
same probabilities, and everything without the mean over views.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from transfer import command, params_file
from transfer.common import io
from transfer.cross_validation import folds, groups, heads, pool
from transfer.interface.progress import progress_bar
from transfer.loading import features, prepared
from transfer.models import backbone as backbones
from transfer.models import tensorflow
from transfer.uncertainty import label_issues

FLIPPED = 0.05
SEEDS = 5
# The shares of the ranking in which wrong labels are counted.
FIRST = (0.05, 0.1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    channels = backbones.read_description(Path("models/backbone"))["channels"]
    splits = {name: prepared.load_split(name) for name in ("train", "validation")}
    views = {"train": settings.augment.views, "validation": 1}
    images = pool.join(
        {name: (split, features.load_features(name, split, channels, views[name])) for name, split in splits.items()}
    )
    training = heads.Training(settings.train_tl, settings.train_tl.epochs, settings.augment.views, settings.batch_size)
    shares: dict[str, list[list[float]]] = {}
    for seed in progress_bar(range(SEEDS), "seeds", SEEDS, unit="seed"):
        flipped, labels = flip(images.labels, len(images.classes), seed)
        wrong = replace(images, labels=labels)
        grouping = groups.group_images(wrong, {}, settings.evaluate.near_duplicate, settings.cross_validate.folds)
        of_repeats = []
        for repeat in range(settings.cross_validate.repeats):
            fold = folds.deal(wrong, grouping.group, grouping.folds, settings.seed, repeat)
            of_repeats.append(heads.held_out_probabilities(wrong, fold, training, settings.seed + repeat))
        for way, score in scores(np.mean(of_repeats, axis=0), labels).items():
            shares.setdefault(way, []).append([share_ranked_first(score, flipped, first) for first in FIRST])
    ways: dict[str, Any] = {
        way: {
            f"in the first {first:.0%}": {"mean": float(np.mean(of_seeds)), "seeds": list(map(float, of_seeds))}
            for first, of_seeds in zip(FIRST, np.transpose(of_way), strict=True)
        }
        for way, of_way in shares.items()
    }
    io.write_json(arguments.output, {"images": len(images), "flipped": round(FLIPPED * len(images)), "ways": ways})


def flip(labels: np.ndarray, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose labels are replaced by another class at random, and all labels afterwards."""
    generator = np.random.default_rng(seed)
    flipped = generator.choice(len(labels), round(FLIPPED * len(labels)), replace=False)
    changed = labels.copy()
    changed[flipped] = (changed[flipped] + generator.integers(1, classes, len(flipped))) % classes
    return flipped, changed


def scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The score of each label (images,), the lowest the most doubtful, by the name of the way.

    Args:
        probabilities: of the image itself and of the mean over its views (2, images, classes).
    """
    ways = {}
    for name, of_kind in zip(("one view", "all views"), probabilities, strict=True):
        rows = np.arange(len(labels))
        others = of_kind.copy()
        others[rows, labels] = -1
        ways[f"share beside the best other class, {name}"] = label_issues.scores(of_kind, labels)[0]
        ways[f"self-confidence, {name}"] = of_kind[rows, labels]
        ways[f"normalized margin, {name}"] = of_kind[rows, labels] - others.max(axis=1)
    return ways


def share_ranked_first(score: np.ndarray, flipped: np.ndarray, first: float) -> float:
    """The share of the flipped labels that are among the first of the ranking."""
    ranked = np.argsort(score, kind="stable")[: round(first * len(score))]
    return float(np.isin(flipped, ranked).mean())


if __name__ == "__main__":
    command.run(main)
