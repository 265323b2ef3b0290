"""What verdicts change: which images move where, which are removed, and what the two tables beside the dataset hold."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from commands.relabel import groups, record
from commands.relabel.verdicts import Verdicts
from transfer.dataset.listing import DatasetListing
from transfer.interface.errors import UserErrors


@dataclass(frozen=True)
class Plan:
    """All changes of one run; images are paths relative to the dataset's folder.

    Attributes:
        moves: the new path of each image that moves. No new path is the path of any file before.
        removals: the images that are removed.
        groups: the group of each image that has one, afterwards.
        record: the verdicts so far, with these.
    """

    moves: dict[str, str]
    removals: list[str]
    groups: dict[str, str]
    record: record.Record


def make(verdicts: Verdicts, dataset: DatasetListing) -> Plan:
    """Plan the changes.

    Raises:
        UserErrors: a class would be left without an image in a split, or dataset_groups.csv is damaged.
    """
    images = [entry.path for entry in dataset.entries]
    removals = [image for image, verdict in verdicts.labels.items() if verdict == record.REMOVE]
    # Names that differ only in case or in their Unicode form are one name on some computers.
    taken = {_folded(path.relative_to(dataset.folder).as_posix()) for path in dataset.folder.rglob("*")}
    moves = {}
    for image, verdict in verdicts.labels.items():
        split, label, *rest = PurePosixPath(image).parts
        new_label = verdict.removeprefix(record.CLASS)
        if verdict.startswith(record.CLASS) and new_label != label:
            moves[image] = _free(PurePosixPath(split, new_label, *rest), taken)
            taken.add(_folded(moves[image]))

    before = Counter((entry.split, entry.label) for entry in dataset.entries)
    gone = set(removals)
    after = Counter(PurePosixPath(moves.get(image, image)).parts[:2] for image in images if image not in gone)
    if empty := [place for place in before if not after[place]]:
        raise UserErrors(
            [
                f"The class {label} would be left without an image in {split}: keep one there, or remove the class by "
                "hand from all three splits."
                for split, label in empty
            ]
        )

    same = [pair for pair, kind in verdicts.pairs.items() if kind == record.SAME]
    joined = groups.join_pairs(groups.read(images), same, verdicts.digests)
    kept = {moves.get(image, image): group for image, group in joined.items() if image not in gone}
    return Plan(moves, removals, kept, record.read().with_rows(verdicts.rows()))


def _free(path: PurePosixPath, taken: set[str]) -> str:
    """The path, with a number after its name if it is taken."""
    number, free = 1, path
    while _folded(free.as_posix()) in taken:
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free.as_posix()


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
