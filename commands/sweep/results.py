"""What the trials of a sweep have reached, by the experiments that DVC keeps of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pandas as pd

from commands.comparison import revision as revisions
from commands.comparison.cross_validation import METRICS, PREDICTIONS
from commands.sweep import durations
from commands.sweep.durations import Durations
from commands.sweep.trials import Recipe, Trial
from transfer import params_file
from transfer.common import io
from transfer.cross_validation.scores import COLUMNS
from transfer.interface.errors import UserError

# Where each figure is: the file, and the dotted key in it.
SCORES = {"cross_validation": (METRICS, "accuracy"), "finetune": ("metrics/finetune.json", "kept.validation.accuracy")}
VALIDATION_IMAGES = ("metrics/prepare.json", "images.validation")


@dataclass(frozen=True)
class TrialResult:
    """What one trial has reached.

    Attributes:
        cross_validation: accuracy of the head, cross-validated.
        finetune: accuracy of the fine-tuned model on the validation split.
        images: the number of validation images.
        seconds: of all stages, as far as they were measured.
        unmeasured: the stages that were not: their results were in DVC's run-cache before the sweep.
        predictions: plots/cross_validation/predictions.csv.
    """

    cross_validation: float
    finetune: float
    images: int
    seconds: float
    unmeasured: tuple[str, ...]
    predictions: pd.DataFrame = field(repr=False)


def is_of(commit: str, trial: Trial) -> bool:
    """Whether an experiment has the parameters of a trial."""
    text = revisions.text_of(commit, str(params_file.PATH))
    try:
        params = params_file.check(params_file.parse(text or "", commit), commit)
    except UserError:
        return False
    # The engine changes no result.
    return params.model_dump(exclude={"engine"}) == trial.params.model_dump(exclude={"engine"})


def read(commit: str, measured: Durations) -> TrialResult:
    """The result of an experiment. Raises UserError if it has none that can be used."""
    figures = [_figure(commit, path, key) for path, key in (*SCORES.values(), VALIDATION_IMAGES)]
    text = revisions.text_of(commit, PREDICTIONS)
    if text is None:
        raise _unusable(commit, PREDICTIONS)
    predictions = io.parse_csv(StringIO(text), PREDICTIONS, f"remove the experiment {commit[:7]}", COLUMNS)
    stages = durations.entries(revisions.text_of(commit, durations.LOCK_FILE))
    seconds = {name: measured.of(name, entry) for name, entry in stages.items()}
    return TrialResult(
        figures[0],
        figures[1],
        int(figures[2]),
        sum(value for value in seconds.values() if value is not None),
        tuple(name for name, value in seconds.items() if value is None),
        predictions,
    )


def score(recipe: Recipe, results: Mapping[str, TrialResult], kind: str) -> float | None:
    """The mean over the seeds of a recipe; None if one of its trials has no result."""
    of_recipe = [results[trial.name] for trial in recipe.trials if trial.name in results]
    if len(of_recipe) < len(recipe.trials):
        return None
    return mean([getattr(result, kind) for result in of_recipe])


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _figure(commit: str, path: str, key: str) -> float:
    value: Any = revisions.read_json(commit, path)
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, io.NUMBER) or not math.isfinite(value):
        raise _unusable(commit, f"{key} in {path}")
    return value


def _unusable(commit: str, what: str) -> UserError:
    return UserError(
        f"The experiment {commit[:7]} has no usable {what}: remove it with `dvc exp remove`, and run the sweep again."
    )
