"""What changed since a revision, and whether it is more than chance."""

import json
from typing import Any

import pandas as pd
from commands.report.words import sentence, share

from commands.programs import answer, succeeds
from commands.report import comparison
from commands.report.results import METRICS
from commands.summary import MODELS
from transfer.common import io
from transfer.evaluation import significance, tables
from transfer.interface.errors import UserError

PREDICTIONS = "plots/predictions.csv"


def compared(revision: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What changed since a revision, model by model, and in sentences what cannot be compared.

    Raises:
        Fault: the revision does not exist or has no predictions that can be used.
    """
    before, after = predictions_of(revision), predictions_here()
    had, has = selected_of(revision), io.read_json(METRICS, {"selected": str})["selected"]
    if had in MODELS and had != has:
        name = f"selected model ({MODELS[had]} before, {MODELS[has]} now)"
        before, after = (once_more(table, model, name) for table, model in ((before, had), (after, has)))
    before, after = (table.replace({"model": MODELS}) for table in (before, after))
    told = []
    for change in comparison.compare(before, after, revision):
        rows = [change_row("all", change.overall), f1_row(change.macro_f1)]
        told.append(
            {
                "name": change.model,
                "images": change.images_told(),
                "verdict": sentence(change.overall.verdict(f"revision {revision}", comparison.WORKSPACE)),
                "rows": rows + [change_row(name, found) for name, found in change.classes.items()],
            }
        )
    return told, comparison.left_out(before, after, revision)


def predictions_here() -> pd.DataFrame:
    """The predictions of the last run."""
    return io.read_csv(PREDICTIONS, text_columns=tables.PREDICTION_COLUMNS)


def selected_of(revision: str) -> str | None:
    """The model that a revision has selected, if it says so."""
    if not succeeds("git", "cat-file", "-e", f"{revision}:{METRICS}", quiet=True):
        return None
    try:
        found = json.loads(answer("git", "show", f"{revision}:{METRICS}"))
    except ValueError:
        return None
    return found.get("selected") if isinstance(found, dict) else None


def once_more(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """The predictions, those of one model once more under another name."""
    return pd.concat([predictions[predictions["model"] == model].assign(model=name), predictions])


def predictions_of(revision: str) -> pd.DataFrame:
    """The predictions that a revision has committed. Raises Fault if there are none."""
    commit = f"{revision}^{{commit}}"
    if revision.startswith("-") or not succeeds("git", "rev-parse", "--verify", commit, quiet=True):
        raise UserError(
            f"{revision} is no revision of this repository: give a commit, a branch or a tag, such as HEAD~1."
        )
    if not succeeds("git", "cat-file", "-e", f"{revision}:{PREDICTIONS}", quiet=True):
        raise UserError(f"{revision} has no {PREDICTIONS}: choose a commit that has the results of a run.")
    try:
        return comparison.read_predictions(answer("git", "show", f"{revision}:{PREDICTIONS}"), revision)
    except UnicodeDecodeError:
        raise UserError(
            f"{PREDICTIONS} of {revision} is no text: choose a commit that has the results of a run."
        ) from None


def change_row(name: str, found: significance.PairedComparison) -> list[str]:
    """A row of the comparison's table, by accuracy."""
    shares = [share(accuracy) for accuracy in found.accuracies]
    change = f"{100 * found.difference:+.1f} points"
    return [name, str(found.images), *shares, change, str(found.only_first), str(found.only_second), *chance(found)]


def f1_row(found: significance.MacroF1Comparison) -> list[str]:
    """The same by macro F1, which is of no images one by one."""
    return [
        "macro F1",
        "",
        f"{found.first:.3f}",
        f"{found.second:.3f}",
        f"{found.difference:+.3f}",
        "",
        "",
        *chance(found),
    ]


def chance(found: significance.PairedComparison | significance.MacroF1Comparison) -> tuple[str, str]:
    """The p value, and whether the change is more than chance."""
    return significance.format_p_value(found.p_value).removeprefix(
        "= "
    ), "yes" if found.p_value < significance.SIGNIFICANCE_LEVEL else "no"
