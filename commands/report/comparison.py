"""Two revisions of one project, by their predictions of the same test images: is a change more than chance?"""

import io
from dataclasses import dataclass

import pandas as pd

from transfer.common import io
from transfer.evaluation.significance import MacroF1Comparison, PairedComparison, compare_macro_f1, compare_paired
from transfer.interface.errors import UserError

TEXT_COLUMNS = ("model", "path", "pixels", "actual", "predicted")
WORKSPACE = "the workspace"


@dataclass(frozen=True)
class Change:
    """One model in two revisions, on the test images that both have.

    Attributes:
        overall: over all common images.
        macro_f1: the same images by macro F1.
        classes: the same as `overall` for each class of which they have images in common.
        gone, added: how many test images only the earlier, only the later revision has.
        relabelled: how many common images have another class now; they are left out.
    """

    model: str
    overall: PairedComparison
    compare_macro_f1: MacroF1Comparison
    classes: dict[str, PairedComparison]
    gone: int
    added: int
    relabelled: int

    def images_told(self) -> str:
        """Which images the comparison is over, in words."""
        if not self.gone + self.added + self.relabelled:
            return f"on the same {self.overall.images} test images"
        told = f"on the {self.overall.images} test images that both have ({self.gone} are gone, {self.added} are new"
        return told + (f", {self.relabelled} have another class now and are left out)" if self.relabelled else ")")


def read(text: str, named: str) -> pd.DataFrame:
    """Read the `plots/predictions.csv` of a revision.

    Args:
        named: what to call the revision in a message.

    Raises:
        Fault: it is not a table, or lacks a column.
    """
    advice = "choose a commit that has the results of a run"
    return io.parse_csv(io.StringIO(text), f"plots/predictions.csv of {named}", advice, TEXT_COLUMNS)


def compare(before: pd.DataFrame, after: pd.DataFrame, named: str = "that revision") -> list[Change]:
    """Compare each model of two `plots/predictions.csv`, matching images by their pixels.

    Args:
        before, after: as `read` reads them, of the earlier revision and of the workspace.
        named: what to call the earlier revision in a message.

    Raises:
        Fault: a table is empty or has an image twice, or there is no image or no model that both have.
    """
    _check(before, named, "choose a commit that has the results of a run")
    _check(after, WORKSPACE, "make it anew with `dvc repro`")
    models = [model for model in after["model"].unique() if model in set(before["model"])]
    if not models:
        raise UserError(f"{named} and {WORKSPACE} have no model in common: there is nothing to compare.")
    of_model = [[table[table["model"] == model] for table in (before, after)] for model in models]
    return [_change(model, had, has, named) for model, (had, has) in zip(models, of_model, strict=True)]


def left_out(before: pd.DataFrame, after: pd.DataFrame, named: str) -> list[str]:
    """In sentences, which models and classes of the two tables cannot be compared; see `compare`."""
    told = []
    for kind, column in (("model", "model"), ("class", "actual")):
        had, has = set(before[column]), set(after[column])
        for names, where in ((had - has, named), (has - had, WORKSPACE)):
            told += [f"The {kind} {name} is only in {where} and cannot be compared." for name in sorted(names)]
    both = set(before["actual"]) & set(after["actual"])
    matched = set(before.merge(after, on=["model", "pixels", "actual"])["actual"])
    return told + [
        f"The class {name} has no test image that both have and cannot be compared." for name in sorted(both - matched)
    ]


def _check(table: pd.DataFrame, named: str, advice: str) -> None:
    """Raises Fault, with what to do about it, if a table cannot be compared by its images."""
    where = f"plots/predictions.csv of {named}"
    if table.empty:
        raise UserError(f"{where} has no predictions: {advice}.")
    if (again := table.duplicated(["model", "pixels"])).any():
        first = table[again].iloc[0]
        raise UserError(f"{where} has the image {first['path']} of the model {first['model']} twice: {advice}.")


def _change(model: str, before: pd.DataFrame, after: pd.DataFrame, named: str) -> Change:
    common = before.merge(after, on="pixels", suffixes=("_before", "_after"), validate="one_to_one")
    same = common[common["actual_before"] == common["actual_after"]]
    if same.empty:
        raise UserError(f"No test image has the same pixels and class in {named} and now: there is nothing to compare.")
    actual, *predicted = (same[name].to_numpy() for name in ("actual_after", "predicted_before", "predicted_after"))
    rights = [found == actual for found in predicted]
    return Change(
        model,
        compare_paired(*rights),
        compare_macro_f1(actual, *predicted),
        {name: compare_paired(*(right[actual == name] for right in rights)) for name in sorted(set(actual))},
        gone=len(before) - len(common),
        added=len(after) - len(common),
        relabelled=len(common) - len(same),
    )
