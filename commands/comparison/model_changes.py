"""The change of one model in words and tables."""

from dataclasses import dataclass

from commands.comparison import metric_changes
from commands.comparison.predictions import WORKSPACE, Change
from commands.formatting.names import inline
from commands.formatting.sentences import capitalized, percent
from commands.formatting.tables import LONG, Rows, table
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, MacroF1Comparison, PairedComparison, format_p_value

COLUMNS = (
    *("Class", "Images", "Before", "Now", "Change"),
    *("Correct only before", "Correct only now", "p", "More than chance"),
)
P_EXPLAINED = (
    "p is the p-value of an exact McNemar test; for macro F1, of a paired permutation test. Each row is tested at the "
    "5 % level: about one in twenty rows without a real change says yes by chance. The interval of a change is exact "
    "too, given the number of images that only one revision classifies correctly."
)
# How many classes the table begins with, where there are many.
FIRST_CLASSES = 10


@dataclass(frozen=True)
class ModelChanges:
    """One model before and now.

    Attributes:
        name: of the model.
        sentence: whether the change in accuracy is more than chance, and on which images.
        tables: of all images and of the classes; of many classes, those that changed most come first.
        moved: the rows of all images and of the classes with an image that changed sides, for a short table; None if
            all predictions are the same.
        metrics: the metrics before and now, and what their change is due to; None if the test images are the same,
            because every change is then due to the model.
    """

    name: str
    sentence: str
    tables: list[Rows]
    moved: Rows | None
    metrics: Rows | None


def describe(change: Change, revision: str) -> ModelChanges:
    """One model's changes in words and tables."""
    sentence = capitalized(change.overall.verdict(f"revision {inline(revision)}", WORKSPACE))
    total = [accuracy_row("all", change.overall), macro_f1_row(change.macro_f1)]
    # Most significant first; then the largest change, then the name.
    order = sorted(change.classes.items(), key=lambda item: (item[1].p_value, -abs(item[1].difference), item[0]))
    rows = [accuracy_row(name, of_class) for name, of_class in order]
    caption = f"{change.model}: accuracy of each class"
    if len(rows) > LONG:
        tables = [
            table(f"{change.model}: classes that changed most", COLUMNS, total + rows[:FIRST_CLASSES]),
            table(f"{caption}, the most significant change first", COLUMNS, total + rows),
        ]
    else:
        by_name = [accuracy_row(name, of_class) for name, of_class in change.classes.items()]
        tables = [table(caption, COLUMNS, total + by_name)]
    moved = [row for (_, of_class), row in zip(order, rows, strict=True) if of_class.only_first + of_class.only_second]
    return ModelChanges(
        change.model,
        f"{sentence} Compared on {change.describe_images()}.",
        tables,
        table(f"{change.model}: classes that changed", COLUMNS, total + moved) if change.different else None,
        None if change.same_images else metric_changes.rows(change.model, change.metrics),
    )


def accuracy_row(name: str, compared: PairedComparison) -> list[str]:
    """A row of the comparison's table: accuracy before and now, its change, and how many images changed sides."""
    return [
        name,
        str(compared.images),
        *map(percent, compared.accuracies),
        f"{100 * compared.difference:+.1f}\N{NO-BREAK SPACE}points",
        str(compared.only_first),
        str(compared.only_second),
        *significance_cells(compared.p_value),
    ]


def macro_f1_row(compared: MacroF1Comparison) -> list[str]:
    """The same for macro F1, in which single images cannot be counted."""
    return [
        "macro F1",
        "",
        f"{compared.first:.3f}",
        f"{compared.second:.3f}",
        f"{compared.difference:+.3f}",
        "",
        "",
        *significance_cells(compared.p_value),
    ]


def significance_cells(p_value: float) -> tuple[str, str]:
    """The p-value, and whether the change is more than chance."""
    return format_p_value(p_value).removeprefix("= "), "yes" if p_value < SIGNIFICANCE_LEVEL else "no"
