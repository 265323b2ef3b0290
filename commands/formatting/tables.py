"""Tables of the report, before they become HTML or Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A longer table is folded.
LONG = 25
# Of an even longer one, the page has the first rows only, and says so.
MOST_ROWS = 1000


@dataclass(frozen=True)
class Rows:
    """A table: what it shows, the names of its columns, and its rows, the first cell of which is the row's name."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    @property
    def is_long(self) -> bool:
        return len(self.rows) > LONG


@dataclass(frozen=True)
class Section:
    """A subject of a comparison: what changed, in one line, and the table behind it, if there is one."""

    summary: str
    table: Rows | None = None


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]], most: int = MOST_ROWS) -> Rows:
    """A table with at most as many rows; the caption says how many are left out."""
    rows = list(rows)
    if len(rows) > most:
        caption = f"{caption}: the first {most} of {len(rows)}"
    return Rows(caption, columns, rows[:most])


def join(names: Sequence[str], most: int, last: str = "and") -> str:
    """Names in a sentence: `a, b and c`, or `a, b and 7 more`."""
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
