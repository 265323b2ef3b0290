"""The predictions of the workspace compared with those of a revision: whether a change is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from commands.report import comparison, cross_validation, verdict
from commands.report import revision as revisions
from commands.report.comparison import CHOOSE_COMMIT, PREDICTIONS, Change
from commands.report.names import isolate
from commands.report.results import METRICS
from commands.report.sentences import capitalized, percent
from commands.report.tables import LONG, Rows, table
from commands.report.verdict import Verdict
from commands.summary import MODELS
from transfer.common import io
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, MacroF1Comparison, PairedComparison, format_p_value
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.interface.errors import UserError

COLUMNS = (
    *("Class", "Images", "Before", "Now", "Change"),
    *("Correct only before", "Correct only now", "p", "More than chance"),
)
P_EXPLAINED = (
    "p is the p-value of an exact McNemar test; for macro F1, of a paired permutation test. Each row is tested at the "
    "5 % level: about one in twenty rows without a real change says yes by chance. The interval of a change is exact "
    "too, given the number of images that only one revision classifies correctly."
)
# How many classes the table begins with, where there are many.
FIRST_CLASSES = 10


@dataclass(frozen=True)
class ModelChanges:
    """One model before and now.

    Attributes:
        name: of the model.
        sentence: whether the change in accuracy is more than chance, and on which images.
        tables: of all images and of the classes; of many classes, those that changed most come first.
        moved: the rows of all images and of the classes with an image that changed sides, for a short table.
    """

    name: str
    sentence: str
    tables: list[Rows]
    moved: Rows


@dataclass(frozen=True)
class Changes:
    """The changes since a revision: the verdict, the changes model by model, and what cannot be compared."""

    verdict: Verdict
    models: list[ModelChanges] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def since(revision: str, metrics: Mapping[str, Any]) -> Changes:
    """Compare the workspace with a revision.

    Args:
        metrics: those of `evaluate` of the workspace.

    Raises:
        UserError: the revision does not exist, or its predictions are missing or cannot be used.
    """
    before, after = revision_predictions(revision), workspace_predictions()
    selected_before, selected_now = revision_selected(revision), metrics["selected"]
    name = MODELS[selected_now]
    if selected_before in MODELS and selected_before != selected_now:
        name = f"selected model ({MODELS[selected_before]} before, {MODELS[selected_now]} now)"
        before, after = add_copy(before, selected_before, name), add_copy(after, selected_now, name)
    before, after = (predictions.replace({"model": MODELS}) for predictions in (before, after))
    left_out = comparison.left_out(before, after, revision)
    try:
        changes = comparison.compare(before, after, revision)
    except comparison.NothingInCommon as error:
        return Changes(verdict.impossible(revision, metrics, str(error)), left_out=left_out)
    cross_validated = cross_validation.since(revision)
    of_selected = [change for change in changes if change.model == name]
    if of_selected:
        selected = (selected_before if selected_before in MODELS else None, selected_now)
        result = verdict.since(revision, metrics, of_selected[0], selected)
    else:
        reason = f"{isolate(revision)} has no predictions of the selected model ({name})."
        result = verdict.impossible(revision, metrics, reason)
    if cross_validated:
        result.facts.append(("Cross-validation", cross_validated))
    return Changes(result, [describe(change, revision) for change in changes], left_out)


def describe(change: Change, revision: str) -> ModelChanges:
    """One model's changes in words and tables."""
    sentence = capitalized(change.overall.verdict(f"revision {isolate(revision)}", comparison.WORKSPACE))
    total = [accuracy_row("all", change.overall), macro_f1_row(change.macro_f1)]
    # Most significant first; then the largest change, then the name.
    order = sorted(change.classes.items(), key=lambda item: (item[1].p_value, -abs(item[1].difference), item[0]))
    rows = [accuracy_row(name, of_class) for name, of_class in order]
    caption = f"{change.model}: accuracy of each class"
    if len(rows) > LONG:
        tables = [
            table(f"{change.model}: classes that changed most", COLUMNS, total + rows[:FIRST_CLASSES]),
            table(f"{caption}, the most significant change first", COLUMNS, total + rows),
        ]
    else:
        by_name = [accuracy_row(name, of_class) for name, of_class in change.classes.items()]
        tables = [table(caption, COLUMNS, total + by_name)]
    moved = [row for (_, of_class), row in zip(order, rows, strict=True) if of_class.only_first + of_class.only_second]
    return ModelChanges(
        change.model,
        f"{sentence} Compared on {change.describe_images()}.",
        tables,
        table(f"{change.model}: classes that changed", COLUMNS, total + moved),
    )


def workspace_predictions() -> pd.DataFrame:
    """The predictions of the last run."""
    return io.read_csv(PREDICTIONS, text_columns=PREDICTION_COLUMNS)


def revision_predictions(revision: str) -> pd.DataFrame:
    """The predictions that a revision has committed. Raises UserError if there are none."""
    revisions.check(revision)
    try:
        text = revisions.read_text(revision, PREDICTIONS)
    except UnicodeDecodeError:
        raise UserError(f"{PREDICTIONS} of {revision} is not a text file: {CHOOSE_COMMIT}.") from None
    if text is None:
        raise UserError(f"{revision} has no {PREDICTIONS}: {CHOOSE_COMMIT}.")
    return comparison.read_predictions(text, revision)


def revision_selected(revision: str) -> str | None:
    """The model that a revision selected; None if its metrics do not name one."""
    selected = revisions.read_json(revision, METRICS).get("selected")
    return selected if isinstance(selected, str) else None


def add_copy(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """The predictions, and before them those of one model once more under another name."""
    return pd.concat([predictions[predictions["model"] == model].assign(model=name), predictions])


def accuracy_row(name: str, compared: PairedComparison) -> list[str]:
    """A row of the comparison's table: accuracy before and now, its change, and how many images changed sides."""
    return [
        name,
        str(compared.images),
        *map(percent, compared.accuracies),
        f"{100 * compared.difference:+.1f}\N{NO-BREAK SPACE}points",
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
