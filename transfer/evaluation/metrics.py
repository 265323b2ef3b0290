"""Metrics of predictions: accuracies with intervals, by class and over all images, and the means of the study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from transfer.evaluation.intervals import wilson_interval
from transfer.evaluation.reliability import calibration_table, expected_calibration_error

# Keras clips probabilities to this before it takes the logarithm.
SMALLEST = 1e-7


def class_table(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """A row for each class: class, support, correct, accuracy (its recall), its interval, precision, f1.

    Args:
        actual, predicted: class numbers (images,).
    """
    numbers = np.arange(len(classes))
    precision, _, f1, support = precision_recall_fscore_support(actual, predicted, labels=numbers, zero_division=0)
    correct = np.bincount(actual[actual == predicted], minlength=len(classes))
    intervals = [wilson_interval(int(right), int(of)) for right, of in zip(correct, support, strict=True)]
    low, high = zip(*intervals, strict=True)
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


def classes_worst_first(table: pd.DataFrame) -> list[str]:
    """The classes of a class table by ascending accuracy, ties by name."""
    return list(table.sort_values(["accuracy", "class"])["class"])


def summarize(actual: np.ndarray, probabilities: np.ndarray, table: pd.DataFrame) -> dict[str, Any]:
    """All metrics of one model on one split.

    Args:
        actual: class numbers (images,).
        probabilities: (images, classes).
        table: the class table of the same predictions.
    """
    correct, total = int(table["correct"].sum()), len(actual)
    low, high = wilson_interval(correct, total)
    top2 = top_k_accuracy(actual, probabilities, 2)
    top2_low, top2_high = wilson_interval(round(top2 * total), total)
    ascending = np.sort(table["accuracy"].to_numpy())
    return {
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(table["f1"].mean()),
        "top2_accuracy": top2,
        "top2_accuracy_low": top2_low,
        "top2_accuracy_high": top2_high,
        **scores_of_probabilities(actual, probabilities),
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


def scores_of_probabilities(actual: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The expected calibration error and the loss (cross-entropy); arguments as for `summarize`."""
    bins = calibration_table(probabilities.argmax(axis=1) == actual, probabilities.max(axis=1))
    of_actual = probabilities[np.arange(len(actual)), actual].astype(np.float64)
    return {
        "expected_calibration_error": expected_calibration_error(bins),
        "loss": float(-np.log(np.clip(of_actual, SMALLEST, 1)).mean()),
    }


def headline(
    fits: Mapping[str, Mapping[str, Any]],
    tests: Mapping[str, Mapping[str, Any]],
    choice: Mapping[str, Any],
    cross_validation: Mapping[str, Any],
) -> dict[str, Any]:
    """The few numbers by which runs are compared, the one with the narrowest interval first: a screen shows the first.

    DVC prints the names side by side, so they are short, and macro F1 is that of the selected model alone.

    Args:
        fits: the metrics of each model's training, with its validation accuracy.
        tests: what `summarize` returns for each model on the test images.
        choice: the model that validation selects, `selected`, and the `comparison` of both on the test images.
        cross_validation: the metrics of the recipe of the head, by cross-validation.
    """
    accuracies = {
        model: {"test": test["accuracy"], "validation": fits[model]["validation"]["accuracy"]}
        for model, test in tests.items()
    }
    validated = {"cross_validation": cross_validation["accuracy"]}
    return (
        validated
        | accuracies
        | {
            "macro_f1": tests[choice["selected"]]["macro_f1"],
            "p": choice["comparison"]["p_value"],
        }
    )


def top_k_accuracy(actual: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """The share of images whose class is among the k most probable; of equal probabilities, the first class counts."""
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((ranked == actual[:, None]).any(axis=1).mean())
