"""The near-duplicates of test and validation images that a revision does not have: new leaks."""

import io as text_io
from collections.abc import Mapping

import numpy as np
import pandas as pd

from commands.comparison import revision as revisions
from commands.formatting.names import inline
from commands.formatting.tables import Section, count, table
from commands.results import METRICS
from transfer.common import io
from transfer.interface.errors import UserError

PATH = "plots/evaluate/near_duplicates.csv"
TEXT = ("path", "actual", "other_path", "other_actual", "near_duplicate")
COLUMNS = ("Image", "Class", "Near-duplicate in another split", "Its class", "Cosine")


def since(revision: str, renamed: Mapping[str, str]) -> Section:
    """The pairs that are near-duplicates in the workspace and not in a revision, the most similar first.

    Args:
        renamed: the paths of images that have another name in the same split now, with the paths that they had.
    """
    now, before = near_duplicates(None), near_duplicates(revision)
    if now is None:
        return Section(f"unknown, because the workspace has no usable {PATH}")
    if before is None:
        new, summary = (
            now,
            f"{count(len(now), 'near-duplicate')}; {inline(revision)} has no usable {PATH} to compare with",
        )
    else:
        pairs = set(zip(before["path"], before["other_path"], strict=True))
        paths = [now[column].map(lambda path: renamed.get(path, path)) for column in ("path", "other_path")]
        new = now[np.array([pair not in pairs for pair in zip(*paths, strict=True)], bool)]
        summary = describe(new, len(now))
    thresholds = [threshold(version) for version in (revision, None)]
    if None not in thresholds and thresholds[0] != thresholds[1]:
        summary += f"; the threshold (evaluate.near_duplicate) changed from {thresholds[0]:g} to {thresholds[1]:g}"
    rows = new.sort_values("cosine", ascending=False, kind="stable")
    cells = [(*row, f"{cosine:.4f}") for *row, cosine in rows[[*TEXT[:4], "cosine"]].itertuples(index=False)]
    return Section(summary, table("New near-duplicates, the most similar first", COLUMNS, cells) if cells else None)


def near_duplicates(revision: str | None) -> pd.DataFrame | None:
    """The pairs of a revision or of the workspace that count as near-duplicates; None if there is no usable table."""
    try:
        rows = io.parse_csv(text_io.StringIO(revisions.text_of(revision, PATH) or ""), PATH, "", TEXT)
        return rows.assign(cosine=pd.to_numeric(rows["cosine"]))[rows["near_duplicate"] == "yes"]
    except (UserError, KeyError, ValueError):
        return None


def describe(new: pd.DataFrame, total: int) -> str:
    """How many near-duplicates are new, and of which split."""
    if new.empty:
        return f"none is new ({count(total, 'near-duplicate')} in all)" if total else "no near-duplicates"
    splits = new["path"].str.partition("/")[0].value_counts()
    images = " and ".join(f"{number} of {split} images" for split, number in sorted(splits.items()))
    return f"{count(len(new), 'new near-duplicate')}: {images}"


def threshold(revision: str | None) -> float | None:
    """The cosine from which two images count as near-duplicates; None if the metrics do not have it."""
    value = revisions.read_json(revision, METRICS).get("near_duplicates")
    number = value.get("threshold") if isinstance(value, dict) else None
    return float(number) if isinstance(number, io.NUMBER) else None
