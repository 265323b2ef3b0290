"""dataset_verdicts.csv: the verdicts that were applied, by pixels, so that no image is asked about again.

A row holds the digest of an image's pixels and one verdict: `keep`, `remove` or `class:<name>` on its label, and
`same:<pixels>` or `different:<pixels>` on whether it shows the same object as another image.
"""

import io as text_io
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from commands.dataset import tables

FILE = Path("dataset_verdicts.csv")
COLUMNS = ("pixels", "verdict")
KEEP, REMOVE, CLASS, SAME, DIFFERENT = "keep", "remove", "class:", "same:", "different:"
# Verdicts on a pair of images: the other image follows the colon.
OF_PAIRS = (SAME, DIFFERENT)

Row = tuple[str, str]


class Record:
    """The verdicts so far, as rows (pixels, verdict)."""

    def __init__(self, rows: Iterable[Row] = ()):
        self.rows = set(rows)
        self._labelled = {pixels for pixels, verdict in self.rows if not verdict.startswith(OF_PAIRS)}

    def has_label(self, pixels: str) -> bool:
        """Whether there is a verdict on the label of an image."""
        return pixels in self._labelled

    def has_pair(self, one: str, other: str) -> bool:
        """Whether two images need no verdict any more: there is one on the pair, or each of them was kept as it is."""
        on_pair = {(one, f"{kind}{other}") for kind in OF_PAIRS} | {(other, f"{kind}{one}") for kind in OF_PAIRS}
        return bool(on_pair & self.rows) or {(one, KEEP), (other, KEEP)} <= self.rows

    def with_rows(self, rows: Iterable[Row]) -> "Record":
        """The record with new verdicts, each of which replaces an earlier one on the same question."""
        answered = {_question(row): row for row in sorted(self.rows)} | {_question(row): row for row in rows}
        return Record(answered.values())

    def text(self) -> str:
        """The content of the file, sorted, so that Git merges what two branches add."""
        buffer = text_io.StringIO()
        pd.DataFrame(sorted(self.rows), columns=list(COLUMNS)).to_csv(buffer, index=False, lineterminator="\n")
        return buffer.getvalue()


def read() -> Record:
    """The verdicts so far; none if the file does not exist. Raises UserError if it is not such a table."""
    if not FILE.exists():
        return Record()
    return Record((row["pixels"], row["verdict"]) for row in tables.read_rows(FILE, str(FILE), COLUMNS))


def _question(row: Row) -> tuple[str, str]:
    """What a verdict answers: the label of an image, or its relation to another one."""
    pixels, verdict = row
    return pixels, verdict.partition(":")[2] if verdict.startswith(OF_PAIRS) else ""
