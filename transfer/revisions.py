"""Two revisions of one project, by their predictions of the same test images: is a change more than chance?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer.comparison import Comparison, paired
from transfer.faults import Fault

COLUMNS = ("model", "path", "pixels", "actual", "predicted", "probability")


@dataclass(frozen=True)
class Change:
    """One model in two revisions, on the test images that both have.

    Attributes:
        overall: over all common images.
        classes: the same for the images of each class that both revisions know.
        gone, added: how many test images only the earlier, only the later revision has.
        relabelled: how many common images have another class now; they are left out.
    """

    model: str
    overall: Comparison
    classes: dict[str, Comparison]
    gone: int
    added: int
    relabelled: int

    def images_told(self) -> str:
        """Which images the comparison is over, in words."""
        if not self.gone + self.added + self.relabelled:
            return f"on the same {self.overall.images} test images"
        told = f"on the {self.overall.images} test images that both have ({self.gone} are gone, {self.added} are new"
        return told + (f", {self.relabelled} have another class now and are left out)" if self.relabelled else ")")


def compare(before: pd.DataFrame, after: pd.DataFrame, named: str = "that revision") -> list[Change]:
    """Compare each model of two `plots/predictions.csv`, matching images by their pixels.

    Args:
        named: what to call the earlier revision in a message.

    Raises:
        Fault: a table has other columns, or there is no image or no model that both have.
    """
    for table, where in ((before, named), (after, "the workspace")):
        missing = [column for column in COLUMNS if column not in table]
        if missing:
            raise Fault(f"plots/predictions.csv of {where} has no column {missing[0]}: make it anew with `dvc repro`.")
    models = [model for model in after["model"].unique() if model in set(before["model"])]
    changes = [_change(model, *(table[table["model"] == model] for table in (before, after))) for model in models]
    if not changes or not all(change.overall.images for change in changes):
        raise Fault(f"No test image has the same pixels and class in {named} and now: there is nothing to compare.")
    return changes


def _change(model: str, before: pd.DataFrame, after: pd.DataFrame) -> Change:
    common = before.merge(after, on="pixels", suffixes=("_before", "_after"), validate="one_to_one")
    same = common[common["actual_before"] == common["actual_after"]]
    actual = same["actual_after"].to_numpy()
    rights = [(same[f"predicted_{when}"] == same["actual_after"]).to_numpy() for when in ("before", "after")]
    return Change(
        model,
        paired(*rights),
        {name: paired(*(right[actual == name] for right in rights)) for name in _sorted(actual)},
        gone=len(before) - len(common),
        added=len(after) - len(common),
        relabelled=len(common) - len(same),
    )


def _sorted(names: Sequence[str] | np.ndarray) -> list[str]:
    return sorted(set(names))
