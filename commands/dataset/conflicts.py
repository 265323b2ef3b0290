"""Images whose pixels are in two classes, splits or groups, and a user's decisions which of the files to use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from commands.dataset import tables
from commands.dataset.source import SourceImage
from transfer.common import io
from transfer.interface.errors import UserErrors

FILE = Path("dataset_conflicts.csv")
COLUMNS = ("path", "class", "pixels", "conflict", "decision")
DECISIONS = ("keep", "remove")


@dataclass(frozen=True)
class Conflict:
    """Files with the same pixels.

    Attributes:
        kind: what they contradict each other in, such as `two classes`.
        pixels: the digest of their pixels.
    """

    kind: str
    pixels: str
    images: list[SourceImage]

    @property
    def sentence(self) -> str:
        paths = " and ".join(str(image.path) for image in self.images)
        return f"{paths} are the same image in {self.kind}: decide in {FILE}."


def find(copies: Mapping[str, Iterable[SourceImage]], groups: Mapping[str, str]) -> list[Conflict]:
    """The conflicts among images with the same pixels.

    Args:
        copies: the images by the digest of their pixels.
        groups: the group of an image, by name.
    """
    conflicts = []
    for pixels, same in copies.items():
        images = list(same)
        differing: dict[str, set[str | None]] = {
            "classes": {image.label for image in images},
            "splits": {image.split for image in images},
            "groups": {groups[image.name] for image in images if image.name in groups},
        }
        kinds = [f"two {what}" for what, values in differing.items() if len(values) > 1]
        if kinds:
            conflicts.append(Conflict(" and in ".join(kinds), pixels, images))
    return conflicts


def write(conflicts: Iterable[Conflict], decisions: Mapping[str, str]) -> str:
    """Write the conflicts to `FILE`, with the decisions so far, and return the sentence that says how to go on."""
    rows = [
        (image.name, image.label, conflict.pixels, conflict.kind, decisions.get(image.name, ""))
        for conflict in conflicts
        for image in conflict.images
    ]
    io.write_csv(FILE, pd.DataFrame(rows, columns=list(COLUMNS)))
    return (
        f"Write keep or remove into the column decision of {FILE}, so that each image is kept in one place only, and "
        f"run again with DECISIONS={FILE}."
    )


def read_decisions(path: Path, conflicts: Iterable[Conflict]) -> dict[str, str]:
    """The decision, keep or remove, on each image that a CSV file lists, by name.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
        UserErrors: one sentence for each row without a decision, on a file that has changed since, or on a file that is
            in no conflict.
    """
    pixels_of = {image.name: conflict.pixels for conflict in conflicts for image in conflict.images}
    decisions: dict[str, str] = {}
    errors = []
    for row in tables.read_rows(path, "DECISIONS", ("path", "pixels", "decision")):
        name, decision = tables.image_name(row["path"]), row["decision"].strip().lower()
        if name not in pixels_of:
            errors.append(f"{path} lists {row['path']!r}, which is in no conflict in SOURCE: remove the line.")
        elif row["pixels"] != pixels_of[name]:
            errors.append(f"{path} was written for another {name}, whose pixels were different: run without DECISIONS.")
        elif name in decisions:
            errors.append(f"{path} lists {name} twice: keep one of the lines.")
        elif decision not in DECISIONS:
            what = f"the decision {row['decision']!r}" if decision else "no decision"
            errors.append(f"{path} has {what} for {name}: write keep or remove.")
        else:
            decisions[name] = decision
    if errors:
        raise UserErrors(errors)
    return decisions
