"""Two revisions compared by cross-validation: whether the recipe of the head is better by more than chance."""

import math
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from commands.comparison import revision as revisions
from transfer.common import io
from transfer.cross_validation.scores import COLUMNS, corrected_t
from transfer.evaluation.intervals import CONFIDENCE
from transfer.interface.errors import UserError

PREDICTIONS = "plots/cross_validation/predictions.csv"
METRICS = "metrics/cross_validation.json"
KEYS = ("accuracy", "accuracy_low", "accuracy_high")


@dataclass(frozen=True)
class Difference:
    """The accuracy of a second commit minus that of a first, on the images that both have."""

    images: int
    first: float
    second: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        return self.second - self.first


def compare(first: pd.DataFrame, second: pd.DataFrame) -> Difference | None:
    """Compare two commits by the corrected resampled t-test; None if they have fewer than two images in common.

    Images are matched by their pixels. The folds are those of the second commit. If the data are the same, the first
    commit has the same ones; otherwise most images are in the same folds.

    Args:
        first, second: the tables of predictions, read with `COLUMNS` as text.

    Raises:
        UserError: a table has values that `predictions` does not write.
    """
    first, second = (table.drop_duplicates("pixels").set_index("pixels") for table in (first, second))
    common = second.index.intersection(first.index)
    if len(common) < 2:
        return None
    try:
        right_first, right_second, folds = (
            np.array([list(map(int, value)) for value in values]).T
            for values in (
                first.loc[common, "right"],
                second.loc[common, "right"],
                second.loc[common, "folds"].str.split(" "),
            )
        )
    except ValueError:
        raise UserError("A table of cross-validated predictions is damaged: make it again with `dvc repro`.") from None
    # A commit may have other repeats: the first ones of both are compared. Their mean is what a difference is about, so
    # the noise of the seeds, which the mean has less of, does not count for every repeat by itself.
    repeats = min(len(right_first), len(right_second))
    differences = (right_second[:repeats] - right_first[:repeats]).mean(axis=0)
    error, freedom = corrected_t(np.tile(differences, (repeats, 1)), folds[:repeats])
    # Never less than that of independent images: the folds may happen to have nearly the same difference.
    error = max(error, float(differences.std(ddof=1)) / math.sqrt(len(common)))
    mean = float(differences.mean())
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(mean) / error, freedom)) if error else float(mean == 0)
    return Difference(
        len(common),
        float(right_first[:repeats].mean()),
        float(right_second[:repeats].mean()),
        mean - half,
        mean + half,
        p_value,
    )


def since(revision: str) -> Difference | None:
    """How the workspace differs from a revision; None if one of them has no predictions, or both have no common images.

    Raises:
        UserError: a table of predictions is damaged.
    """
    texts = [revisions.text_of(place, PREDICTIONS) for place in (revision, None)]
    first, second = (
        None if text is None else io.parse_csv(StringIO(text), PREDICTIONS, "make it again with `dvc repro`", COLUMNS)
        for text in texts
    )
    return None if first is None or second is None else compare(first, second)


def accuracy_of(revision: str) -> dict[str, float] | None:
    """The accuracy of a revision with its interval (`KEYS`).

    None if it has no cross-validation, or none that can be read.
    """
    metrics: dict[str, Any] = revisions.read_json(revision, METRICS)
    accuracy = {key: metrics.get(key) for key in KEYS}
    usable = all(isinstance(value, io.NUMBER) and math.isfinite(value) for value in accuracy.values())
    return {key: float(value) for key, value in accuracy.items() if value is not None} if usable else None
