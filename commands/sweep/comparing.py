"""Recipes compared by cross-validation: accuracy over all seeds, and which cannot be told from the best.

Another seed deals other folds and trains other heads, as another repeat does. The seeds of a recipe are therefore taken
as repeats of one cross-validation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from commands.comparison import cross_validation
from commands.comparison.cross_validation import Difference
from transfer.cross_validation import scores
from transfer.interface.errors import UserError

# The predictions of each seed, plots/cross_validation/predictions.csv.
Predictions = Mapping[int, pd.DataFrame]


def pooled(predictions: Predictions, seeds: Sequence[int]) -> pd.DataFrame:
    """The predictions of several seeds as the repeats of one table: image by image, `right` and `folds` in a row."""
    first, *others = (predictions[seed].set_index("path") for seed in seeds)
    table = first[["pixels", "right", "folds"]].copy()
    for other in others:
        common = table.index.intersection(other.index)
        table = table.loc[common]
        table["right"] += other.loc[common, "right"]
        table["folds"] += " " + other.loc[common, "folds"]
    return table.reset_index()


def accuracy(table: pd.DataFrame) -> tuple[float, float, float]:
    """The accuracy over all repeats of a table, with its 95 % interval.

    Raises:
        UserError: the table has values that `predictions` does not write.
    """
    try:
        right = np.array([list(map(int, value)) for value in table["right"]]).T
        folds = np.array([list(map(int, value.split(" "))) for value in table["folds"]]).T
        return float(right.mean()), *scores.interval(right, folds)
    except (ValueError, IndexError):
        raise UserError("A table of cross-validated predictions is damaged: remove its experiment.") from None


def difference(recipe: Predictions, best: Predictions) -> Difference | None:
    """A recipe compared with the best, on the seeds and the images that both have; None without any."""
    seeds = [seed for seed in best if seed in recipe]
    return cross_validation.compare(pooled(best, seeds), pooled(recipe, seeds)) if seeds else None


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, adjusted by Holm (1979, "A simple sequentially rejective multiple test
    procedure"): of all comparisons together, at most 5 % of sweeps have one that is below 0.05 by chance alone.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p_values, float)[order]))
    return [float(value) for value in adjusted]
