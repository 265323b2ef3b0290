"""Two revisions of the project compared by their predictions of the same test images."""

import io
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from commands.comparison import metric_changes
from commands.comparison.metric_changes import MetricChange
from commands.formatting.names import inline
from commands.formatting.tables import join
from transfer.common.io import parse_csv
from transfer.evaluation.significance import MacroF1Comparison, PairedComparison, compare_macro_f1, compare_paired
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.interface.errors import UserError

WORKSPACE = "the workspace"
PREDICTIONS = "plots/predictions.csv"
# How many names a sentence has.
MOST_NAMED = 5
CHOOSE_COMMIT = "choose a commit that has the results of a run"


class NotComparable(UserError):
    """A revision has no usable predictions, or no image or no model in common with the workspace."""


@dataclass(frozen=True)
class Change:
    """One model in two revisions, on the test images that both have.

    Attributes:
        overall: over all common images.
        macro_f1: on the same images, by macro F1.
        classes: like `overall`, for each class that has common images.
        gone, added: the number of test images that only the earlier, only the later revision has.
        different: the number of images with another prediction now.
        relabelled: the number of common images whose class is a different one now; they are left out.
        metrics: what the change of each metric is due to, the model or the test split.
    """

    model: str
    overall: PairedComparison
    macro_f1: MacroF1Comparison
    classes: dict[str, PairedComparison]
    different: int
    gone: int
    added: int
    relabelled: int
    metrics: list[MetricChange] = field(default_factory=list)

    @property
    def same_images(self) -> bool:
        """Whether both revisions have the same test images, with the same classes."""
        return not self.gone + self.added + self.relabelled

    def describe_images(self) -> str:
        """Which images are compared, in words."""
        if self.same_images:
            return f"the same {self.overall.images} test images"
        counts = f"{self.gone} removed, {self.added} added"
        if self.relabelled:
            counts += f", {self.relabelled} left out because their class changed"
        return f"the {self.overall.images} test images that both revisions have ({counts})"


def read_predictions(text: str, revision: str) -> pd.DataFrame:
    """Parse the `plots/predictions.csv` of a revision.

    Args:
        revision: what a message calls the revision.

    Raises:
        NotComparable: it is not a table, or lacks a column.
    """
    try:
        return parse_csv(io.StringIO(text), f"{PREDICTIONS} of {revision}", CHOOSE_COMMIT, PREDICTION_COLUMNS)
    except UserError as error:
        raise NotComparable(str(error)) from None


def compare(before: pd.DataFrame, after: pd.DataFrame, revision: str = "that revision") -> list[Change]:
    """Compare each model of two tables of predictions; images are matched by their pixels.

    Args:
        before, after: predictions of the earlier revision and of the workspace, as `read_predictions` returns them.
        revision: what a message calls the earlier revision.

    Raises:
        UserError: the table of the workspace is empty or has an image twice.
        NotComparable: the table of the revision has this fault, or the tables have no image or no model in common.
    """
    try:
        _check(before, revision, CHOOSE_COMMIT)
    except UserError as error:
        raise NotComparable(str(error)) from None
    _check(after, WORKSPACE, "make it again with `dvc repro`")
    models = [model for model in after["model"].unique() if model in set(before["model"])]
    if not models:
        raise NotComparable(f"{revision} and {WORKSPACE} have no model in common: choose another commit.")
    return [
        _compare_model(model, before[before["model"] == model], after[after["model"] == model], revision)
        for model in models
    ]


def left_out(before: pd.DataFrame, after: pd.DataFrame, revision: str) -> list[str]:
    """A sentence for each kind of models and classes of the two tables that cannot be compared; see `compare`."""
    sentences = []
    for kind, column in (("model", "model"), ("class", "actual")):
        names_before, names_after = set(before[column]), set(after[column])
        for names, where in ((names_before - names_after, revision), (names_after - names_before, WORKSPACE)):
            sentences += _sentences(kind, sorted(names), "{} only in " + where + " and cannot be compared.")
    both = set(before["actual"]) & set(after["actual"])
    matched = set(before.merge(after, on=["model", "pixels", "actual"])["actual"])
    ending = "{} no test image that both revisions have, and cannot be compared."
    return sentences + _sentences("class", sorted(both - matched), ending, "has", "have")


def _sentences(kind: str, names: list[str], ending: str, verb: str = "is", verbs: str = "are") -> list[str]:
    """One sentence on these models or classes; no sentence if there are none."""
    if not names:
        return []
    plural = kind if len(names) == 1 else {"class": "classes"}.get(kind, f"{kind}s")
    listed = join([inline(name) for name in names], MOST_NAMED)
    return [f"The {plural} {listed} {ending.format(verb if len(names) == 1 else verbs)}"]


def _check(table: pd.DataFrame, revision: str, advice: str) -> None:
    """Raises UserError, ending in `advice`, if the images of a table cannot be compared."""
    name = f"{PREDICTIONS} of {revision}"
    if table.empty:
        raise UserError(f"{name} has no predictions: {advice}.")
    if (repeated := table.duplicated(["model", "pixels"])).any():
        first = table[repeated].iloc[0]
        raise UserError(f"{name} has the image {first['path']} of the model {first['model']} twice: {advice}.")


def _compare_model(model: str, before: pd.DataFrame, after: pd.DataFrame, revision: str) -> Change:
    common = before.merge(after, on="pixels", suffixes=("_before", "_after"), validate="one_to_one")
    same = common[common["actual_before"] == common["actual_after"]]
    if same.empty:
        raise NotComparable(
            f"{revision} and {WORKSPACE} have no test image with the same pixels and class: choose another commit."
        )
    actual, *predictions = (same[name].to_numpy() for name in ("actual_after", "predicted_before", "predicted_after"))
    right = [predicted == actual for predicted in predictions]
    return Change(
        model,
        compare_paired(*right),
        compare_macro_f1(actual, *predictions),
        {name: compare_paired(*(of_one[actual == name] for of_one in right)) for name in sorted(set(actual))},
        different=int((predictions[0] != predictions[1]).sum()),
        gone=len(before) - len(common),
        added=len(after) - len(common),
        relabelled=len(common) - len(same),
        metrics=metric_changes.divide(
            *(table[["actual", "predicted"]].to_numpy() for table in (before, after)),
            *(np.stack([actual, predicted], axis=1) for predicted in predictions),
        ),
    )
