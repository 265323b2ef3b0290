"""Reading verdicts.csv and checking each row against the dataset as it is now."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from commands.dataset import tables
from commands.dataset.versions import DATASET
from commands.formatting.tables import join
from commands.relabel import record
from transfer.common import parallel
from transfer.dataset import decoding
from transfer.dataset.checks import printable
from transfer.dataset.listing import DatasetListing
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar

COLUMNS = ("path", "pixels", "verdict")
DIGEST = re.compile(r"[0-9a-f]{16}")
# A sentence about many rows names so many of them; one about an unknown class, so many classes.
NAMED, MOST_CLASSES = 5, 10

# What is wrong with rows: how a sentence about them begins, and how it ends.
Kind = tuple[str, str]
DAMAGED = (
    "has pixels that are not 16 hexadecimal digits, for",
    "a spreadsheet program may have turned them into numbers, so use the file as the page downloads it.",
)
NOT_THERE = (f"names images that {DATASET}/ does not have,", "run `make review` again.")
MOVED = ("names images that were moved after the review,", "remove the lines, or run `make review` again.")
CHANGED = (
    f"was written for other images than {DATASET}/ has now, with other pixels, at",
    "run `make review` again.",
)
NO_VERDICT = (
    "has no usable verdict for",
    "write keep, remove, class:<name>, same:<path> or different:<path>.",
)
NO_PAIR = (
    f"compares images with what is not another image of {DATASET}/,",
    f"write a path relative to {DATASET}/, such as train/glass/1.jpg.",
)
CONTRADICTORY = ("has verdicts that contradict each other for", "keep one of the lines.")


@dataclass
class Verdicts:
    """Verdicts without contradictions; images are paths relative to the dataset's folder.

    Attributes:
        labels: `keep`, `remove` or `class:<name>` by image.
        pairs: `same:` or `different:` by two images, sorted.
        digests: the digest of the pixels of each image that is named.
    """

    labels: dict[str, str] = field(default_factory=dict)
    pairs: dict[tuple[str, str], str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def rows(self) -> list[record.Row]:
        """The verdicts as rows of the record."""
        rows = [(self.digests[image], verdict) for image, verdict in self.labels.items()]
        for (one, other), kind in self.pairs.items():
            first, second = self.digests[one], self.digests[other]
            rows += [(first, f"{kind}{second}"), (second, f"{kind}{first}")]
        return rows


def read(path: Path, dataset: DatasetListing) -> Verdicts:
    """Read verdicts and check them.

    Raises:
        UserError: the file is missing, is not a table, lacks a column, or has no verdict.
        UserErrors: one sentence for each kind of row that cannot be applied.
    """
    rows = [row for row in tables.read_rows(path, "VERDICTS", COLUMNS) if any(map(str.strip, row.values()))]
    if not rows:
        raise UserError(f"{path} has no verdict: choose some on the page of `make review`, and download them.")
    images = {entry.path for entry in dataset.entries}
    problems: dict[Kind, list[str]] = defaultdict(list)
    verdicts = Verdicts()
    stated: dict[str, str] = {}
    missing: dict[str, str] = {}
    for row in rows:
        image, pixels = tables.image_name(row["path"].strip()), row["pixels"].strip()
        if not DIGEST.fullmatch(pixels):
            problems[DAMAGED].append(f"{image} ({pixels or 'empty'})")
        elif image not in images:
            missing[image] = pixels
        elif stated.setdefault(image, pixels) != pixels:
            problems[CHANGED].append(image)
        elif problem := _add(verdicts, image, row["verdict"], images, dataset.classes):
            kind, detail = problem
            problems[kind].append(f"{image}{detail}")
    for pair, relation in verdicts.pairs.items():
        for image in pair:
            if relation == record.SAME and verdicts.labels.get(image) == record.REMOVE:
                problems[CONTRADICTORY].append(f"{image} (same and remove)")

    named = list(dict.fromkeys([*stated, *(image for pair in verdicts.pairs for image in pair)]))
    unreadable = []
    for image, digest in zip(named, _digests(dataset.folder, named), strict=True):
        if isinstance(digest, UserError):
            unreadable.append(str(digest))
        elif digest != stated.get(image, digest):
            problems[CHANGED].append(image)
        else:
            verdicts.digests[image] = digest
    if missing:
        # Somebody may have moved them.
        places = [entry.path for entry in dataset.entries]
        place_of = dict(zip(_digests(dataset.folder, places), places, strict=True))
        for image, pixels in missing.items():
            place = place_of.get(pixels)
            problems[MOVED if place else NOT_THERE].append(f"{image} (now {place})" if place else image)
    if problems or unreadable:
        raise UserErrors(unreadable + [_sentence(path, kind, names) for kind, names in problems.items()])
    return verdicts


def _add(
    verdicts: Verdicts, image: str, text: str, images: set[str], classes: Sequence[str]
) -> tuple[Kind, str] | None:
    """Add the verdict of one row, or return what is wrong with it: the kind, and what follows the image's name."""
    word, colon, rest = text.partition(":")
    kind = f"{word.strip().lower()}{colon}"
    if kind in record.OF_PAIRS:
        other = tables.image_name(rest.strip())
        if other not in images or other == image:
            return NO_PAIR, f" ({text.strip()})"
        pair = min(image, other), max(image, other)
        if verdicts.pairs.setdefault(pair, kind) != kind:
            return CONTRADICTORY, f" (the same object as {other}, and a different one)"
        return None
    if kind not in (record.KEEP, record.REMOVE, record.CLASS):
        return NO_VERDICT, f" ({text.strip() or 'empty'})"
    if kind == record.CLASS and rest not in classes:
        close = get_close_matches(rest, classes, n=3) or classes
        names = join([printable(name) for name in close], MOST_CLASSES, "or")
        return ("moves images to a class that does not exist,", f"write {names}."), f" ({text.strip()})"
    verdict = f"{kind}{rest}" if colon else kind
    if (earlier := verdicts.labels.setdefault(image, verdict)) != verdict:
        return CONTRADICTORY, f" ({earlier} and {verdict})"
    return None


def _digests(folder: Path, images: Sequence[str]) -> Iterable[str | UserError]:
    """The digest of the pixels of each image, or the error of one that cannot be read."""

    def digest(image: str) -> str | UserError:
        try:
            return decoding.decode(folder / image).digest
        except UserError as error:
            return error

    return progress_bar(parallel.ordered_map(digest, images), "decoding", len(images))


def _sentence(path: Path, kind: Kind, names: Iterable[str]) -> str:
    begin, end = kind
    return f"{path} {begin} {join([printable(name) for name in dict.fromkeys(names)], NAMED)}: {end}"
