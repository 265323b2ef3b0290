"""Progress bars: shown on a terminal, silent in a log."""

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress_bar(
    items: Iterable[Any] | None, description: str, total: int, *, unit: str = "it", initial: int = 0
) -> Any:
    """A tqdm bar over `items`, or one to be updated by hand where `items` is None. It vanishes when it ends.

    Args:
        initial: how many of `total` are done already.
    """
    return tqdm(items, description, total, initial=initial, unit=unit, disable=None, leave=False)
