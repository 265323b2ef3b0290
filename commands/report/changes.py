"""What changed since a revision, and whether a change is more than chance."""

import json
from typing import Any

import pandas as pd

from commands.programs import output_of, succeeds
from commands.report import comparison
from commands.report.comparison import CHOOSE_COMMIT, PREDICTIONS
from commands.report.results import METRICS
from commands.report.sentences import capitalized, percent
from commands.summary import MODELS
from transfer.common import io
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, MacroF1Comparison, PairedComparison, format_p_value
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.interface.errors import UserError


def since(revision: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The changes since a revision, model by model, and sentences on what cannot be compared.

    Raises:
        UserError: the revision does not exist, or its predictions are missing or cannot be used.
    """
    before, after = revision_predictions(revision), workspace_predictions()
    selected_before = revision_selected(revision)
    selected_now = io.read_json(METRICS, {"selected": str})["selected"]
    if selected_before in MODELS and selected_before != selected_now:
        name = f"selected model ({MODELS[selected_before]} before, {MODELS[selected_now]} now)"
        before, after = add_copy(before, selected_before, name), add_copy(after, selected_now, name)
    before, after = (table.replace({"model": MODELS}) for table in (before, after))
    changes = []
    for change in comparison.compare(before, after, revision):
        rows = [accuracy_row("all", change.overall), macro_f1_row(change.macro_f1)]
        changes.append(
            {
                "name": change.model,
                "images": change.describe_images(),
                "verdict": capitalized(change.overall.verdict(f"revision {revision}", comparison.WORKSPACE)),
                "rows": rows + [accuracy_row(name, of_class) for name, of_class in change.classes.items()],
            }
        )
    return changes, comparison.left_out(before, after, revision)


def workspace_predictions() -> pd.DataFrame:
    """The predictions of the last run."""
    return io.read_csv(PREDICTIONS, text_columns=PREDICTION_COLUMNS)


def revision_predictions(revision: str) -> pd.DataFrame:
    """The predictions that a revision has committed. Raises UserError if there are none."""
    # In the names of files, `./` is the folder of the project, which may be a folder of a larger repository.
    commit = f"{revision}^{{commit}}"
    if revision.startswith("-") or not succeeds("git", "rev-parse", "--verify", commit, quiet=True):
        if output_of("git", "rev-parse", "--is-shallow-repository").strip() == "true":
            raise UserError(
                f"{revision} is not in this clone, which is shallow and has only the latest commits: run `git fetch "
                "--unshallow`, or give a commit, a branch or a tag that `git log` lists."
            )
        raise UserError(
            f"{revision} is not a revision of this repository: give a commit, a branch or a tag, such as HEAD~1."
        )
    if not succeeds("git", "cat-file", "-e", f"{revision}:./{PREDICTIONS}", quiet=True):
        raise UserError(f"{revision} has no {PREDICTIONS}: {CHOOSE_COMMIT}.")
    try:
        return comparison.read_predictions(output_of("git", "show", f"{revision}:./{PREDICTIONS}"), revision)
    except UnicodeDecodeError:
        raise UserError(f"{PREDICTIONS} of {revision} is not a text file: {CHOOSE_COMMIT}.") from None


def revision_selected(revision: str) -> str | None:
    """The model that a revision selected; None if its metrics do not name one."""
    if not succeeds("git", "cat-file", "-e", f"{revision}:./{METRICS}", quiet=True):
        return None
    try:
        metrics = json.loads(output_of("git", "show", f"{revision}:./{METRICS}"))
    except ValueError:
        return None
    return metrics.get("selected") if isinstance(metrics, dict) else None


def add_copy(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """The predictions, and before them those of one model once more under another name."""
    return pd.concat([predictions[predictions["model"] == model].assign(model=name), predictions])


def accuracy_row(name: str, compared: PairedComparison) -> list[str]:
    """A row of the comparison's table: accuracy before and now, its change, and how many images changed sides."""
    return [
        name,
        str(compared.images),
        *map(percent, compared.accuracies),
        f"{100 * compared.difference:+.1f} points",
        str(compared.only_first),
        str(compared.only_second),
        *significance_cells(compared.p_value),
    ]


def macro_f1_row(compared: MacroF1Comparison) -> list[str]:
    """The same for macro F1, in which single images cannot be counted."""
    return [
        "macro F1",
        "",
        f"{compared.first:.3f}",
        f"{compared.second:.3f}",
        f"{compared.difference:+.3f}",
        "",
        "",
        *significance_cells(compared.p_value),
    ]


def significance_cells(p_value: float) -> tuple[str, str]:
    """The p-value, and whether the change is more than chance."""
    return format_p_value(p_value).removeprefix("= "), "yes" if p_value < SIGNIFICANCE_LEVEL else "no"
