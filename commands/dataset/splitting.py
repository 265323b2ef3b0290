"""Which images go to train, validation and test: by class, by shares, by groups, and by what is in the images."""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from transfer.interface.errors import UserError, UserErrors

COLUMNS = ("path", "group")


def sizes(images: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, dict[str, int]]:
    """How many images of each class go to each split: at least one, and otherwise as near to the shares as can be.

    What rounding takes from a split in one class it gets back in the next, so that the shares of the whole hold too.

    Raises:
        Faults: a sentence for each class that has fewer images than there are splits.
    """
    small = [label for label in sorted(images) if images[label] < len(shares)]
    if small:
        least = f"{len(shares)} are the least, one a split."
        raise UserErrors([f"The class {label} has {images[label]} different images: {least}" for label in small])
    owed = dict.fromkeys(shares, 0.0)
    result = {}
    for label in sorted(images):
        given = dict.fromkeys(shares, 1)
        for split, share in shares.items():
            owed[split] += share * images[label] - 1
        for _ in range(images[label] - len(shares)):
            neediest = max(owed, key=lambda split: owed[split])
            given[neediest] += 1
            owed[neediest] -= 1
        result[label] = given
    return result


def assign(
    images: Iterable[tuple[str, str]], shares: Mapping[str, float], seed: int, groups: Mapping[str, str] | None = None
) -> dict[tuple[str, str], str]:
    """The split of each image, given as (class, digest); all images of a group go to the same split.

    Images are dealt out in an order that the seed and their own pixels settle: neither file names nor the order of
    listing matter, nor what the groups are called. Groups of several images go first, the largest to the smallest, each
    where it brings the classes nearest to their sizes; images on their own then fill up what is left. A large group
    mostly goes to the largest split, so that the others have many small ones: more objects for as many images.

    Args:
        groups: the group of an image, by digest. An image that is not in it is a group of its own; a group may hold
            images of several classes.

    Raises:
        Fault: a class has fewer images, or fewer groups, than there are splits, or no way was found to have it in every
            split.
    """
    drawn = sorted(images, key=lambda image: (hashlib.sha256(f"{seed}/{image[1]}".encode()).hexdigest(), image[0]))
    missing = sizes(Counter(label for label, _ in drawn), shares)
    members: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for label, digest in drawn:
        members[("group", groups[digest]) if groups and digest in groups else ("image", digest)].append((label, digest))
    left = Counter(label for group in members.values() for label in {label for label, _ in group})
    for label in missing:
        if left[label] < len(shares):
            raise UserError(
                f"The class {label} has {left[label]} groups of images: {len(shares)} are the least, one a split."
            )

    without = {label: list(shares) for label in missing}

    def place(group: list[tuple[str, str]]) -> str:
        counts = Counter(label for label, _ in group)
        split = _neediest(counts, missing, left, without)
        for label, number in counts.items():
            missing[label][split] -= number
            left[label] -= 1
            without[label] = [other for other in without[label] if other != split]
        return split

    result: dict[tuple[str, str], str] = {}
    for group in sorted((group for group in members.values() if len(group) > 1), key=len, reverse=True):
        result |= dict.fromkeys(group, place(group))
    for label in missing:
        alone = [group[0] for group in members.values() if len(group) == 1 and group[0][0] == label]
        # Only how many a split gets depends on the groups: each split's share of them is one piece of their order
        numbers, dealt = Counter(place([image]) for image in alone), iter(alone)
        result |= {next(dealt): split for split in shares for _ in range(numbers[split])}
    for label, splits in without.items():
        if splits:
            raise UserError(
                f"The class {label} would have no image in {splits[0]}, since its groups hold other classes too, which "
                "have to go elsewhere: make the groups smaller."
            )
    return result


def _neediest(
    counts: Mapping[str, int],
    missing: Mapping[str, Mapping[str, int]],
    left: Mapping[str, int],
    without: Mapping[str, list[str]],
) -> str:
    """The split that a group should go to, given how many images of each class it holds.

    Where the last groups of a class are as many as the splits without it, only those come into question.

    Args:
        missing: how many images of each class each split still should get.
        left: how many groups of each class are not dealt out yet, this one included.
        without: the splits that have no image of a class yet.
    """
    splits = list(next(iter(missing.values())))
    urgent = [set(without[label]) for label in counts if left[label] <= len(without[label])]
    allowed = set(splits).intersection(*urgent) or set(splits)
    # Of the squares of what is missing, this takes away most: (m - n)^2 is m^2 - 2mn + n^2, and n^2 is the same for all
    return max(
        (split for split in splits if split in allowed),
        key=lambda split: sum(number * missing[label][split] for label, number in counts.items()),
    )


def read_groups(path: Path, images: Collection[str]) -> dict[str, str]:
    """The group of each image that a CSV file with the columns path and group lists.

    Args:
        images: the paths that may stand in it, with forward slashes.

    Raises:
        Fault: the file is missing, is no table, or lacks a column.
        Faults: a sentence for each path that is unknown, that stands there twice, or that has no group.
    """
    try:
        # Excel puts a mark in front of UTF-8
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: GROUPS is a CSV file with the columns path and group.") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a CSV file ({error}): its columns are path and group.") from None
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise UserError(f"{path} has no column {' and no column '.join(missing)}: its first line must be path,group.")
    found: dict[str, str] = {}
    faults = []
    for row in rows:
        name, group = (row[column] or "" for column in COLUMNS)
        image = PurePosixPath(name).as_posix()
        if image not in images:
            faults.append(f"{path} lists {name!r}, which is no image in SOURCE: a path is as in glass/1.jpg.")
        elif image in found:
            faults.append(f"{path} lists {image} twice: keep one line of it.")
        elif not group:
            faults.append(f"{path} gives {image} no group: name one, or leave the line out.")
        else:
            found[image] = group
    if faults:
        raise UserErrors(faults)
    return found
