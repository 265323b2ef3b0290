"""The head's recipe for photographs, step by step: `python -m benchmarks.ladder OUTPUT.json --folder dataset_images`.

It cross-validates heads on the features of MobileNetV2 with ImageNet weights, over the training and validation images
of a dataset, for several image sizes, augmentations, seeds and views at prediction; the test split is not used.
Features take minutes, so they are kept in a folder: the next run computes only what is missing.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import folds, photograph_views
from benchmarks.photograph_views import FURTHER
from transfer import command, params_file
from transfer.common import io
from transfer.evaluation import significance
from transfer.loading.augmentation import Augmentation
from transfer.loading.orientations import NUMBERS
from transfer.loading.prepared import Split
from transfer.models import pretrained, tensorflow

FOLDS = 8
# The first so many orientations: the image itself, with its mirror image, ...
VIEWS = NUMBERS
SIZES = (224, 256, 320, 384)
SEEDS = (1, 2, 3)
# With which all rungs are compared: the committed recipe at these sizes, with one orientation.
BASELINES = (224, 320)


@dataclass(frozen=True)
class Rung:
    """How heads are trained.

    Attributes:
        further: what happens to a training view after it is mirrored and turned; see `photograph_views.FURTHER`.
        quarter_turns: whether the training views are the orientations of an image instead.
        averaged: over how many orientations the features of training view 0, the image itself, are averaged.
        seeds: of heads whose probabilities are averaged. They differ in the order of the images and in dropout.
    """

    size: int
    rotation: float = 0.2
    further: tuple[str, ...] = ()
    quarter_turns: bool = False
    views: int = 4
    averaged: int = 1
    seeds: tuple[int, ...] = SEEDS[:1]

    @property
    def name(self) -> str:
        turns = "quarter turns" if self.quarter_turns else "turns" if self.rotation else ""
        seeds = f"{len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        kinds = ", ".join(["flips", *filter(None, [turns]), *self.further])
        mean = f"the first the mean of {self.averaged}" if self.averaged > 1 else ""
        return ", ".join(filter(None, [f"{self.size} px", f"{self.views} views by {kinds}", mean, seeds]))


COMMITTED = {size: Rung(size) for size in SIZES}
# The augmentations are compared at the smallest size, because their features cost most.
RUNGS = [
    *(COMMITTED[size] for size in BASELINES),
    *(Rung(size, seeds=SEEDS) for size in BASELINES),
    *(Rung(size, quarter_turns=True, views=8) for size in BASELINES),
    *(Rung(224, averaged=views) for views in VIEWS[2:]),
    Rung(224, quarter_turns=True, averaged=4),
    *(Rung(224, quarter_turns=True, views=8, averaged=views) for views in VIEWS[2:]),
    COMMITTED[256],
    Rung(224, rotation=0.0, further=("zoom",)),
    *(Rung(224, further=(name,)) for name in FURTHER),
    Rung(224, rotation=0.0, further=tuple(FURTHER)),
    Rung(224, further=tuple(FURTHER)),
    Rung(224, views=8),
    COMMITTED[384],
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--folder", type=Path, default=Path("dataset_images"), help="default: dataset_images")
    parser.add_argument("--work", type=Path, default=Path(".scratch/ladder"), help="where features are kept")
    arguments = parser.parse_args()
    settings = params_file.load()
    arguments.work.mkdir(parents=True, exist_ok=True)
    tensorflow.start(settings.seed)
    rows = []
    baselines: dict[int, np.ndarray] = {}  # by size: the probabilities (images, classes) of the committed recipe
    for rung in RUNGS:
        pool = photograph_views.read_pool(arguments.folder, rung.size, settings.resize)
        probabilities = measure(rung, pool, settings, arguments.work)
        if rung in COMMITTED.values():
            baselines[rung.size] = probabilities[:, 0]
        for views in VIEWS if rung.size in BASELINES else VIEWS[:1]:
            mean = photograph_views.mean_over_views(probabilities[:, :views])
            scores = score(mean, pool.labels, baselines)
            rows.append({"recipe": rung.name, "views_at_prediction": views, **scores})
        io.write_json(arguments.output, {"images": len(pool), "folds": FOLDS, "rungs": rows})


def score(probabilities: np.ndarray, labels: np.ndarray, baselines: Mapping[int, np.ndarray]) -> dict[str, Any]:
    """Accuracy and cross-entropy, and how they differ from those of the baselines on the same images.

    McNemar's test says whether the accuracies differ by chance. The interval of the difference in cross-entropy is that
    of a mean over images, with 95 % confidence.

    Args:
        probabilities: (images, classes).
        baselines: probabilities (images, classes) of the committed recipe, by size.
    """
    right, losses = probabilities.argmax(axis=1) == labels, -np.log(probabilities[np.arange(len(labels)), labels])
    scores: dict[str, Any] = {"accuracy": float(right.mean()), "cross_entropy": float(losses.mean())}
    for size in [size for size in BASELINES if size in baselines]:
        baseline = baselines[size]
        changes = losses + np.log(baseline[np.arange(len(labels)), labels])
        width = 1.96 * changes.std(ddof=1) / np.sqrt(len(labels))
        scores[f"against_{size}_px"] = {
            "p_value": significance.compare_paired(baseline.argmax(axis=1) == labels, right).p_value,
            "cross_entropy_change": [float(changes.mean() - width), float(changes.mean() + width)],
        }
    return scores


def measure(rung: Rung, pool: Split, settings: params_file.Params, work: Path) -> np.ndarray:
    """The probabilities of every view of each image (images, views, classes), by heads that were not trained on it."""
    augmentation = Augmentation(settings.augment.flip, rung.rotation, rung.views, settings.seed)
    extractor = pretrained.build("MobileNetV2", "imagenet", rung.size, settings.precision).feature_extractor
    views = max(VIEWS) if rung.size in BASELINES else 1
    symmetric = photograph_views.compute(
        extractor, pool, photograph_views.symmetric(pool), views, work / f"features-{rung.size}-symmetric.npy"
    )
    features = symmetric
    if not rung.quarter_turns:
        make = photograph_views.augmented(pool, augmentation, rung.further)
        kinds = "-".join([str(rung.size), str(rung.rotation), *rung.further, str(rung.views)])
        features = photograph_views.compute(extractor, pool, make, rung.views, work / f"features-{kinds}.npy")
    if rung.averaged > 1:
        mean = symmetric[:, : rung.averaged].mean(axis=1, keepdims=True)
        features = np.concatenate([mean, features[:, 1 : rung.views]], axis=1)
    fold = folds.assign_folds(len(pool), FOLDS, settings.seed)
    probabilities = np.zeros((*symmetric.shape[:2], len(pool.classes)))
    for seed in rung.seeds:
        seeded = settings.model_copy(update={"seed": seed})
        for number in range(FOLDS):
            held_out = fold == number
            with tempfile.TemporaryDirectory(dir=work) as folder:
                state = Path(folder, "head.npz")
                head, _ = folds.train_head(features, pool, held_out, replace(augmentation, seed=seed), seeded, state)
            of_views = head(symmetric[held_out].reshape(-1, symmetric.shape[-1]), training=False)
            probabilities[held_out] += of_views.numpy().reshape(*probabilities[held_out].shape) / len(rung.seeds)
    return probabilities


if __name__ == "__main__":
    command.run(main)
