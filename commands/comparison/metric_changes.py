"""What the change of a metric is due to: another model, or other test images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score

from commands.formatting.sentences import percent
from commands.formatting.tables import Rows, table

COLUMNS = ("Metric", "Before", "Now", "Change", "Due to the model", "Due to the test split")


def accuracy(actual: np.ndarray, predicted: np.ndarray) -> float:
    """The share of correct predictions."""
    return float((actual == predicted).mean())


def mean_class_accuracy(actual: np.ndarray, predicted: np.ndarray) -> float:
    """The mean of the accuracies of the classes that the images have."""
    return float(np.mean([accuracy(actual[actual == name], predicted[actual == name]) for name in set(actual)]))


def macro_f1(actual: np.ndarray, predicted: np.ndarray) -> float:
    """The mean of the F1 scores of the classes that the images have."""
    return float(f1_score(actual, predicted, labels=sorted(set(actual)), average="macro", zero_division=0))


# The metrics that follow from the predicted classes alone; whether each is a share, shown in percent.
METRICS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], float], bool]] = {
    "Accuracy": (accuracy, True),
    "Mean over classes": (mean_class_accuracy, True),
    "Macro F1": (macro_f1, False),
}


@dataclass(frozen=True)
class MetricChange:
    """A metric of two revisions: each on its own test images, and on the test images that both have.

    The change on the images that both have is due to the model. The rest is due to the test split: to images that were
    added, removed or moved to another class.
    """

    name: str
    before: float
    now: float
    before_on_common: float
    now_on_common: float

    @property
    def change(self) -> float:
        return self.now - self.before

    @property
    def due_to_model(self) -> float:
        return self.now_on_common - self.before_on_common

    @property
    def due_to_split(self) -> float:
        return self.change - self.due_to_model

    def cells(self) -> list[str]:
        """The row of the table."""
        _, is_share = METRICS[self.name]
        changes = (self.change, self.due_to_model, self.due_to_split)
        if is_share:
            # Rounded to zero, a change of either sign is the same.
            signed = [f"{round(100 * change, 1) or 0:+.1f}\N{NO-BREAK SPACE}points" for change in changes]
            return [self.name, percent(self.before), percent(self.now), *signed]
        return [
            self.name,
            f"{self.before:.3f}",
            f"{self.now:.3f}",
            *(f"{round(change, 3) or 0:+.3f}" for change in changes),
        ]


def divide(
    before: np.ndarray, now: np.ndarray, before_on_common: np.ndarray, now_on_common: np.ndarray
) -> list[MetricChange]:
    """Divide the change of each metric between the model and the test split.

    Args:
        before, now: actual and predicted class of each test image (images, 2) of the two revisions.
        before_on_common, now_on_common: the same of the images that both have with the same class.
    """
    tables = (before, now, before_on_common, now_on_common)
    return [
        MetricChange(name, *(metric(pairs[:, 0], pairs[:, 1]) for pairs in tables))
        for name, (metric, _) in METRICS.items()
    ]


def rows(model: str, changes: Sequence[MetricChange]) -> Rows:
    """The table of one model's metrics."""
    return table(
        f"{model}: metrics on the test split of each revision", COLUMNS, [change.cells() for change in changes]
    )
