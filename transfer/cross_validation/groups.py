"""Groups: images that are held out together, because they show one object or belong together in another way.

A head that has seen one photograph of an object recognises the next one. Held out alone, the image would measure that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from transfer.common import io
from transfer.cross_validation.pool import Pool
from transfer.interface.errors import UserErrors
from transfer.loading.features import ImageFeatures
from transfer.loading.similarity import BLOCK, Index

COLUMNS = ("path", "group")
# How many near-duplicates of an image count: with more, it is joined to others through these.
NEIGHBORS = 8


@dataclass(frozen=True)
class Grouping:
    """Which images are held out together.

    Attributes:
        group: the number of each image's group (images,).
        folds: the number of folds that every class can fill.
        notes: what a reader of the results has to know, one sentence each.
    """

    group: np.ndarray
    folds: int
    notes: list[str]


def group_images(pool: Pool, by_user: Mapping[int, str], threshold: float, wanted: int) -> Grouping:
    """Group images by the user's groups and by near-duplicates.

    Args:
        by_user: the user's groups, by row.
        threshold: the cosine from which two images count as near-duplicates.
        wanted: the number of folds that is asked for; a class with fewer images or groups gives fewer.

    Raises:
        UserErrors: one sentence for each class whose images are all in one of the user's groups.
    """
    group, _ = join(pool.labels, by_user, [], wanted)
    folds, reason = number_of_folds(pool.labels, group, pool.classes, wanted)
    pairs = near_duplicates(pool, threshold)
    group, apart = join(pool.labels, by_user, pairs, folds)
    notes = [reason] if reason else []
    if by_user:
        notes.append(f"{len(by_user)} of {len(pool)} images have a group in the file of groups.")
    if pairs:
        joined = f"{len(pool) - len(np.unique(group))} images are held out together with another one"
        notes.append(f"{joined}, for their group or as near-duplicates (cosine of at least {threshold:g}).")
    if apart:
        notes.append(f"{apart} pairs of near-duplicates may be apart: joined, they would be larger than a fold.")
    return Grouping(group, folds, notes)


def number_of_folds(labels: np.ndarray, groups: np.ndarray, classes: Sequence[str], wanted: int) -> tuple[int, str]:
    """The number of folds that every class can fill with groups of its own, and a sentence if it is not `wanted`.

    Args:
        labels, groups: the class number and the group number of each image (images,).

    Raises:
        UserErrors: one sentence for each class whose images are all in one group.
    """
    sizes = [len(np.unique(groups[labels == label])) for label in range(len(classes))]
    if min(sizes) < 2:
        sentences = [
            f"All training and validation images of {name} are in one group, so none can be held out: divide the "
            f"group in dataset_groups.csv, or add images of {name}."
            for name, size in zip(classes, sizes, strict=True)
            if size < 2
        ]
        raise UserErrors(sentences)
    folds = min(wanted, *sizes)
    if folds == wanted:
        return folds, ""
    smallest = classes[sizes.index(folds)]
    images = int(np.count_nonzero(labels == sizes.index(folds)))
    grouped = "" if images == folds else f" in {folds} groups"
    return folds, f"{folds} folds and not {wanted}, because {smallest} has only {images} images{grouped}."


def read_groups(path: Path, pool: Pool) -> dict[int, str]:
    """The groups of a CSV file with the columns path and group, by row of the pool. Without a file, there are none.

    The file may list test images, too: they play no part here.

    Raises:
        UserError: the file is not a table, or lacks a column.
        UserErrors: one sentence for each training or validation image that does not exist or is listed twice, and for
            each row without a group.
    """
    if not path.exists():
        return {}
    rows = {name: row for row, name in enumerate(pool.paths)}
    groups: dict[int, str] = {}
    errors = []
    # Excel begins UTF-8 with a byte order mark.
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = io.parse_csv(file, str(path), f"its columns must be {' and '.join(COLUMNS)}", COLUMNS)
    for written, group in table[list(COLUMNS)].itertuples(index=False):
        name = PurePosixPath(written).as_posix()
        if not group:
            errors.append(f"{path} has no group for {name}: name one, or remove the line.")
        elif name in rows and rows[name] in groups:
            errors.append(f"{path} lists {name} twice: keep one of the lines.")
        elif name in rows:
            groups[rows[name]] = group
        elif name.partition("/")[0] in pool.splits:
            errors.append(
                f"{path} lists {name}, which is not in dataset_images/: correct the path, or remove the line."
            )
    if errors:
        raise UserErrors(errors)
    return groups


def near_duplicates(pool: Pool, threshold: float, block: int = BLOCK) -> list[tuple[int, int]]:
    """The pairs of rows whose features have a cosine of at least `threshold`, the most similar pair first.

    Only the `NEIGHBORS` nearest images of each are paired with it.
    """
    images = ImageFeatures(pool.features)
    # Each image is similar to itself, too.
    similar = Index(images).similar_pairs(images, threshold, NEIGHBORS + 1, block)
    similar = similar[similar.rows != similar.others].first(NEIGHBORS)
    pairs = {
        (min(row, other), max(row, other)): cosine
        for row, other, cosine in zip(
            similar.rows.tolist(), similar.others.tolist(), similar.cosines.tolist(), strict=True
        )
    }
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))


def join(
    labels: np.ndarray, groups: Mapping[int, str], pairs: Sequence[tuple[int, int]], folds: int
) -> tuple[np.ndarray, int]:
    """The number of each image's group (images,), and how many near-duplicates could not be joined.

    Near-duplicates are joined as long as no class has more images in their group than a fold holds: chains of similar
    images would otherwise join a whole class. Groups of the user stay together whatever their size.

    Args:
        labels: class numbers (images,).
        groups: the user's groups, by row.
        pairs: near-duplicates, the most similar pair first.
    """
    group = np.arange(len(labels))
    first_of: dict[str, int] = {}
    for row, name in groups.items():
        group[row] = first_of.setdefault(name, row)
    members = {int(number): np.flatnonzero(group == number) for number in np.unique(group)}
    largest = np.maximum(np.bincount(labels) // folds, 1)
    apart = 0
    for one, other in pairs:
        kept, joined = sorted((int(group[one]), int(group[other])))
        if kept == joined:
            continue
        together = np.concatenate([members[kept], members[joined]])
        if np.any(np.bincount(labels[together], minlength=len(largest)) > largest):
            apart += 1
            continue
        group[members.pop(joined)] = kept
        members[kept] = together
    return np.unique(group, return_inverse=True)[1], apart
