"""The table of a sweep: a row for each recipe, the best first, as CSV and for people.

The order is that of the cross-validated accuracy, then of the fine-tuned model's validation accuracy. The test split
has no part in it: a recipe that is chosen by its test accuracy no longer has an honest one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from commands.formatting.sentences import percent_with_interval
from commands.formatting.tables import Rows, table
from commands.sweep import comparing
from commands.sweep.results import TrialResult, mean
from commands.sweep.trials import Recipe, as_text
from transfer.common import io
from transfer.evaluation.intervals import wilson_interval
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, format_p_value

PATH = Path("sweep/sweep.csv")
# The columns after those of the parameters; these are text.
TEXT = ("experiments", "against_the_best", "unmeasured", "reason", "commit")
NUMBERS = (
    *("seeds", "failed", "accuracy", "accuracy_low", "accuracy_high"),
    *("difference", "difference_low", "difference_high", "p_value"),
    *("finetune", "finetune_low", "finetune_high", "finetune_lowest_seed", "finetune_highest_seed", "seconds"),
)
BEST, EQUAL, WORSE, SAME = "best", "cannot be told from the best", "worse than the best", "same head as the best"
NOTES = (
    "Cross-validation judges the head before fine-tuning: recipes that differ in finetune alone have the same head.",
    "Validation judges the fine-tuned model, on few images. The test split has no part in this table, because a recipe "
    "that is chosen by it no longer has an honest test accuracy.",
)


def make(
    recipes: Sequence[Recipe], results: Mapping[str, TrialResult], reasons: Mapping[str, str], commit: str
) -> pd.DataFrame:
    """The table, the best recipe first, those without a result last.

    Args:
        results, reasons: the result of each trial, or why it has none, by its name.
        commit: what the trials start from.
    """
    rows = [_row(recipe, results, reasons) | {"commit": commit} for recipe in recipes]
    with_result = [number for number, row in enumerate(rows) if row["accuracy"] is not None]
    order = sorted(with_result, key=lambda number: (-rows[number]["accuracy"], -rows[number]["finetune"], number))
    _compare(recipes, rows, order, results)
    order += [number for number in range(len(rows)) if number not in order]
    keys = list(dict.fromkeys(key for recipe in recipes for key in recipe.values))
    return pd.DataFrame([rows[number] for number in order], columns=["experiments", *keys, *NUMBERS, *TEXT[1:]])


def _row(recipe: Recipe, results: Mapping[str, TrialResult], reasons: Mapping[str, str]) -> dict[str, Any]:
    """What is to be said of a recipe by itself. A parameter that it does not set is as in params.yaml: empty."""
    done = [results[trial.name] for trial in recipe.trials if trial.name in results]
    failed = [reasons[trial.name] for trial in recipe.trials if trial.name in reasons]
    row: dict[str, Any] = dict.fromkeys(NUMBERS) | dict.fromkeys(TEXT, "")
    row |= {key: as_text(value) for key, value in recipe.values.items()}
    row |= {"experiments": f"sweep-{recipe.digest}", "seeds": len(done), "failed": len(failed)}
    row["reason"] = " ".join(dict.fromkeys(failed))
    if done:
        pooled = comparing.pooled(_predictions(recipe, results), list(_predictions(recipe, results)))
        row["accuracy"], row["accuracy_low"], row["accuracy_high"] = comparing.accuracy(pooled)
        of_seeds = [result.finetune for result in done]
        row["finetune"] = mean(of_seeds)
        images = done[0].images
        row["finetune_low"], row["finetune_high"] = wilson_interval(round(row["finetune"] * images), images)
        row["finetune_lowest_seed"], row["finetune_highest_seed"] = min(of_seeds), max(of_seeds)
        row["seconds"] = round(mean([result.seconds for result in done]), 1)
        row["unmeasured"] = " ".join(dict.fromkeys(stage for result in done for stage in result.unmeasured))
    return row


def _compare(
    recipes: Sequence[Recipe], rows: list[dict[str, Any]], order: Sequence[int], results: Mapping[str, TrialResult]
) -> None:
    """Say of each recipe with a result whether it can be told from the best, the first in the order."""
    if not order:
        return
    best = _predictions(recipes[order[0]], results)
    rows[order[0]]["against_the_best"] = BEST
    compared = []
    for number in order[1:]:
        predictions = _predictions(recipes[number], results)
        if list(predictions) == list(best) and all(predictions[seed].equals(best[seed]) for seed in best):
            rows[number]["against_the_best"] = SAME
        elif difference := comparing.difference(predictions, best):
            compared.append((number, difference))
    adjusted = comparing.holm([difference.p_value for _, difference in compared])
    for (number, difference), p_value in zip(compared, adjusted, strict=True):
        worse = p_value < SIGNIFICANCE_LEVEL and difference.difference < 0
        rows[number] |= {
            "difference": difference.difference,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "p_value": p_value,
            "against_the_best": WORSE if worse else EQUAL,
        }


def _predictions(recipe: Recipe, results: Mapping[str, TrialResult]) -> comparing.Predictions:
    return {trial.seed: results[trial.name].predictions for trial in recipe.trials if trial.name in results}


def write(sweep: pd.DataFrame) -> None:
    """Write the table as CSV."""
    io.write_csv(PATH, sweep)


def read() -> pd.DataFrame | None:
    """The table of the last sweep, as text; None if there was none. Raises UserError if it is damaged."""
    if not PATH.exists():
        return None
    return io.read_csv(PATH, ("experiments", *NUMBERS, *TEXT[1:], *map(str, io.read_csv(PATH).columns)))


def for_people(sweep: pd.DataFrame) -> Rows:
    """The table with the parameters that differ between recipes, and numbers as people read them."""
    sweep = _as_text(sweep)
    keys = _telling([key for key in sweep.columns if key not in (*NUMBERS, *TEXT)], sweep)
    rows = []
    for row in sweep.to_dict("records"):
        failed = f", {row['failed']} failed" if int(row["failed"]) else ""
        cells = [f"{row['experiments']}{failed}", *(row[key] or "as committed" for key in keys)]
        if row["accuracy"]:
            seconds = f"{'≥ ' * bool(row['unmeasured'])}{float(row['seconds']):.0f}"
            cells += [_with_interval(row, "accuracy"), _verdict(row), _with_interval(row, "finetune"), seconds]
        else:
            cells += ["–"] * 4
        rows.append(cells)
    caption = "Recipes of the sweep, the best first; means over seeds, with 95 % intervals"
    columns = ("Recipe", *keys, "Cross-validated", "Against the best", "Fine-tuned, validation", "Seconds")
    return table(caption, columns, rows)


def notes(sweep: pd.DataFrame) -> list[str]:
    """What a reader of the table has to know besides: sentences."""
    sweep = _as_text(sweep)
    sentences = list(NOTES)
    if unmeasured := dict.fromkeys(name for stages in sweep["unmeasured"] for name in stages.split()):
        sentences.append(
            f"≥: the seconds are those of the stages that ran in a sweep. {', '.join(unmeasured)} had run before, and "
            "DVC's cache had the results."
        )
    for row in sweep.to_dict("records"):
        if row["reason"]:
            sentences.append(f"{row['experiments']}: {row['failed']} failed: {row['reason']}")
    return sentences


def _as_text(sweep: pd.DataFrame) -> pd.DataFrame:
    return sweep.astype(object).where(sweep.notna(), "").astype(str)


def _telling(keys: Sequence[str], sweep: pd.DataFrame) -> list[str]:
    """The parameters that differ between recipes. Of several that differ together, the first stands for all."""
    telling: list[str] = []
    for key in keys:
        numbers = pd.factorize(sweep[key])[0].tolist()
        if max(numbers, default=0) and not any(numbers == pd.factorize(sweep[other])[0].tolist() for other in telling):
            telling.append(key)
    return telling


def _with_interval(row: Mapping[Any, str], name: str) -> str:
    return percent_with_interval({key: float(row[key]) for key in (name, f"{name}_low", f"{name}_high")}, name)


def _verdict(row: Mapping[Any, str]) -> str:
    if not row["p_value"]:
        return row["against_the_best"]
    points = f"{100 * float(row['difference']):+.1f} points, p {format_p_value(float(row['p_value']))}"
    return f"{row['against_the_best']} ({points})"
