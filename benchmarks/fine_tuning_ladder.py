"""Fine-tuning on photographs, one thing changed at a time: `python -m benchmarks.fine_tuning_ladder OUTPUT.json`.

It fine-tunes MobileNetV2 with ImageNet weights on the training and validation images of a dataset, with some of four
folds held out one at a time; the test split is not used. A training takes minutes, so whatever is complete is kept in a
folder: the next run makes only what is missing, and several processes can share the work. The JSON file is written
after every training, and says on how many images each figure rests.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from benchmarks import folds, photograph_views
from benchmarks.photograph_views import mean_over_views
from transfer import command, params_file
from transfer.caching import state_file
from transfer.common import io
from transfer.evaluation import significance
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation
from transfer.loading.orientations import NUMBERS
from transfer.loading.prepared import Split
from transfer.models import classifier, pretrained, tensorflow
from transfer.models.tensorflow import keras
from transfer.training import folding, history, loop

FOLDS = 4
# How much of the moving average of weights an epoch leaves.
DECAY = 0.7
# The first so many orientations: the image itself, with its mirror image, ...
VIEWS = NUMBERS
COMMITTED = "224 px"
BASELINES = (COMMITTED, "320 px")


@dataclass(frozen=True)
class Training:
    """What differs from the committed recipe.

    Attributes:
        seed: of the order of the images and of dropout. The head at the beginning is that of the committed seed.
        changes: other values of the section `finetune` of params.yaml.
    """

    size: int
    seed: int = 1
    frozen_layers: int = 54
    changes: Mapping[str, Any] = field(default_factory=dict)


TRAININGS = {
    COMMITTED: Training(224),
    "320 px": Training(320),
    "224 px, seed 2": Training(224, seed=2),
    "224 px, seed 3": Training(224, seed=3),
}
SEEDS = [COMMITTED, "224 px, seed 2", "224 px, seed 3"]
SOUP = "224 px, mean of the weights of three seeds"
ENSEMBLE = "224 px, mean of the probabilities of three seeds"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fine_tuning_ladder", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--folder", type=Path, default=Path("dataset_images"), help="default: dataset_images")
    parser.add_argument("--work", type=Path, default=Path(".scratch/ladder"), help="where complete work is kept")
    parser.add_argument("--held-out", type=int, nargs="+", default=list(range(FOLDS)), help="folds to hold out")
    parser.add_argument("--trainings", nargs="+", default=list(TRAININGS), choices=list(TRAININGS), metavar="NAME")
    arguments = parser.parse_args()
    settings = params_file.load()
    arguments.work.mkdir(parents=True, exist_ok=True)
    tensorflow.start(settings.seed)
    # Any size: only the labels are read.
    pool = photograph_views.read_pool(arguments.folder, 32, settings.resize)
    fold = folds.assign_folds(len(pool), FOLDS, settings.seed)
    for number in arguments.held_out:
        for name in arguments.trainings:
            result = arguments.work / f"{name}-{number}.npz"
            if not result.exists():
                Measurement(TRAININGS[name], settings, arguments.folder, arguments.work).run(number, result)
            soup = arguments.work / f"{SOUP}-{number}.npz"
            of_seeds = [arguments.work / f"{seed}-{number}.npz" for seed in SEEDS]
            if not soup.exists() and all(path.exists() for path in of_seeds):
                Measurement(TRAININGS[SEEDS[0]], settings, arguments.folder, arguments.work).mix(number, of_seeds, soup)
            write_results(arguments.work, pool, fold, arguments.output)


class Measurement:
    """A training on a pool, and the probabilities of the images that it holds out."""

    def __init__(self, training: Training, settings: params_file.Params, folder: Path, work: Path):
        self.training, self.settings, self.work = training, settings, work
        size = training.size
        self.augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
        self.pool = photograph_views.read_pool(folder, size, settings.resize)
        self.fold = folds.assign_folds(len(self.pool), FOLDS, settings.seed)
        backbone = pretrained.build("MobileNetV2", "imagenet", size, settings.precision)
        make = photograph_views.augmented(self.pool, self.augmentation)
        symmetric = photograph_views.symmetric(self.pool)
        frozen, rest = backbone.cut(training.frozen_layers)
        self.rest = folding.fold(rest)
        views = self.augmentation.views
        self.features = photograph_views.compute(
            backbone.feature_extractor,
            self.pool,
            make,
            views,
            work / f"features-{size}-{self.augmentation.rotation}-{views}.npy",
        )
        cut = f"{size}-{training.frozen_layers}"
        self.activations = photograph_views.compute(frozen, self.pool, make, views, work / f"activations-{cut}.npy")
        self.symmetric = photograph_views.compute(
            frozen, self.pool, symmetric, photograph_views.ORIENTATIONS, work / f"symmetric-{cut}.npy"
        )

    def run(self, number: int, result: Path) -> None:
        """Train with this fold held out; write the probabilities and the weights."""
        held_out = self.fold == number
        settings, pool, labels = self.settings, self.pool, self.pool.labels[~held_out]
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            state = Path(folder, "head.npz")
            trained, _ = folds.train_head(self.features, pool, held_out, self.augmentation, settings, state)
        channels, classes = self.features.shape[-1], len(pool.classes)
        head = classifier.new_head(channels, classes, settings.train_tl.dropout, self.training.seed)
        head.set_weights(trained.get_weights())
        tail = classifier.Tail(self.rest, head)
        average: list[np.ndarray] = []

        def update_average(epoch: history.Epoch) -> None:
            weights = tail.get_weights()
            average[:] = [DECAY * old + (1 - DECAY) * new for old, new in zip(average or weights, weights, strict=True)]

        # A training that is killed begins anew, because the moving average is not part of its state.
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            loop.fit(
                tail,
                batches.training_from_cache(
                    [self.activations[~held_out]],
                    labels,
                    replace(self.augmentation, seed=self.training.seed),
                    settings.batch_size,
                    training=1,
                ),
                batches.validation_from_cache([self.activations[held_out]], pool.labels[held_out], settings.batch_size),
                settings.finetune.model_validate(settings.finetune.model_dump() | dict(self.training.changes)),
                labels=labels,
                steps_per_epoch=batches.batches_per_epoch(len(labels), settings.batch_size),
                after_epoch=update_average,
                description=result.stem,
                state=Path(folder, "training.npz"),
            )
        weights = tail.get_weights()
        probabilities = self.predict(tail, held_out)
        tail.set_weights(average)
        averaged = self.predict(tail, held_out)
        arrays = {"probabilities": [probabilities], "averaged": [averaged], "weights": weights}
        state_file.save(result, {}, arrays)

    def mix(self, number: int, of_seeds: Sequence[Path], result: Path) -> None:
        """Write the probabilities of the mean of the weights of several trainings."""
        weights = [read_result(path)["weights"] for path in of_seeds]
        head = classifier.new_head(self.features.shape[-1], len(self.pool.classes), 0.0, 1)
        tail = classifier.Tail(self.rest, head)
        mean = [np.mean(values, axis=0) for values in zip(*weights, strict=True)]
        tail.set_weights(mean)
        state_file.save(result, {}, {"probabilities": [self.predict(tail, self.fold == number)]})

    def predict(self, tail: keras.Model, held_out: np.ndarray) -> np.ndarray:
        """The probabilities of every view of the images that are held out (images, views, classes)."""
        inputs = self.symmetric[held_out]
        probabilities = batches.map_split(
            lambda batch: [tail(batch, training=False).numpy()],
            inputs.reshape(-1, *inputs.shape[2:]),
            self.settings.batch_size,
            "views of the images held out",
        )
        return probabilities.reshape(*inputs.shape[:2], -1)


def read_result(path: Path) -> dict[str, list[np.ndarray]]:
    """The arrays of a complete training, by name."""
    saved = state_file.load(path)
    if saved is None:
        raise UserError(f"{path} is damaged: delete it, and run the benchmark again.")
    return saved[1]


def write_results(work: Path, pool: Split, fold: np.ndarray, output: Path) -> None:
    """Write the accuracy of everything that is complete, over all folds for which it is."""
    complete: dict[str, dict[int, np.ndarray]] = {}  # by name and fold: (images, views, classes)
    for name, number in product([*TRAININGS, SOUP], range(FOLDS)):
        path = work / f"{name}-{number}.npz"
        if path.exists():
            arrays = read_result(path)
            complete.setdefault(name, {})[number] = arrays["probabilities"][0]
            if "averaged" in arrays:
                complete.setdefault(f"{name}, moving average of weights", {})[number] = arrays["averaged"][0]
    of_seeds = [complete.get(name, {}) for name in SEEDS]
    for number in set.intersection(*map(set, of_seeds)):
        mean = np.mean([of_seed[number] for of_seed in of_seeds], axis=0)
        complete.setdefault(ENSEMBLE, {})[number] = mean
    right = {
        (name, views): {
            number: mean_over_views(probabilities[:, :views]).argmax(axis=1) == pool.labels[fold == number]
            for number, probabilities in by_fold.items()
        }
        for name, by_fold in complete.items()
        for views in VIEWS
    }
    rows = []
    for (name, views), by_fold in right.items():
        probabilities = [mean_over_views(complete[name][number][:, :views]) for number in by_fold]
        labels = np.concatenate([pool.labels[fold == number] for number in by_fold])
        every = np.concatenate(list(by_fold.values()))
        row = {
            "recipe": name,
            "views": views,
            "folds": sorted(by_fold),
            "images": len(labels),
            "accuracy": float(every.mean()),
            "cross_entropy": float(log_loss(labels, np.concatenate(probabilities), labels=range(len(pool.classes)))),
        }
        for other in BASELINES:
            if shared := sorted(set(by_fold) & set(right.get((other, 1), {}))):
                pairs = [(right[other, 1][number], by_fold[number]) for number in shared]
                comparison = significance.compare_paired(*map(np.concatenate, zip(*pairs, strict=True)))
                row[f"against {other}"] = {
                    "images": comparison.images,
                    "accuracy": comparison.accuracies[0],
                    "difference": comparison.difference,
                    "p_value": comparison.p_value,
                }
        rows.append(row)
    io.write_json(output, {"images": len(pool), "folds": FOLDS, "rows": rows})


if __name__ == "__main__":
    command.run(main)
