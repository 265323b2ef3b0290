"""The images whose label is in doubt in the workspace and not in a revision."""

import io as text_io

import numpy as np
import pandas as pd

from commands.comparison import revision as revisions
from commands.formatting.names import inline
from commands.formatting.tables import Section, count, table
from transfer.common import io
from transfer.interface.errors import UserError

PATH = "plots/label_issues.csv"
TEXT = ("path", "pixels", "split", "label", "suggested")
COLUMNS = ("Image", "Label", "Suggested", "Score")


def since(revision: str) -> Section | None:
    """The label doubts that are new, the most doubtful first; None if neither has a table of them.

    A doubt is the same if the pixels of the image and its label are the same.
    """
    now, before = doubts(None), doubts(revision)
    if now is None:
        if before is None:
            return None
        return Section(f"unknown, because the workspace has no usable {PATH}, which {inline(revision)} has")
    if before is None:
        new, summary = (
            now,
            f"{count(len(now), 'label')} in doubt; {inline(revision)} has no usable {PATH} to compare with",
        )
    else:
        keys_now, keys_before = ([*zip(of_one["pixels"], of_one["label"], strict=True)] for of_one in (now, before))
        earlier = set(keys_before)
        new = now[np.array([key not in earlier for key in keys_now], bool)]
        gone = len(earlier - set(keys_now))
        summary = f"{len(new)} new, {gone} gone ({len(now)} in all)" if len(new) or gone else f"the same {len(now)}"
    # The table has the most doubtful first.
    cells = new[["path", "label", "suggested", "score"]].itertuples(index=False, name=None)
    return Section(summary, table("New label doubts, the most doubtful first", COLUMNS, cells) if len(new) else None)


def doubts(revision: str | None) -> pd.DataFrame | None:
    """The table of a revision or of the workspace; None if there is no usable one."""
    text = revisions.text_of(revision, PATH)
    try:
        rows = None if text is None else io.parse_csv(text_io.StringIO(text), PATH, "", TEXT)
    except UserError:
        return None
    return rows if rows is not None and "score" in rows else None
