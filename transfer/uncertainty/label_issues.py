"""Doubtful labels: images whose label a model that has not seen them thinks improbable.

The score is the label's share of the probability of the label and of the most probable other class. On photographs with
wrong labels, it ranks as many of them first as self-confidence, the probability of the label, does, and more than the
other scores of Northcutt, Jiang and Chuang (2021, "Confident learning") do (`python -m benchmarks.labels`). Unlike
self-confidence, it does not doubt a label that is the most probable of many classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer.loading.prepared import Split
from transfer.plotting import lettering
from transfer.plotting.figure import Tile

# So many images a picture shows.
SHOWN = 18


@dataclass(frozen=True)
class LabelIssue:
    """An image, by split and row, with the class that it seems to belong to and the score of its label."""

    split: str
    row: int
    suggested: int
    score: float


@dataclass(frozen=True)
class LabelIssues:
    """The images of which another class is more probable than their label, the most doubtful label first.

    Attributes:
        splits: the splits that were searched, by name.
    """

    splits: Mapping[str, Split]
    issues: list[LabelIssue]

    def table(self) -> pd.DataFrame:
        """A row for each image: path, pixels, split, label, suggested, score (to 4 decimals)."""
        rows = []
        for issue in self.issues:
            split, row = self.splits[issue.split], issue.row
            names = split.classes[split.labels[row]], split.classes[issue.suggested]
            rows.append((split.paths[row], split.digests[row], issue.split, *names, round(issue.score, 4)))
        return pd.DataFrame(rows, columns=["path", "pixels", "split", "label", "suggested", "score"])

    @property
    def title(self) -> str:
        """The title of a picture of the first images."""
        where = " and ".join(self.splits).replace("train", "training")
        total = sum(map(len, self.splits.values()))
        if not self.issues:
            return f"No label of the {total} {where} images is in doubt."
        first = f", the {SHOWN} most doubtful" if len(self.issues) > SHOWN else ""
        return f"Labels in doubt: {len(self.issues)} of {total} {where} images{first}"

    def tiles(self) -> list[Tile]:
        """The first images with their label, the suggested class and the score."""
        tiles = []
        for issue in self.issues[:SHOWN]:
            split, row = self.splits[issue.split], issue.row
            names = lettering.drawable_names(split.classes)
            captions = (
                f"label: {names[split.labels[row]]}",
                f"suggested: {names[issue.suggested]}",
                f"score {issue.score:.3f}, {issue.split}",
            )
            file = lettering.file_name(split.paths[row], split.digests[row])
            tiles.append(Tile(captions, [split.images[row]], file))
        return tiles

    def notes(self) -> list[str]:
        """What has to be said below the picture."""
        shown = self.issues[:SHOWN]
        drawn = {issue.suggested for issue in shown}
        drawn |= {int(self.splits[issue.split].labels[issue.row]) for issue in shown}
        classes = next(iter(self.splits.values())).classes
        return lettering.notes([classes[label] for label in sorted(drawn)])


def find(splits: Mapping[str, Split], probabilities: np.ndarray) -> LabelIssues:
    """Find the doubtful labels of these splits.

    Args:
        splits: by name.
        probabilities: of the images of all these splits (images, classes), by models that have not seen them.
    """
    places = [(name, row) for name, split in splits.items() for row in range(len(split))]
    score, suggested = scores(probabilities, np.concatenate([split.labels for split in splits.values()]))
    ranked = np.argsort(score, kind="stable")
    doubtful = ranked[score[ranked] < 0.5]
    issues = []
    for index in doubtful:
        name, row = places[index]
        issues.append(LabelIssue(name, row, int(suggested[index]), float(score[index])))
    return LabelIssues(splits, issues)


def scores(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The score of each label, from 0 (certainly wrong) to 1, and the most probable other class (images,).

    Args:
        probabilities: (images, classes), by models that were not trained on the image.
        labels: class numbers (images,).
    """
    rows = np.arange(len(labels))
    others = probabilities.astype(np.float64)
    of_label = others[rows, labels].copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1)
    total = of_label + others[rows, suggested]
    # With a probability of 0 for both, nothing speaks for or against the label.
    return np.divide(of_label, total, out=np.full(len(labels), 0.5), where=total > 0), suggested
