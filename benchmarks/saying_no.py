"""Sets of classes and unknown images, measured on the head: `python -m benchmarks.saying_no OUTPUT.json`.

Run it in a folder in which prepare and features have run.

- Sets: all images are divided again at random, class by class, into training, validation and test of the sizes that
  they have. The head is trained on the new training images and calibrated by cross-validation on training and
  validation, as the pipeline does, and its sets are judged on the new test images. Beside them stand the sets of two
  other scores, APS (Romano, Sesia and Candes 2020) and RAPS (Angelopoulos et al. 2021), without randomization. The
  committed split is measured in the same way. All probabilities are calibrated by the temperature, as the pipeline's
  are, and the loss and the expected calibration error on the new test images are given before and after that.
- Unknown images: in turn, one class is left out of training and validation. Thresholds are calibrated by
  cross-validation for 5 % false alarms. The share of the class's images that are called unknown is counted on those of
  training and validation, on which the way was chosen, and on those of the test split; so are the false alarms of the
  other classes.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features_pool import load_pool
from transfer import command, params_file
from transfer.common import io
from transfer.cross_validation import folds, groups, heads
from transfer.cross_validation.pool import Pool, PooledFeatures
from transfer.evaluation import metrics
from transfer.interface.progress import progress_bar
from transfer.models import tensorflow
from transfer.params_file import Params
from transfer.uncertainty import conformal, novelty, temperature

COVERAGE = 0.9
SPLITS = 20
# RAPS: what each class beyond the first adds to the score.
PENALTY = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saying_no", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    images = load_pool(settings, ("train", "validation", "test"))
    splits = np.array(images.splits)
    unknown = {}
    for label, name in enumerate(progress_bar(images.classes, "classes", len(images.classes), unit="class")):
        unknown[name] = measure_unknown(images, splits, label, settings)
    results: dict[str, Any] = {"images": len(images), "unknown": unknown}
    results["unknown_mean"] = {
        way: {kind: float(np.mean([of[way][kind] for of in unknown.values()])) for kind in of_way}
        for way, of_way in next(iter(unknown.values())).items()
    }
    io.write_json(arguments.output, results)
    results["sets"] = {"coverage": COVERAGE, "committed split": measure_sets(images, splits, settings)}
    of_splits: list[dict[str, Any]] = []
    for seed in progress_bar(range(SPLITS), "splits", SPLITS, unit="split"):
        of_splits.append(measure_sets(images, split_again(images.labels, splits, seed), settings))
        results["sets"]["random splits"] = summarize(of_splits)
        io.write_json(arguments.output, results)


def summarize(of_splits: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean and the standard deviation of coverage and of size over the splits, for each score."""
    summary: dict[str, Any] = {"number": len(of_splits)}
    for way, kinds in of_splits[0].items():
        values = {kind: [of[way][kind] for of in of_splits] for kind in kinds}
        summary[way] = {
            kind: {"mean": float(np.mean(of)), "sd": float(np.std(of)), "lowest": min(of), "highest": max(of)}
            for kind, of in values.items()
        }
    return summary


def split_again(labels: np.ndarray, splits: np.ndarray, seed: int) -> np.ndarray:
    """The name of each image's split, drawn at random, with as many images of each class in each split."""
    again, generator = splits.copy(), np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        again[rows] = splits[generator.permutation(rows)]
    return again


def subset(images: Pool, rows: np.ndarray) -> Pool:
    """Some of the images as a pool of their own, with classes numbered anew."""
    numbers, labels = np.unique(images.labels[rows], return_inverse=True)
    views = np.stack([images.features[rows, view] for view in range(images.features.splits[0].shape[1])], axis=1)
    return replace(
        images,
        labels=labels,
        paths=[images.paths[row] for row in rows],
        digests=[images.digests[row] for row in rows],
        splits=[images.splits[row] for row in rows],
        classes=[images.classes[number] for number in numbers],
        features=PooledFeatures([views]),
    )


def cross_validate(images: Pool, rows: np.ndarray, settings: Params) -> tuple[Pool, np.ndarray, np.ndarray]:
    """These images as a pool, their folds, and their probabilities by heads that were not trained on them."""
    part = subset(images, rows)
    grouping = groups.group_images(part, {}, settings.evaluate.near_duplicate, settings.cross_validate.folds)
    fold = folds.deal(part, grouping.group, grouping.folds, settings.seed, 0)
    return part, fold, heads.held_out_probabilities(part, fold, training_of(settings), settings.seed)[0]


def training_of(settings: Params) -> heads.Training:
    """How the heads are trained: as the stage train_tl trains one."""
    return heads.Training(settings.train_tl, settings.train_tl.epochs, settings.augment.views, settings.batch_size)


