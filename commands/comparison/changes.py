"""The predictions of the workspace compared with those of a revision: whether a change is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from commands.comparison import cross_validation, model_changes, verdict
from commands.comparison import predictions as comparison
from commands.comparison import revision as revisions
from commands.comparison.model_changes import ModelChanges
from commands.comparison.predictions import CHOOSE_COMMIT, PREDICTIONS, NotComparable
from commands.comparison.verdict import Verdict
from commands.formatting.names import inline
from commands.results import METRICS
from commands.summary import MODELS
from transfer.common import io
from transfer.evaluation.tables import PREDICTION_COLUMNS


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


def since(revision: str, metrics: Mapping[str, Any], cross_validated: Mapping[str, Any]) -> Changes:
    """Compare the workspace with a revision. What cannot be compared is said in the verdict.

    Args:
        metrics: those of `evaluate` of the workspace.
        cross_validated: those of `cross_validate` of the workspace.

    Raises:
        UserError: the revision does not exist, a table of cross-validation is damaged, or the predictions of the
            workspace are missing or cannot be used.
    """
    result = of_predictions(revision, metrics)
    before, compared = cross_validation.accuracy_of(revision), cross_validation.since(revision)
    described = verdict.with_cross_validation(revision, before, cross_validated, compared, result.verdict)
    return replace(result, verdict=described)


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
    return Changes(result, [model_changes.describe(change, revision) for change in changes], left_out)


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
