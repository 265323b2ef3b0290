"""Scores of predictions: accuracies with intervals, by class and over all, and the means that the study looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from transfer import calibration, files
from transfer.prepared import Split

CONFIDENCE = 0.95
# As Keras clips probabilities before the logarithm.
SMALLEST = 1e-7


def interval(correct: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of an accuracy (Wilson 1927, as in scipy)."""
    found = binomtest(correct, total).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def per_class(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """A row a class: class, support, correct, accuracy (its recall), its interval, precision, f1.

    Args:
        actual, predicted: class numbers (images,).
    """
    numbers = np.arange(len(classes))
    precision, _, f1, support = precision_recall_fscore_support(actual, predicted, labels=numbers, zero_division=0)
    correct = np.bincount(actual[actual == predicted], minlength=len(classes))
    low, high = zip(*(interval(int(right), int(of)) for right, of in zip(correct, support, strict=True)), strict=True)
    return pd.DataFrame(
        {
            "class": list(classes),
            "support": support,
            "correct": correct,
            "accuracy": correct / support,
            "accuracy_low": low,
            "accuracy_high": high,
            "precision": precision,
            "f1": f1,
        }
    )


def by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of some models, one below the other, with the column model in front."""
    return pd.concat(tables, names=["model"]).reset_index("model")


def told(summary: Mapping[str, Any]) -> str:
    """An accuracy in words, with its interval."""
    low, high = summary["accuracy_low"], summary["accuracy_high"]
    return f"{summary['accuracy']:.4f}, 95 % interval {low:.3f} to {high:.3f}"


def worst_first(table: pd.DataFrame) -> list[str]:
    """The classes of a per-class table from the lowest accuracy up, ties by name."""
    return list(table.sort_values(["accuracy", "class"])["class"])


def summary(actual: np.ndarray, probabilities: np.ndarray, table: pd.DataFrame) -> dict[str, Any]:
    """All scores of one model on one split.

    Args:
        actual: class numbers (images,).
        probabilities: (images, classes).
        table: the per-class table of the same predictions.
    """
    correct, total = int(table["correct"].sum()), len(actual)
    low, high = interval(correct, total)
    top2 = top_k_accuracy(actual, probabilities, 2)
    top2_low, top2_high = interval(round(top2 * total), total)
    of_actual = probabilities[np.arange(total), actual].astype(np.float64)
    bins = calibration.table(probabilities.argmax(axis=1) == actual, probabilities.max(axis=1))
    ascending = np.sort(table["accuracy"].to_numpy())
    return {
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(table["f1"].mean()),
        "top2_accuracy": top2,
        "top2_accuracy_low": top2_low,
        "top2_accuracy_high": top2_high,
        "expected_calibration_error": calibration.expected_error(bins),
        "loss": float(-np.log(np.clip(of_actual, SMALLEST, 1)).mean()),
        "mean_class_accuracy": float(ascending.mean()),
        "mean_without_worst": float(ascending[1:].mean()),
        "mean_without_two_worst": float(ascending[2:].mean()) if len(ascending) > 2 else None,
        "classes": {
            row["class"]: {
                name: row[name] for name in ("accuracy", "accuracy_low", "accuracy_high", "precision", "f1", "support")
            }
            for row in table.to_dict("records")
        },
    }


def top_k_accuracy(actual: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """How often the actual class is among the k most probable; of equal probabilities the first class counts."""
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((ranked == actual[:, None]).any(axis=1).mean())


def sides(split: Split, predicted: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The images that some models get right and others not: path, actual, and what each model took it for.

    Args:
        predicted: class numbers (images,) by model.
    """
    names = np.array(split.classes, dtype=object)
    right = np.stack([found == split.labels for found in predicted.values()])
    rows = np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))
    columns = {"path": [split.paths[row] for row in rows], "actual": names[split.labels[rows]]}
    return pd.DataFrame(columns | {model: names[found[rows]] for model, found in predicted.items()})


def fit_needed(before: str = "") -> files.Needed:
    """What `selected` and `splits` need of a training's metrics; `before` is where in the file they stand."""
    names = ("train.accuracy", "validation.accuracy", "validation.loss")
    return {f"{before}{name}": files.NUMBER for name in names}


def splits(
    fits: Mapping[str, Mapping[str, Any]], tests: Mapping[str, Mapping[str, Any]], found: Mapping[str, Split]
) -> pd.DataFrame:
    """Accuracy of each model in training, validation and test, side by side.

    In training it is what the epoch came to while the weights moved: on augmented views, with dropout.

    Args:
        fits: by model, what its training came to.
        tests: by model, its summary on the test split.
        found: the splits, by name.

    Returns:
        model, split, images, accuracy, accuracy_low, accuracy_high
    """
    rows = [
        (model, split, images := len(found[split]), accuracy, *interval(round(accuracy * images), images))
        for model, fit in fits.items()
        for split, accuracy in (
            ("train", fit["train"]["accuracy"]),
            ("validation", fit["validation"]["accuracy"]),
            ("test", tests[model]["accuracy"]),
        )
    ]
    columns = ["model", "split", "images", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)


def predictions(split: Split, probabilities: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A row for each model and image: model, path, pixels, actual, predicted, probability (to 4 decimals)."""
    names = np.array(split.classes, dtype=object)
    return pd.concat(
        pd.DataFrame(
            {
                "model": model,
                "path": split.paths,
                "pixels": split.digests,
                "actual": names[split.labels],
                "predicted": names[found.argmax(axis=1)],
                "probability": found.max(axis=1).astype(np.float64).round(4),
            }
        )
        for model, found in probabilities.items()
    )


def selected(validation: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    """The model with the best validation accuracy, and in a sentence why.

    Of two that are equal, the one with the smaller validation loss; of two equal in that too, the one named first.

    Args:
        validation: accuracy and loss of each model on the validation images.
    """
    best = max(validation, key=lambda model: (validation[model]["accuracy"], -validation[model]["loss"]))
    reason = f"{best} is selected for its validation accuracy, {validation[best]['accuracy']:.4f}"
    for model, found in validation.items():
        if model == best:
            continue
        if found["accuracy"] == validation[best]["accuracy"]:
            loss = f"a loss of {found['loss']:.4f} against {validation[best]['loss']:.4f}"
            reason += f", which {model} has too, but with {loss}"
        else:
            reason += f" against {found['accuracy']:.4f} of {model}"
    return best, f"{reason}; the test images have no say."
