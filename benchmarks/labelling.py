"""What the order of `make next` saves: `python -m benchmarks.labelling OUTPUT.json`.

Run it in a folder in which prepare and features have run. Of the training and validation images, some are held out, and
the others get their labels step by step: a tenth at random first, then a tenth at a time by an order. A head is trained
after each step and judged on the images that are held out. The test split is not used.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import folds
from commands.label_next import ranking
from transfer import command, params_file
from transfer.common import io
from transfer.loading import features as cached_features
from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation
from transfer.models import backbone as backbones
from transfer.models import tensorflow

REPEATS = 10
HELD_OUT = 0.3
# The shares of the images with labels: at first, of every order, and the largest, for random images only.
FIRST, SHARES, LARGEST = 0.1, (0.2, 0.3, 0.4), 0.6

# Rows to label next: from the rows without and with labels, the probabilities of the former, and how many are wanted.
Order = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labelling", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    backbone = backbones.load(Path("models/backbone"))
    augmentation = replace(Augmentation(**settings.augment.model_dump(), seed=settings.seed), views=1)
    pool = folds.load_pool()
    of_splits = cached_features.load_image_features(prepared.load_splits(), backbone.channels)
    features = np.concatenate([of_splits["train"][:], of_splits["validation"][:]])

    orders: dict[str, Order] = {
        "random": lambda rest, _, __, number: rest[:number],
        "uncertainty": lambda rest, _, probabilities, number: rest[
            np.argsort(ranking.margin(probabilities), kind="stable")[:number]
        ],
        "make next": lambda rest, labelled, probabilities, number: rest[
            ranking.rank(features[rest], probabilities, [features[labelled]], number)
        ],
    }

    def train(labelled: np.ndarray, held_out: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """A head that is trained on the labelled rows, as a function from features to probabilities."""
        rows = np.concatenate([labelled, held_out])
        part = replace(pool, labels=pool.labels[rows])
        is_held_out = np.arange(len(rows)) >= len(labelled)
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder, "state.npz")
            head, _ = folds.train_head(features[rows, np.newaxis], part, is_held_out, augmentation, settings, state)
        return lambda inputs: head(inputs, training=False).numpy()

    accuracies: dict[str, list[dict[str, float]]] = {name: [] for name in orders}
    for repeat in range(REPEATS):
        shuffled = np.random.default_rng((settings.seed, repeat)).permutation(len(pool))
        held_out, others = np.split(shuffled, [round(HELD_OUT * len(pool))])
        for name, order in orders.items():
            # The first images are the same for every order.
            labelled = others[: round(FIRST * len(others))]
            predict = train(labelled, held_out)
            reached: dict[str, float] = {}
            for share in (*SHARES, LARGEST) if name == "random" else SHARES:
                rest = others[~np.isin(others, labelled)]
                missing = round(share * len(others)) - len(labelled)
                labelled = np.concatenate([labelled, order(rest, labelled, predict(features[rest]), missing)])
                predict = train(labelled, held_out)
                correct = predict(features[held_out]).argmax(axis=1) == pool.labels[held_out]
                reached[str(share)] = float(correct.mean())
            accuracies[name].append(reached)
    means = {
        name: {step: float(np.mean([reached[step] for reached in repeats])) for step in repeats[0]}
        for name, repeats in accuracies.items()
    }
    io.write_json(
        arguments.output,
        {"images": len(pool), "held_out": HELD_OUT, "repeats": REPEATS, "means": means, "accuracies": accuracies},
    )


if __name__ == "__main__":
    command.run(main)
