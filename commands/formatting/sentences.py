"""Results as rows and sentences for people."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from commands.results import Table
from commands.summary import MODELS


def headline(metrics: Mapping[str, Any], splits: Table) -> list[list[str]]:
    """A row for each figure: its name, and its value for each model."""
    rows: dict[str, Callable[[str], str]] = {
        "Test accuracy": lambda model: percent_with_interval(metrics[model]),
        "Validation accuracy": lambda model: percent_with_interval(splits[model, "validation"]),
        "Training accuracy (augmented, with dropout)": lambda model: percent(splits[model, "train"]["accuracy"]),
        "Top-2 test accuracy": lambda model: percent_with_interval(metrics[model], "top2_accuracy"),
        "Test accuracy, mean over classes": lambda model: percent(metrics[model]["mean_class_accuracy"]),
        "… without the worst class": lambda model: percent(metrics[model]["mean_without_worst"]),
        "… without the two worst": lambda model: percent(metrics[model].get("mean_without_two_worst")),
        "Macro F1": lambda model: f"{metrics[model]['macro_f1']:.3f}",
        "Expected calibration error": lambda model: f"{metrics[model]['expected_calibration_error']:.3f}",
    }
    return [[name, *map(cell, MODELS)] for name, cell in rows.items()]


def recipe(cross_validation: Mapping[str, Any]) -> str:
    """A sentence on the accuracy of the recipe: its value, and how it was obtained.

    Args:
        cross_validation: metrics/cross_validation.json.
    """
    heads = f"{cross_validation['repeats']} x {cross_validation['folds']} heads"
    value = percent_with_interval(cross_validation)
    return f"Cross-validated accuracy of the recipe: {value}, by {heads} on {cross_validation['images']} images."


def leakage(metrics: Mapping[str, Any]) -> list[str]:
    """Sentences on the near-duplicates of test and validation images, and on the accuracy without them."""
    near, without = metrics["near_duplicates"], metrics["near_duplicates"]["without"]
    total = near["images"] + without["images"]
    threshold = f"{near['threshold']:g} (evaluate.near_duplicate)"
    sentences = []
    if "train" not in near["compared_with"]:
        sentences.append("Training images were not compared: they have no features, because augment.views is 0.")
    if near["images"]:
        sentences.append(
            f"{near['images']} of {total} test images {'has' if near['images'] == 1 else 'have'} a near-duplicate in "
            f"{near['compared_with']}: an image whose feature has a cosine of at least {threshold} with that of the "
            "test image."
        )
    else:
        sentences.append(
            f"None of {total} test images has a near-duplicate in {near['compared_with']}: the highest cosine of "
            f"two features is {near['highest_cosine']:.3f}, and the threshold is {threshold}."
        )
    if not without["images"]:
        sentences.append("Without them no test image is left: the threshold is too low for this backbone.")
    elif near["images"]:
        changes = [
            f"{name} {percent_with_interval(without[model])} instead of {percent(metrics[model]['accuracy'])}"
            for model, name in MODELS.items()
        ]
        sentences.append(f"Test accuracy on the other {without['images']}: {'; '.join(changes)}.")
    if validation := near.get("validation_in_train"):
        sentences.append(
            f"{validation['images'] or 'None'} of {validation['of']} validation images, which select rounds and "
            f"models, {'has' if validation['images'] < 2 else 'have'} one in training."
        )
    return sentences


def class_row(name: str, table: Table) -> list[str]:
    """The name of a class, its support, and each model's accuracy with its interval, precision and F1."""
    of_models = [table[model, name] for model in MODELS]
    cells = [
        cell
        for of_model in of_models
        for cell in (percent_with_interval(of_model), percent(of_model["precision"]), decimals(of_model["f1"]))
    ]
    return [name, str(of_models[0]["support"]), *cells]


def mistakes(predictions: pd.DataFrame, model: str) -> list[list[str]]:
    """A row for each test image that a model classifies wrongly, most confident first: wrong labels are among them.

    Args:
        predictions: plots/predictions.csv.
    """
    wrong = predictions[(predictions["model"] == model) & (predictions["actual"] != predictions["predicted"])]
    wrong = wrong.sort_values("probability", ascending=False, kind="stable")
    return [
        [row["path"], row["actual"], row["predicted"], f"{row['probability']:.4f}"] for row in wrong.to_dict("records")
    ]


def confusions(predictions: pd.DataFrame, model: str) -> list[list[str]]:
    """A row for each pair of classes that a model confuses: actual class, predicted class, images; most images first.

    Args:
        predictions: plots/predictions.csv.
    """
    wrong = predictions[(predictions["model"] == model) & (predictions["actual"] != predictions["predicted"])]
    numbers = Counter(zip(wrong["actual"], wrong["predicted"], strict=True))
    return [[*pair, str(number)] for pair, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))]


def percent(share: float | None) -> str:
    """A share in percent; a dash if there is none, as for a class without test images."""
    return "–" if share is None or pd.isna(share) else f"{share:.1%}"


def decimals(number: float | None) -> str:
    """A score with three decimals; a dash if there is none."""
    return "–" if number is None or pd.isna(number) else f"{number:.3f}"


def percent_with_interval(metrics: Mapping[str, Any], name: str = "accuracy") -> str:
    """The share `name` with its interval, `name`_low to `name`_high."""
    if percent(metrics[name]) == percent(None):
        return percent(None)
    return f"{percent(metrics[name])} ({metrics[f'{name}_low']:.1%} to {metrics[f'{name}_high']:.1%})"


def capitalized(sentence: str) -> str:
    """The sentence with a capital letter first; the rest stays as it is."""
    return sentence[:1].upper() + sentence[1:]
