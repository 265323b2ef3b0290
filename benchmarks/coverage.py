"""Coverage of the cross-validated interval, and power of the comparison of two commits, on the sample's generator.

    nice -n 10 python -m benchmarks.coverage OUTPUT.json --minutes 60

Run it at the top of the project, with the sample's weights pulled. Datasets are drawn from a population of images. For
each, the stage's own code gives an interval, and the true accuracy is that of the recipe's head on the rest of the
population. Everything that is computed is kept in a folder, so the next run continues where one was stopped.

Pairs of commits are compared on each dataset:

- power: the backbone's features have all channels in the second commit, and a part of them in the first. The rate at
  which their true difference is rejected is one rate of false alarms.
- no difference, by the seed: the same recipe twice, with other initial weights, dropout and order of the images. The
  rate at which the two are told apart is the rate of false alarms.
- no difference, by the channels: one random half of the channels against the other half, drawn anew for each dataset.
  Neither half is better on average, but the recipes see different features, as those of two backbones do. The true
  difference of a pair, on the rest of the population, is a few tenths of a point.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import population
from commands.comparison import cross_validation
from sample.render import CLASSES
from transfer import command, params_file
from transfer.common import io
from transfer.cross_validation import folds, heads, pool, scores
from transfer.evaluation.intervals import wilson_interval
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.models import tensorflow

SIZE = 1060
# So many channels of the features make the first of the two commits about two points worse.
FEWER_CHANNELS = 200
# Far from the seeds of the repeats.
OTHER_SEED = 1_000
POWER = ("fewer_channels", "all_channels")
NO_DIFFERENCE = {"another_seed": ("all_channels", "another_seed"), "halves_of_channels": ("one_half", "other_half")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--images", type=int, default=10_000, help="size of the population (default: 10000)")
    parser.add_argument("--size", type=int, default=SIZE, help=f"images in a dataset (default: {SIZE})")
    parser.add_argument("--draws", type=int, default=100, help="number of datasets (default: 100)")
    parser.add_argument("--minutes", type=float, default=60, help="start no dataset after so long (default: 60)")
    parser.add_argument("--folder", type=Path, default=Path(".scratch/coverage"), help="default: .scratch/coverage")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    settings = params_file.load()
    tensorflow.start(settings.seed)
    images = population.load(arguments.folder / "population", arguments.images, settings)
    results = []
    for number in progress_bar(range(arguments.draws), "datasets", arguments.draws, unit="dataset"):
        path = arguments.folder / f"dataset-{number}-of-{arguments.size}.json"
        if not path.exists():
            if time.monotonic() > end:
                continue
            io.write_json(path, measure(images, arguments.size, number, settings))
        results.append(json.loads(path.read_text()))
    if len(results) < 2:
        raise UserError("Fewer than two datasets are measured: give more --minutes, and run again.")
    io.write_json(arguments.output, {"population": arguments.images, "images": arguments.size} | summarize(results))


def measure(
    population_of: tuple[np.ndarray, list[str], np.ndarray], size: int, number: int, settings: params_file.Params
) -> dict[str, Any]:
    """One dataset: the cross-validated predictions and the true accuracy of each commit."""
    labels, digests, features = population_of
    generator = np.random.default_rng([settings.seed, number])
    rows = np.sort(generator.choice(len(labels), size, replace=False))
    rest = np.setdiff1d(np.arange(len(labels)), rows)
    channels = np.random.default_rng(settings.seed).permutation(features.shape[2])
    shuffled = generator.permutation(features.shape[2])
    views, batch_size = features.shape[1], settings.batch_size
    training = heads.Training(settings.train_tl, settings.train_tl.epochs, views, batch_size)
    commits = {}
    for name, chosen, seed in (
        ("fewer_channels", channels[:FEWER_CHANNELS], settings.seed),
        ("all_channels", channels, settings.seed),
        ("another_seed", channels, settings.seed + OTHER_SEED),
        ("one_half", shuffled[: len(shuffled) // 2], settings.seed),
        ("other_half", shuffled[len(shuffled) // 2 :], settings.seed),
    ):
        dataset = pool.Pool(
            labels[rows],
            [f"{row}.jpg" for row in rows],
            [digests[row] for row in rows],
            ["train"] * size,
            list(CLASSES),
            pool.PooledFeatures([features[rows][:, :, chosen]]),
        )
        repeats = range(settings.cross_validate.repeats)
        of_repeats = [
            folds.deal(dataset, np.arange(size), settings.cross_validate.folds, settings.seed, repeat)
            for repeat in repeats
        ]
        fold = np.stack(of_repeats)
        probabilities = np.stack(
            [heads.held_out_probabilities(dataset, fold[repeat], training, seed + repeat)[0] for repeat in repeats]
        )
        predictions = scores.predictions(dataset, probabilities, fold)
        commits[name] = {
            "predictions": {column: list(predictions[column]) for column in ("pixels", "folds", "right")},
            "true": true_accuracy(dataset, training, features[rest, 0][:, chosen], labels[rest], seed),
        }
    return commits


def true_accuracy(
    dataset: pool.Pool, training: heads.Training, features: np.ndarray, labels: np.ndarray, seed: int
) -> float:
    """The accuracy on the rest of the population of the head that is trained on the whole dataset."""
    kernel, bias = heads.train(dataset, np.full(len(dataset), -1), 1, training, seed)
    return float(((features @ kernel + bias).argmax(axis=1) == labels).mean())


def accuracy_with_interval(commit: dict[str, Any]) -> tuple[float, float, float]:
    """The cross-validated accuracy of a commit on one dataset, and the ends of its interval."""
    right = np.array([list(map(int, of_image)) for of_image in commit["predictions"]["right"]]).T
    folds = np.array([of_image.split() for of_image in commit["predictions"]["folds"]], int).T
    return float(right.mean()), *scores.interval(right, folds)


def compare(result: dict[str, Any], pair: tuple[str, str] = POWER) -> cross_validation.Difference:
    """What the comparison of two commits says on one dataset."""
    tables = (pd.DataFrame(result[name]["predictions"]) for name in pair)
    comparison = cross_validation.compare(*tables)
    if comparison is None:
        raise ValueError("the commits have no images in common")
    return comparison


def summarize(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Coverage and width of the intervals, and the rates at which the comparison rejects no and the true difference."""
    commits = {}
    for name in POWER:
        of_commit = [result[name] for result in results]
        true = np.array([of_dataset["true"] for of_dataset in of_commit])
        accuracy, low, high = np.transpose([accuracy_with_interval(of_dataset) for of_dataset in of_commit])
        commits[name] = {
            "true_accuracy": float(true.mean()),
            "mean_error": float((accuracy - true).mean()),
            "sd_of_error": float((accuracy - true).std(ddof=1)),
            "width": float((high - low).mean()),
            "held": int(((low <= true) & (true <= high)).sum()),
        }
    comparisons = [compare(result) for result in results]
    difference, low, high, p_value = (
        np.array([getattr(comparison, key) for comparison in comparisons])
        for key in ("difference", "low", "high", "p_value")
    )
    true_difference = commits["all_channels"]["true_accuracy"] - commits["fewer_channels"]["true_accuracy"]
    return {
        "datasets": len(results),
        **commits,
        "comparison": {
            "true_difference": true_difference,
            "mean_difference": float(difference.mean()),
            "sd_of_difference": float(difference.std(ddof=1)),
            "width": float((high - low).mean()),
            "power": float((p_value < SIGNIFICANCE_LEVEL).mean()),
            "false_alarms": float(((true_difference < low) | (high < true_difference)).mean()),
        },
        "no_difference": {name: false_alarms(results, pair) for name, pair in NO_DIFFERENCE.items()},
    }


def false_alarms(results: Sequence[dict[str, Any]], pair: tuple[str, str]) -> dict[str, float]:
    """How often two commits without a true difference are told apart, with the 95 % interval of this rate."""
    comparisons = [compare(result, pair) for result in results]
    alarms = sum(comparison.p_value < SIGNIFICANCE_LEVEL for comparison in comparisons)
    low, high = wilson_interval(alarms, len(results))
    first, second = (np.array([result[name]["true"] for result in results]) for name in pair)
    return {
        "false_alarms": alarms / len(results),
        "false_alarms_low": low,
        "false_alarms_high": high,
        "mean_difference": float(np.mean([comparison.difference for comparison in comparisons])),
        "sd_of_difference": float(np.std([comparison.difference for comparison in comparisons], ddof=1)),
        "width": float(np.mean([comparison.high - comparison.low for comparison in comparisons])),
        "mean_true_difference": float((second - first).mean()),
        "sd_of_true_difference": float((second - first).std(ddof=1)),
    }


if __name__ == "__main__":
    command.run(main)
