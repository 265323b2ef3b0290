"""What an addition does to a dataset, and the lines that tell it to the user."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands.dataset.source import SourceImage
from transfer.dataset.checks import printable
from transfer.loading.prepared import SPLITS

ALL = "all classes"


@dataclass(frozen=True)
class Addition:
    """New images of a dataset.

    Attributes:
        files: the file for each new place.
        group_of: the group of an image, by place, in the whole dataset.
        before, after: the number of images by class and split.
        skipped: new images that are in the dataset already.
        repeated: how many new images have the same pixels as another new one.
        removed: how many images a user's decisions removed.
        near_copies: each image that resembles images of the dataset, with these, and its place.
        left_out: each image that has to go to two splits at once, with the reason.
        moved: other images that are not in the split that the source has them in, and their place.
    """

    files: dict[str, Path]
    group_of: dict[str, str]
    before: Counter[tuple[str, str]]
    after: Counter[tuple[str, str]]
    skipped: list[SourceImage]
    repeated: int
    removed: int
    near_copies: list[tuple[SourceImage, list[SourceImage], str]]
    left_out: list[tuple[SourceImage, str]]
    moved: list[tuple[SourceImage, str]]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of images of each split, after the addition."""
        return {split: sum(number for (_, other), number in self.after.items() if other == split) for split in SPLITS}

    def lines(self) -> list[str]:
        """What the user reads: the special cases, how many images were added, and how many there are now."""
        added = _count(len(self.files), "was", "were") if self.files else "No image was"
        return [*self._notes(), f"{added} added to the dataset.", *self._table()]

    def _notes(self) -> list[str]:
        """Lines about every image that did not simply go to the split in which its class was short of images."""
        lines = []
        if self.skipped:
            lines.append(f"{_count(len(self.skipped), 'is', 'are')} in the dataset already, and skipped.")
        if self.repeated:
            lines.append(f"{_count(self.repeated, 'has', 'have')} the same pixels as another new one, and left out.")
        if self.removed:
            lines.append(f"{_count(self.removed, 'was', 'were')} left out by your decisions.")
        if self.near_copies:
            number = _count(len(self.near_copies), "resembles", "resemble")
            lines.append(f"{number} images of the dataset, and went to their split:")
            lines += [f"  {image.name} resembles {names(others)}: {place}" for image, others, place in self.near_copies]
        if self.left_out:
            lines.append(f"{_count(len(self.left_out), 'was', 'were')} left out, because no split would be right:")
            lines += [f"  {image.name} {reason}" for image, reason in self.left_out]
        if self.moved:
            number = _count(len(self.moved), "is", "are")
            lines.append(f"{number} not in the split of the source, to stay with others of the same object:")
            lines += [f"  {image.name}: {place}" for image, place in self.moved]
        renamed = [(place, path) for place, path in self.files.items() if not _has_end(place, path)]
        if renamed:
            lines.append(
                f"{_count(len(renamed), 'has', 'have')} another name, because the dataset has an image of theirs:"
            )
            lines += [f"  {path.name}: {place}" for place, path in renamed]
        new = sorted({label for label, _ in self.after} - {label for label, _ in self.before})
        lines += [f"The class {label} is new." for label in new]
        return [printable(line) for line in lines]

    def _table(self) -> list[str]:
        """The number of images of each class and split, before and after."""
        rows: list[tuple[str, ...]] = [("", *SPLITS)]
        labels = sorted({label for label, _ in self.after})
        for name, counted in [*((label, [label]) for label in labels), (ALL, labels)]:
            cells = []
            for split in SPLITS:
                before, after = (sum(counts[label, split] for label in counted) for counts in (self.before, self.after))
                cells.append(f"{before} -> {after}" if before != after else str(before))
            rows.append((printable(name), *cells))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def counted(number: int) -> str:
    """A number of images, as part of a sentence."""
    return "1 image" if number == 1 else f"{number} images"


def _count(number: int, one: str, many: str) -> str:
    return f"{counted(number)} {one if number == 1 else many}"


def names(images: Sequence[SourceImage]) -> str:
    """The names of images, as part of a sentence."""
    return " and ".join(image.name for image in images)


def _has_end(place: str, path: Path) -> bool:
    return place.rpartition("/")[2] == path.name
