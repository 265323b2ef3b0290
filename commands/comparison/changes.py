"""The predictions of the workspace compared with those of a revision: whether a change is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from commands.comparison import cross_validation, metric_changes, verdict
from commands.comparison import predictions as comparison
from commands.comparison import revision as revisions
from commands.comparison.predictions import CHOOSE_COMMIT, PREDICTIONS, Change, NotComparable
from commands.comparison.verdict import Verdict
from commands.formatting.names import inline
from commands.formatting.sentences import capitalized, percent
from commands.formatting.tables import LONG, Rows, table
from commands.results import METRICS
from commands.summary import MODELS
from transfer.common import io
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, MacroF1Comparison, PairedComparison, format_p_value
from transfer.evaluation.tables import PREDICTION_COLUMNS

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
        moved: the rows of all images and of the classes with an image that changed sides, for a short table; None if
            all predictions are the same.
        metrics: the metrics before and now, and what their change is due to; None if the test images are the same,
            because every change is then due to the model.
    """

    name: str
    sentence: str
    tables: list[Rows]
    moved: Rows | None
    metrics: Rows | None


@dataclass(frozen=True)
class Changes:
    """The changes since a revision: the verdict, the changes model by model, and what cannot be compared."""

    verdict: Verdict
    models: list[ModelChanges] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def due_to(self) -> str:
        """What the metrics changed with: the model, or the test split too; empty if no prediction changed."""
        if not any(model.metrics or model.moved for model in self.models):
            return ""
        if not any(model.metrics for model in self.models):
            return "Both revisions have the same test images: each change of a metric is due to the model."
        return (
            "The test split changed. On the test images that both revisions have, a metric changes with the model; the "
            "rest of its change is due to images that were added, removed or moved to another class."
        )


def since(revision: str, metrics: Mapping[str, Any]) -> Changes:
    """Compare the workspace with a revision. What cannot be compared is said in the verdict.

    Args:
        metrics: those of `evaluate` of the workspace.

    Raises:
        UserError: the revision does not exist, or the predictions of the workspace are missing or cannot be used.
    """
    result = of_predictions(revision, metrics)
    before, now = (cross_validation.accuracy_of(version) for version in (revision, None))
    return replace(result, verdict=verdict.with_cross_validation(revision, before, now, result.verdict))


def of_predictions(revision: str, metrics: Mapping[str, Any]) -> Changes:
    """Compare the predictions of test images; see `since`."""
    after = workspace_predictions()
    try:
        before = revision_predictions(revision)
    except NotComparable as error:
        return Changes(verdict.impossible(revision, metrics, str(error)))
    selected_before, selected_now = revision_selected(revision), metrics["selected"]
    name = MODELS[selected_now]
    if selected_before in MODELS and selected_before != selected_now:
        name = f"selected model ({MODELS[selected_before]} before, {MODELS[selected_now]} now)"
        before, after = add_copy(before, selected_before, name), add_copy(after, selected_now, name)
    before, after = (predictions.replace({"model": MODELS}) for predictions in (before, after))
    left_out = comparison.left_out(before, after, revision)
    try:
        changes = comparison.compare(before, after, revision)
    except NotComparable as error:
        return Changes(verdict.impossible(revision, metrics, str(error)), left_out=left_out)
    # The selected model comes first: the verdict is about it.
    changes.sort(key=lambda change: change.model != name)
    if changes[0].model == name:
        selected = (selected_before if selected_before in MODELS else None, selected_now)
        result = verdict.since(revision, metrics, changes[0], selected)
    else:
        reason = f"{inline(revision)} has no predictions of the selected model ({name})."
        result = verdict.impossible(revision, metrics, reason)
    return Changes(result, [describe(change, revision) for change in changes], left_out)


def describe(change: Change, revision: str) -> ModelChanges:
    """One model's changes in words and tables."""
    sentence = capitalized(change.overall.verdict(f"revision {inline(revision)}", comparison.WORKSPACE))
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
        table(f"{change.model}: classes that changed", COLUMNS, total + moved) if change.different else None,
        None if change.same_images else metric_changes.rows(change.model, change.metrics),
    )


def workspace_predictions() -> pd.DataFrame:
    """The predictions of the last run."""
    return io.read_csv(PREDICTIONS, text_columns=PREDICTION_COLUMNS)


def revision_predictions(revision: str) -> pd.DataFrame:
    """The predictions that a revision has committed.

    Raises:
        UserError: there is no such revision.
        NotComparable: it has no predictions that can be read.
    """
    revisions.check(revision)
    try:
        text = revisions.read_text(revision, PREDICTIONS)
    except UnicodeDecodeError:
        raise NotComparable(f"{PREDICTIONS} of {revision} is not a text file: {CHOOSE_COMMIT}.") from None
    if text is None:
        raise NotComparable(f"{revision} has no {PREDICTIONS}: {CHOOSE_COMMIT}.")
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