def measure_sets(images: Pool, splits: np.ndarray, settings: Params) -> dict[str, Any]:
    """Coverage and mean size of the sets of the test images, for each score; and what the temperature does."""
    train, test = (np.flatnonzero(splits == name) for name in ("train", "test"))
    part, _, probabilities = cross_validate(images, np.flatnonzero(splits != "test"), settings)
    both = subset(images, np.concatenate([train, test]))
    fold = np.repeat([1, 0], [len(train), len(test)])
    kernel, bias = heads.train(both, fold, 1, training_of(settings), settings.seed, np.arange(len(train)))
    odds = np.exp((both.features[np.arange(len(train), len(both)), 0] @ kernel + bias).astype(np.float64))
    of_test = odds / odds.sum(axis=1, keepdims=True)
    results, labels = {}, images.labels[test]
    best = temperature.fit(probabilities[None], part.labels)
    raw = {f"before_{name}": value for name, value in metrics.scores_of_probabilities(labels, of_test).items()}
    probabilities, of_test = temperature.scale(probabilities, best), temperature.scale(of_test, best)
    results["temperature"] = {"temperature": best, **raw, **metrics.scores_of_probabilities(labels, of_test)}
    of_true = conformal.true_class_probabilities(probabilities[None], part.labels)
    smallest = conformal.threshold(of_true, len(part), COVERAGE)
    sets = np.zeros(of_test.shape, bool)
    for row, of_image in enumerate(of_test):
        sets[row, conformal.prediction_set(of_image, smallest)] = True
    results["threshold"] = judge(sets, labels)
    for way, penalty in (("APS", 0.0), ("RAPS", PENALTY)):
        scores = np.sort(cumulated(probabilities, penalty)[np.arange(len(part)), part.labels])
        highest = scores[int(np.ceil((len(part) + 1) * COVERAGE)) - 1]
        sets = cumulated(of_test, penalty) <= highest
        sets[np.arange(len(sets)), of_test.argmax(1)] = True
        results[way] = judge(sets, labels)
    return results


def cumulated(probabilities: np.ndarray, penalty: float) -> np.ndarray:
    """The sum of the probabilities down to each class, with a penalty for each class beyond the first."""
    order = np.argsort(-probabilities, axis=1)
    sums = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    scores = np.empty_like(sums)
    np.put_along_axis(scores, order, sums + penalty * np.arange(probabilities.shape[1]), axis=1)
    return scores


def judge(sets: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Coverage, mean size, and the coverage of the class that has the lowest.

    Args:
        sets: whether each class is in the set of each image (images, classes).
        labels: class numbers (images,).
    """
    held = sets[np.arange(len(labels)), labels]
    lowest = min(float(held[labels == label].mean()) for label in np.unique(labels))
    return {"coverage": float(held.mean()), "size": float(sets.sum(1).mean()), "coverage_of_the_worst_class": lowest}


def measure_unknown(images: Pool, splits: np.ndarray, label: int, settings: Params) -> dict[str, Any]:
    """Detection of one class that is left out, and false alarms, for each way."""
    others = images.labels != label
    part, fold, probabilities = cross_validate(images, np.flatnonzero(others & (splits != "test")), settings)
    kinds = {
        "detected": np.flatnonzero(~others & (splits != "test")),
        "detected_of_test": np.flatnonzero(~others & (splits == "test")),
        "false_alarms_of_test": np.flatnonzero(others & (splits == "test")),
    }
    kernel, bias = heads.train(part, np.full(len(part), -1), 1, training_of(settings), settings.seed)
    features = part.features[np.arange(len(part)), 0]
    calibration = {
        "maximum probability": probabilities.max(1),
        "nearest image": novelty.held_out_cosines(features, fold),
        "nearest class mean": np.zeros(len(part)),
        "Mahalanobis distance": np.zeros(len(part)),
    }
    for number in np.unique(fold):
        out = fold == number
        calibration["nearest class mean"][out] = class_means(features[~out], part.labels[~out], features[out])
        calibration["Mahalanobis distance"][out] = mahalanobis(features[~out], part.labels[~out], features[out])
    thresholds = {way: novelty.threshold(np.sort(scores)) for way, scores in calibration.items()}
    results: dict[str, Any] = {way: {} for way in calibration}
    for kind, rows in kinds.items():
        new = images.features[rows, 0]
        logits = (new @ kernel + bias).astype(np.float64)
        scores = {
            "maximum probability": 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1),
            "nearest image": novelty.nearest_cosines(new, novelty.references(features)),
            "nearest class mean": class_means(features, part.labels, new),
            "Mahalanobis distance": mahalanobis(features, part.labels, new),
        }
        for way, of_way in scores.items():
            results[way][kind] = float((of_way < thresholds[way]).mean())
    return results


def class_means(features: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The cosine with the nearest class mean."""
    unit = novelty.unit(features)
    means = np.stack([unit[labels == label].mean(axis=0) for label in np.unique(labels)])
    return (novelty.unit(new) @ novelty.unit(means).T).max(axis=1)


def mahalanobis(features: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Minus the squared Mahalanobis distance of unit vectors to the nearest class mean (Lee et al. 2018)."""
    unit = novelty.unit(features)
    means = np.stack([unit[labels == label].mean(axis=0) for label in np.unique(labels)])
    residuals = unit - means[labels]
    covariance = residuals.T @ residuals / len(unit)
    # Shrunk towards a multiple of the identity: there are hardly more images than channels.
    shrunk = 0.7 * covariance + 0.3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitened = np.linalg.solve(np.linalg.cholesky(shrunk), np.concatenate([novelty.unit(new), means]).T).T
    rotated, centres = whitened[: len(new)], whitened[len(new) :]
    return -np.stack([((rotated - centre) ** 2).sum(axis=1) for centre in centres]).min(axis=0)


if __name__ == "__main__":
    command.run(main)
