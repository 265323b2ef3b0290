"""The number of images of each class and split, before and now."""

import io as text_io
from collections.abc import Mapping, Sequence

from commands.formatting.tables import Rows, table
from transfer.common import io
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS

PATH = "plots/dataset.csv"


def read(text: str | None) -> dict[tuple[str, str], int] | None:
    """The number of images by class and split, of a `plots/dataset.csv`; None if it is missing or no such table."""
    try:
        rows = io.parse_csv(text_io.StringIO(text or ""), PATH, "", ("split", "class")).to_dict("records")
        return {(row["class"], row["split"]): int(row["images"]) for row in rows}
    except (UserError, KeyError, ValueError):
        return None


def count_table(before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]) -> Rows:
    """The number of images in each split, of all classes and of each class that changed: `160 → 150`, or `160`."""
    names = sorted({name for name, _ in (*before, *now)})
    total = [_counts_of(names, before, now)]
    rows = [
        (name, *map(_before_and_now, _counts_of([name], before, now)))
        for name in names
        if any(first != second for first, second in _counts_of([name], before, now))
    ]
    rows.insert(0, ("all classes", *map(_before_and_now, total[0])))
    return table("Images of the classes that changed, before → now", ("Class", *SPLITS), rows)


def describe(before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]) -> str:
    """The number of images and of classes, before and now."""
    classes = [len({name for name, _ in table}) for table in (before, now)]
    images = _before_and_now((sum(before.values()), sum(now.values())))
    return f"{images} images" + (f" of {_before_and_now((classes[0], classes[1]))} classes")


def _counts_of(
    names: Sequence[str], before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]
) -> list[tuple[int, int]]:
    """The number of images of these classes before and now, in each split."""
    first, second = (
        [sum(table.get((name, split), 0) for name in names) for split in SPLITS] for table in (before, now)
    )
    return list(zip(first, second, strict=True))


def _before_and_now(numbers: tuple[int, int]) -> str:
    first, second = numbers
    return str(first) if first == second else f"{first} → {second}"
