"""What was found, in rows and sentences for people."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from commands.report.results import Table
from commands.summary import MODELS


def headline(metrics: Mapping[str, Any], splits: Table) -> list[list[str]]:
    """A row a figure: what it is called, and what it is for each model."""
    rows: dict[str, Callable[[str], str]] = {
        "Test accuracy": lambda model: within(metrics[model]),
        "Validation accuracy": lambda model: within(splits[model, "validation"]),
        "Training accuracy (augmented, with dropout)": lambda model: share(splits[model, "train"]["accuracy"]),
        "Top-2 test accuracy": lambda model: within(metrics[model], "top2_accuracy"),
        "Test accuracy, mean over classes": lambda model: share(metrics[model]["mean_class_accuracy"]),
        "… without the worst class": lambda model: share(metrics[model]["mean_without_worst"]),
        "… without the two worst": lambda model: share(metrics[model].get("mean_without_two_worst")),
        "Macro F1": lambda model: f"{metrics[model]['macro_f1']:.3f}",
        "Expected calibration error": lambda model: f"{metrics[model]['expected_calibration_error']:.3f}",
    }
    return [[name, *map(value, MODELS)] for name, value in rows.items()]


def leakage(metrics: dict[str, Any]) -> list[str]:
    """In sentences, which test and validation images another split has seen, and what accuracy is without them."""
    found, without = metrics["near_duplicates"], metrics["near_duplicates"]["without"]
    total = found["images"] + without["images"]
    limit = f"{found['threshold']:g} (evaluate.near_duplicate)"
    told = []
    if "train" not in found["compared_with"]:
        told.append("Training images were not compared: with augment.views at 0 they have no features.")
    if found["images"]:
        told.append(
            f"{found['images']} of {total} test images {'has' if found['images'] == 1 else 'have'} a near-duplicate in "
            f"{found['compared_with']}: an image whose feature has a cosine of at least {limit} with its own."
        )
    else:
        told.append(
            f"None of {total} test images has a near-duplicate in {found['compared_with']}: the highest cosine of "
            f"two features is {found['highest_cosine']:.3f}, and counted is what reaches {limit}."
        )
    if not without["images"]:
        told.append("Without them no test image is left: the threshold is too low for this backbone.")
    elif found["images"]:
        changes = [
            f"{name} {within(without[model])} instead of {share(metrics[model]['accuracy'])}"
            for model, name in MODELS.items()
        ]
        told.append(f"Test accuracy on the other {without['images']}: {'; '.join(changes)}.")
    if chosen := found.get("validation_in_train"):
        told.append(
            f"{chosen['images'] or 'None'} of {chosen['of']} validation images, by which rounds and models are chosen, "
            f"{'has' if chosen['images'] < 2 else 'have'} one in training."
        )
    return told


def class_row(name: str, table: Table) -> dict[str, Any]:
    """How many test images a class has, and each model's accuracy with its interval, precision and F1."""
    found = [table[model, name] for model in MODELS]
    cells = [
        cell for of_model in found for cell in (within(of_model), share(of_model["precision"]), f"{of_model['f1']:.3f}")
    ]
    return {"name": name, "support": found[0]["support"], "cells": cells}


def mistakes(predictions: pd.DataFrame, model: str) -> list[list[str]]:
    """A row for each test image that a model takes for something else, the surest first: wrong labels are among them.

    Args:
        predictions: plots/predictions.csv.
    """
    found = predictions[(predictions["model"] == model) & (predictions["actual"] != predictions["predicted"])]
    found = found.sort_values("probability", ascending=False, kind="stable")
    return [
        [row["path"], row["actual"], row["predicted"], f"{row['probability']:.4f}"] for row in found.to_dict("records")
    ]


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as dotted keys."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "null" if value is None else str(value)))
    return rows


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def within(found: Mapping[str, Any], name: str = "accuracy") -> str:
    """A share with its interval."""
    return f"{share(found[name])} ({interval(found[f'{name}_low'], found[f'{name}_high'])})"


def interval(low: float, high: float) -> str:
    return f"{low:.1%} to {high:.1%}"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
