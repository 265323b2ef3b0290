"""What a person should look at: suspected labels and near-duplicates that have no verdict yet."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from commands.label_review.images import ReviewImage
from commands.relabel.record import Record
from transfer.common import io

LABEL_ISSUES, TEST_LABEL_ISSUES = Path("plots/label_issues.csv"), Path("plots/evaluate/test_label_issues.csv")
NEAR_DUPLICATES = Path("plots/evaluate/near_duplicates.csv")
LABEL_COLUMNS = ("path", "pixels", "split", "label", "suggested", "score")
PAIR_COLUMNS = ("path", "actual", "other_path", "other_actual", "cosine", "near_duplicate")

# Finds an image of the dataset by its path; None if it is not there, or cannot be read.
Lookup = Callable[[str], ReviewImage | None]


@dataclass(frozen=True)
class Question:
    """What a person is asked: whether the label of an image is right, or whether two images show the same object.

    Attributes:
        images: one image, or the two of a pair.
        suggested: the class that the image seems to belong to; empty for a pair.
        reason: why this is asked, for people.
    """

    images: tuple[ReviewImage, ...]
    suggested: str
    reason: str


@dataclass
class Selection:
    """The questions that fit on a page, and the numbers of those that are left out.

    Attributes:
        judged: those that have a verdict.
        stale: those about images that are gone, have changed, or are in another class now.
        later: those for which there is no room.
    """

    questions: list[Question] = field(default_factory=list)
    judged: int = 0
    stale: int = 0
    later: int = 0


def suspected_labels(record: Record, lookup: Lookup, path: Path, most: int) -> Selection:
    """The most doubtful labels of a table. Raises UserError if it is missing or damaged."""
    table = io.read_csv(path, LABEL_COLUMNS)
    table["score"] = pd.to_numeric(table["score"], errors="coerce")
    selection = Selection()
    for row in table.to_dict("records"):
        if record.has_label(row["pixels"]):
            selection.judged += 1
        elif len(selection.questions) == most:
            selection.later += 1
        elif (image := lookup(row["path"])) and (image.pixels, image.label) == (row["pixels"], row["label"]):
            suggested = row["suggested"] if row["suggested"] != image.label else ""
            reason = f"score {row['score']:.3f}"
            selection.questions.append(Question((image,), suggested, reason))
        else:
            selection.stale += 1
    return selection


def near_duplicates(record: Record, lookup: Lookup, most: int) -> Selection:
    """The most similar pairs of images. Raises UserError if their table is missing or damaged."""
    table = io.read_csv(NEAR_DUPLICATES, PAIR_COLUMNS)
    table["cosine"] = pd.to_numeric(table["cosine"], errors="coerce")
    table = table.sort_values("cosine", ascending=False, kind="stable")
    selection = Selection()
    asked: set[frozenset[str]] = set()
    for row in table.to_dict("records"):
        images = lookup(row["path"]), lookup(row["other_path"])
        one, other = images
        if not (one and other and (one.label, other.label) == (row["actual"], row["other_actual"])):
            selection.stale += 1
        elif record.has_pair(one.pixels, other.pixels):
            selection.judged += 1
        elif (pair := frozenset((one.path, other.path))) not in asked:
            asked.add(pair)
            if len(selection.questions) == most:
                selection.later += 1
            else:
                counts = "a near-duplicate" if row["near_duplicate"] == "yes" else "below the threshold"
                reason = f"cosine {row['cosine']:.3f}, {counts}"
                selection.questions.append(Question((one, other), "", reason))
    return selection
