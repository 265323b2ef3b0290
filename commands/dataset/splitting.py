"""Which image goes to which split: by class, shares and groups, in an order that seed and pixels determine."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from transfer.interface.errors import UserError, UserErrors


def sizes(images: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, dict[str, int]]:
    """How many images of each class go to each split: at least one, otherwise as close to the shares as possible.

    If rounding takes an image from a split in one class, the split gets it back in the next class, so that the shares
    also hold over all classes.

    Raises:
        UserErrors: one sentence for each class that has fewer images than there are splits.
    """
    small = [label for label in sorted(images) if images[label] < len(shares)]
    if small:
        needed = f"at least {len(shares)} are needed, one for each split."
        raise UserErrors([f"The class {label} has {images[label]} different images: {needed}" for label in small])
    owed = dict.fromkeys(shares, 0.0)
    sizes_of_class = {}
    for label in sorted(images):
        of_split = dict.fromkeys(shares, 1)
        for split, share in shares.items():
            owed[split] += share * images[label] - 1
        for _ in range(images[label] - len(shares)):
            neediest = max(owed, key=lambda split: owed[split])
            of_split[neediest] += 1
            owed[neediest] -= 1
        sizes_of_class[label] = of_split
    return sizes_of_class


def shares(images: Mapping[str, int]) -> dict[str, float]:
    """The share of each split, to 3 decimals; the last is what the others leave, so that all add up to 1.

    Args:
        images: the number of images of each split.
    """
    *others, last = images
    rounded = {split: round(images[split] / sum(images.values()), 3) for split in others}
    return rounded | {last: round(1 - sum(rounded.values()), 3)}


def assign(
    images: Iterable[tuple[str, str]],
    shares: Mapping[str, float],
    seed: int,
    groups: Mapping[str, str] | None = None,
    present: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[tuple[str, str], str]:
    """The split of each image (class, digest). All images of a group go to the same split.

    The seed and the digests determine the order in which images are assigned. File names, the names of groups and the
    order of `images` do not matter. Groups of several images are assigned first, from the largest to the smallest, each
    to the split that brings the classes closest to their sizes; single images then fill up the rest. A large group
    mostly goes to the largest split, so that the other splits get many small groups: more objects for as many images.

    Args:
        groups: the group of an image, by digest. An image without an entry is a group of its own. A group may hold
            images of several classes.
        present: how many images of each class each split has already. They stay there, and count towards its shares.

    Raises:
        UserError: a class has fewer groups than there are splits, or the groups of a class could not be assigned to
            every split.
        UserErrors: one sentence for each class that has fewer images than there are splits.
    """
    ordered = sorted(images, key=lambda image: (hashlib.sha256(f"{seed}/{image[1]}".encode()).hexdigest(), image[0]))
    present = present or {}
    filled = {label: sum(numbers.values()) for label, numbers in present.items()}
    missing = sizes(Counter(label for label, _ in ordered) + Counter(filled), shares)
    for label, numbers in present.items():
        for split in shares:
            missing[label][split] -= numbers.get(split, 0)
    empty = {label: [split for split in shares if not present.get(label, {}).get(split)] for label in missing}
    members: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for label, digest in ordered:
        members[("group", groups[digest]) if groups and digest in groups else ("image", digest)].append((label, digest))
    left = Counter(label for group in members.values() for label in {label for label, _ in group})
    for label in missing:
        if left[label] < len(empty[label]):
            raise UserError(
                f"The class {label} has {left[label]} groups of images: at least {len(empty[label])} are needed, one "
                f"for each split{' that has none' if label in present else ''}."
            )

    def place(group: list[tuple[str, str]]) -> str:
        counts = Counter(label for label, _ in group)
        split = _neediest(counts, missing, left, empty)
        for label, number in counts.items():
            missing[label][split] -= number
            left[label] -= 1
            empty[label] = [other for other in empty[label] if other != split]
        return split

    splits: dict[tuple[str, str], str] = {}
    for group in sorted((group for group in members.values() if len(group) > 1), key=len, reverse=True):
        splits |= dict.fromkeys(group, place(group))
    for label in missing:
        single = [group[0] for group in members.values() if len(group) == 1 and group[0][0] == label]
        # The groups determine only how many of these images a split gets. Each split gets one contiguous piece of their
        # order.
        numbers, remaining = Counter(place([image]) for image in single), iter(single)
        splits |= {next(remaining): split for split in shares for _ in range(numbers[split])}
    for label, without_image in empty.items():
        if without_image:
            raise UserError(
                f"The class {label} would have no image in {without_image[0]}, because its groups also hold images of "
                "other classes, which must go to another split: make the groups smaller."
            )
    return splits


def _neediest(
    counts: Mapping[str, int],
    missing: Mapping[str, Mapping[str, int]],
    left: Mapping[str, int],
    empty: Mapping[str, list[str]],
) -> str:
    """The split that a group should go to.

    If a class has no more groups left than splits without an image of it, only those splits are considered.

    Args:
        counts: how many images of each class the group holds.
        missing: how many images of each class each split should still get.
        left: how many groups of each class are not assigned yet, including this one.
        empty: the splits that have no image of a class yet.
    """
    splits = list(next(iter(missing.values())))
    urgent = [set(empty[label]) for label in counts if left[label] <= len(empty[label])]
    allowed = set(splits).intersection(*urgent) or set(splits)
    # This split reduces the sum of squares of what is missing the most: (m - n)^2 is m^2 - 2mn + n^2, and n^2 is the
    # same for every split.
    return max(
        (split for split in splits if split in allowed),
        key=lambda split: sum(number * missing[label][split] for label, number in counts.items()),
    )
