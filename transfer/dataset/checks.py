"""Checks of a split dataset. Each returns sentences, so that a user sees everything that is wrong at once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from transfer.dataset.listing import DatasetListing
from transfer.loading.prepared import SPLITS


def split_errors(listing: DatasetListing, shares: Mapping[str, float], tolerance: float, remedy: str) -> list[str]:
    """What is wrong with the folders, and with the splits' shares if each split has images."""
    errors = class_errors(listing)
    if all(listing.images.values()):
        errors += share_errors(listing.folder, listing.images, shares, tolerance, remedy)
    return errors


def class_errors(listing: DatasetListing) -> list[str]:
    """A sentence for each split that is missing, and for each class that a split lacks."""
    counts = Counter((entry.split, entry.label) for entry in listing.entries)
    errors = [
        f"{listing.folder}/{split}/ is missing: a dataset has the folders train, validation and test; "
        "`make dataset SOURCE=folder` makes them from class folders."
        for split in SPLITS
        if not (listing.folder / split).is_dir()
    ]
    if len(errors) == len(SPLITS):
        return errors
    if len(listing.classes) < 2:
        number = "one class" if listing.classes else "no class"
        errors.append(f"{listing.folder}/ has {number}: at least two are needed.")
    for split in SPLITS:
        for label in listing.classes:
            place = listing.folder / split / label
            if not place.parent.is_dir():
                continue
            if not place.is_dir():
                errors.append(f"{place}/ is missing, but another split has the class {label}: add the folder.")
            elif counts[split, label] == 0:
                errors.append(f"{place}/ has no image: add some, or remove the class from all three splits.")
    return errors


def share_errors(
    folder: Path, images: Mapping[str, int], shares: Mapping[str, float], tolerance: float, remedy: str
) -> list[str]:
    """A sentence for each split whose share of the images is too far from its target.

    Args:
        images: the number of images of each split.
        shares: the target share of each split.
        tolerance: the largest allowed distance from the target, inclusive.
        remedy: what to do about it; ends the sentence.
    """
    total = sum(images.values())
    return [
        f"{folder}/{split}/ holds {images[split] / total:.1%} of the {total} images, more than {tolerance:.1%} "
        f"from its target of {share:.0%}: {remedy}"
        for split, share in shares.items()
        if total and abs(images[split] / total - share) > tolerance + 1e-9
    ]


def duplicate_errors(folder: Path, digests: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each set of files, given as (path, digest), that have the same pixels."""
    paths = defaultdict(list)
    for path, digest in digests:
        paths[digest].append(path)
    return [
        f"{' and '.join(f'{folder}/{path}' for path in same)} are the same image: keep one."
        for same in paths.values()
        if len(same) > 1
    ]
