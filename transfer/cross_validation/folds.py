"""Repeated stratified folds, dealt by the digests of the pixels.

Images of a class are sorted by a hash of the seed, the repeat and their digest, and the sorted row is cut into folds of
equal size. The folds therefore depend neither on names nor on the order of the files, two commits of the same data have
the same ones, and an image that is added moves few others: those at the cuts.
"""

import hashlib

import numpy as np

from transfer.cross_validation.pool import Pool


def deal(pool: Pool, groups: np.ndarray, folds: int, *seeds: int) -> np.ndarray:
    """The number of the fold in which each image is held out (images,), counted from 0.

    Groups of several images are dealt first, the largest first, each to the fold that has the fewest of its classes.
    The other images fill the folds up.

    Args:
        groups: the number of each image's group (images,).
        seeds: the seed and the number of the repeat.
    """
    labels, classes = pool.labels, pool.classes
    fold = np.full(len(pool), -1)
    sizes = np.bincount(labels, minlength=len(classes))
    counts = np.zeros((folds, len(classes)))
    hashes = np.array([_hash(digest, *seeds) for digest in pool.digests])
    for members in _groups_of_several(groups, hashes):
        own = np.bincount(labels[members], minlength=len(classes))
        crowding = (((counts + own) ** 2 - counts**2) / sizes**2).sum(axis=1)
        ties = np.flatnonzero(crowding == crowding.min())
        chosen = ties[hashes[members].min() % len(ties)]
        fold[members] = chosen
        counts[chosen] += own
    for label, name in enumerate(classes):
        rows = np.flatnonzero((labels == label) & (fold == -1))
        rows = rows[np.argsort(hashes[rows], kind="stable")]
        # Each class begins at another fold, so that the odd images of many small classes do not meet in one fold.
        order = np.roll(np.arange(folds), _hash(name, *seeds) % folds)
        missing = np.maximum(sizes[label] / folds - counts[order, label], 0)
        cuts = np.round(np.cumsum(missing) / max(missing.sum(), 1) * len(rows)).astype(int) if len(rows) else []
        fold[rows] = order[np.searchsorted(cuts, np.arange(len(rows)), side="right").clip(max=folds - 1)]
    return fold


def _groups_of_several(groups: np.ndarray, hashes: np.ndarray) -> list[np.ndarray]:
    """The rows of each group of more than one image, the largest group first."""
    by_group = np.argsort(groups, kind="stable")
    members = np.split(by_group, np.flatnonzero(np.diff(groups[by_group])) + 1)
    return sorted((rows for rows in members if len(rows) > 1), key=lambda rows: (-len(rows), hashes[rows].min()))


def _hash(text: str, *seeds: int) -> int:
    digest = hashlib.blake2b(f"{seeds} {text}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")
