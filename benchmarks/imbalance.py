"""What class weights do to an unbalanced dataset: `python -m benchmarks.imbalance OUTPUT.json`.

Run it in a folder in which prepare and features have run. In turn, nine of ten images of one class are left out of
training, and the head is cross-validated with class_weights null and balanced, on the same images, folds and seeds. All
training and validation images are predicted, each by a head that was not trained on it; the test split is not used.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.features_pool import load_pool
from transfer import command, params_file
from transfer.common import io
from transfer.cross_validation import folds, groups, heads
from transfer.interface.progress import progress_bar
from transfer.models import tensorflow

DRAWS = 3
KEPT = 0.1
WAYS: dict[str, Any] = {"null": None, "balanced": "balanced"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imbalance", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    images = load_pool(settings)
    grouping = groups.group_images(images, {}, settings.evaluate.near_duplicate, settings.cross_validate.folds)
    recalls: dict[str, dict[str, list[np.ndarray]]] = {}
    for draw in progress_bar(range(DRAWS), "draws", DRAWS, unit="draw"):
        fold = folds.deal(images, grouping.group, grouping.folds, settings.seed, draw)
        for label, name in enumerate(images.classes):
            part = cut_class(images.labels, label, draw)
            for way, value in WAYS.items():
                recipe = settings.train_tl.model_copy(update={"class_weights": value})
                training = heads.Training(recipe, recipe.epochs, settings.augment.views, settings.batch_size)
                predicted = heads.held_out_probabilities(images, fold, training, settings.seed + draw, part)[0].argmax(
                    1
                )
                recalls.setdefault(name, {}).setdefault(way, []).append(recall(predicted, images.labels))
    io.write_json(arguments.output, {"images": len(images), "draws": DRAWS, **summarize(recalls, images.classes)})


def cut_class(labels: np.ndarray, label: int, seed: int) -> np.ndarray:
    """The rows of all images but nine of ten of one class, drawn at random."""
    of_class = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
    return np.setdiff1d(np.arange(len(labels)), of_class[round(KEPT * len(of_class)) :])


def recall(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The share of each class's images that are classified correctly (classes,)."""
    return np.bincount(labels[predicted == labels], minlength=labels.max() + 1) / np.bincount(labels)


def summarize(recalls: dict[str, dict[str, list[np.ndarray]]], classes: list[str]) -> dict[str, Any]:
    """Macro recall and the recall of the cut class, for each cut class and way, and the paired difference."""
    rows, differences = {}, []
    for label, name in enumerate(classes):
        of_way = {way: np.stack(of_draws) for way, of_draws in recalls[name].items()}
        rows[name] = {
            way: {"macro_recall": float(of.mean()), "recall_of_the_cut_class": float(of[:, label].mean())}
            for way, of in of_way.items()
        }
        differences.append(float((of_way["balanced"] - of_way["null"]).mean()))
    half = float(t.ppf(0.975, len(classes) - 1) * np.std(differences, ddof=1) / np.sqrt(len(classes)))
    mean = float(np.mean(differences))
    # The draws of one class share its images, so a class counts once.
    return {
        "cut_class": rows,
        "mean": {way: float(np.mean([of[way]["macro_recall"] for of in rows.values()])) for way in WAYS},
        "difference": {"mean": mean, "low": mean - half, "high": mean + half},
    }


if __name__ == "__main__":
    command.run(main)
