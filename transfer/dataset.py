"""The dataset on disk: a folder for each split, in it a folder for each class, in it images."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from transfer import images
from transfer.faults import Fault

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Entry:
    """An image of the dataset; `path` is relative to the dataset's folder, with forward slashes."""

    split: str
    label: str
    path: str


@dataclass(frozen=True)
class Listing:
    """What a dataset's folder holds: images in the order of split, class and path, and files that are no images."""

    folder: Path
    entries: list[Entry]
    classes: list[str]
    skipped: list[str]

    @property
    def images(self) -> dict[str, int]:
        """How many images each split has."""
        counts = Counter(entry.split for entry in self.entries)
        return {split: counts[split] for split in SPLITS}


def listing(folder: Path) -> Listing:
    """List a split dataset without opening a file.

    Raises:
        Fault: the folder is missing.
    """
    if not folder.is_dir():
        raise Fault(f"{folder}/ is missing: run `dvc pull {folder}.dvc`, or `make dataset SOURCE=folder` for your own.")
    entries, skipped = [], []
    there = [split for split in SPLITS if (folder / split).is_dir()]
    for split in there:
        for label in class_folders(folder / split):
            found, others = image_files(folder / split / label)
            entries += [Entry(split, label, path.relative_to(folder).as_posix()) for path in found]
            skipped += [path.relative_to(folder).as_posix() for path in others]
        skipped += [path.relative_to(folder).as_posix() for path in (folder / split).iterdir() if path.is_file()]
    classes = sorted({label for split in there for label in class_folders(folder / split)})
    return Listing(folder, entries, classes, sorted(skipped))


def class_folders(folder: Path) -> list[str]:
    """The names of the class folders in a folder, sorted; hidden ones do not count."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not images.is_hidden(path))


def image_files(folder: Path, refuse: Callable[[OSError], None] | None = None) -> tuple[list[Path], list[Path]]:
    """The images below a class folder and what is none, files and links to folders, each sorted by path.

    Whatever has the name of an image counts as one, so that a folder or a link to nowhere is told and not passed over.

    Args:
        refuse: called with the error of each folder that cannot be read; without it, that error is raised.
    """
    found: list[Path] = []
    others: list[Path] = []
    for path in sorted(_below(folder, refuse)):
        hidden = any(images.is_hidden(Path(part)) for part in path.relative_to(folder).parts)
        if images.is_image(path) and not hidden:
            found.append(path)
        elif path.is_file() or path.is_symlink():
            others.append(path)
    return found, others


def _below(folder: Path, refuse: Callable[[OSError], None] | None) -> Iterator[Path]:
    """Everything below a folder, links to folders not followed.

    `Path.rglob` would pass over a folder that may not be read.
    """
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        if refuse is None:
            raise
        refuse(error)
        return
    for path in inside:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path, refuse)


def split_faults(found: Listing, shares: Mapping[str, float], tolerance: float, remedy: str) -> list[str]:
    """What is wrong with a split dataset: its folders, and the splits' shares if each split has images."""
    faults = class_faults(found)
    if all(found.images.values()):
        faults += share_faults(found.folder, found.images, shares, tolerance, remedy)
    return faults


def class_faults(found: Listing) -> list[str]:
    """What is wrong with the folders: a sentence for each split that is missing, and for each class that one lacks."""
    counts = Counter((entry.split, entry.label) for entry in found.entries)
    faults = [
        f"{found.folder}/{split}/ is missing: a dataset has the folders train, validation and test; "
        "`make dataset SOURCE=folder` makes them from class folders."
        for split in SPLITS
        if not (found.folder / split).is_dir()
    ]
    if len(faults) == len(SPLITS):
        return faults
    if len(found.classes) < 2:
        faults.append(f"{found.folder}/ has {len(found.classes)} classes: two are the least.")
    for split in SPLITS:
        for label in found.classes:
            place = found.folder / split / label
            if not place.parent.is_dir():
                continue
            if not place.is_dir():
                faults.append(f"{place}/ is missing, though another split has the class {label}: add it.")
            elif counts[split, label] == 0:
                faults.append(f"{place}/ holds no image: add some, or remove the class from all three splits.")
    return faults


def share_faults(
    folder: Path, images: Mapping[str, int], shares: Mapping[str, float], tolerance: float, remedy: str
) -> list[str]:
    """What is wrong with the sizes of the splits: a sentence for each share too far from its target.

    Args:
        images: how many images each split has.
        shares: the share that each split should have of all images.
        tolerance: how far a share may be from its target, inclusive.
        remedy: what to do about it, to end the sentence.
    """
    total = sum(images.values())
    return [
        f"{folder}/{split}/ holds {images[split] / total:.1%} of the {total} images, more than {tolerance:.1%} "
        f"from its {share:.0%}: {remedy}"
        for split, share in shares.items()
        if total and abs(images[split] / total - share) > tolerance + 1e-9
    ]


def duplicate_faults(folder: Path, digests: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each set of files, given as (path, digest), whose pixels are the same."""
    paths = defaultdict(list)
    for path, digest in digests:
        paths[digest].append(path)
    return [
        f"{' and '.join(f'{folder}/{path}' for path in same)} are the same image: keep one."
        for same in paths.values()
        if len(same) > 1
    ]
