"""Markdown tables."""

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make docs`. Do not edit: change the code, params.yaml or commands/reference. -->\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; `|` and line breaks within a cell are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def code(text: str) -> str:
    """Text as inline code."""
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
