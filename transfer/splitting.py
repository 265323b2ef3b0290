"""Which images go to train, validation and test: by class, by shares, and by what is in the images."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from transfer.faults import Faults


def sizes(images: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, dict[str, int]]:
    """How many images of each class go to each split: at least one, and otherwise as near to the shares as can be.

    What rounding takes from a split in one class it gets back in the next, so that the shares of the whole hold too.

    Raises:
        Faults: a sentence for each class that has fewer images than there are splits.
    """
    small = [label for label in sorted(images) if images[label] < len(shares)]
    if small:
        least = f"{len(shares)} are the least, one a split."
        raise Faults([f"The class {label} has {images[label]} different images: {least}" for label in small])
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


def assign(images: Iterable[tuple[str, str]], shares: Mapping[str, float], seed: int) -> dict[tuple[str, str], str]:
    """The split of each image, given as (class, digest).

    Images are dealt out in an order that the seed and their own pixels settle: neither file names nor the order of
    listing matter.
    """
    by_class = defaultdict(list)
    for label, digest in images:
        by_class[label].append(digest)
    counts = sizes({label: len(digests) for label, digests in by_class.items()}, shares)
    result: dict[tuple[str, str], str] = {}
    for label, digests in by_class.items():
        dealt = iter(sorted(digests, key=lambda digest: hashlib.sha256(f"{seed}/{digest}".encode()).hexdigest()))
        for split, number in counts[label].items():
            result |= {(label, next(dealt)): split for _ in range(number)}
    return result
