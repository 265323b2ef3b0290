"""Listing the images of a dataset: a folder for each split, in it a folder for each class, in it images."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from transfer.dataset import decoding
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS


@dataclass(frozen=True)
class ImageEntry:
    """An image of the dataset; `path` is relative to the dataset's folder, with forward slashes."""

    split: str
    label: str
    path: str


@dataclass(frozen=True)
class DatasetListing:
    """The files of a dataset.

    Attributes:
        entries: the images, sorted by split, class and path.
        classes: the names of all class folders, sorted.
        skipped: the files that are not images.
    """

    folder: Path
    entries: list[ImageEntry]
    classes: list[str]
    skipped: list[str]

    @property
    def images(self) -> dict[str, int]:
        """The number of images of each split."""
        counts = Counter(entry.split for entry in self.entries)
        return {split: counts[split] for split in SPLITS}


def list_dataset(folder: Path) -> DatasetListing:
    """List a split dataset without opening a file.

    Raises:
        UserError: the folder is missing.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}/ is missing: run `dvc pull {folder}.dvc`, or `make dataset SOURCE=folder` for your own images."
        )
    entries, skipped = [], []
    present = [split for split in SPLITS if (folder / split).is_dir()]
    for split in present:
        for label in class_folders(folder / split):
            images, others = list_images(folder / split / label)
            entries += [ImageEntry(split, label, path.relative_to(folder).as_posix()) for path in images]
            skipped += [path.relative_to(folder).as_posix() for path in others]
        skipped += [path.relative_to(folder).as_posix() for path in (folder / split).iterdir() if path.is_file()]
    classes = sorted({label for split in present for label in class_folders(folder / split)})
    return DatasetListing(folder, entries, classes, sorted(skipped))


def class_folders(folder: Path) -> list[str]:
    """The names of the class folders in a folder, sorted; hidden folders do not count."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not decoding.is_hidden(path))


def list_images(folder: Path, on_error: Callable[[OSError], None] | None = None) -> tuple[list[Path], list[Path]]:
    """The images below a class folder, and everything else (files and links to folders), each sorted by path.

    Everything with the name of an image counts as one, so that a folder or a dangling link of such a name is reported
    and not skipped.

    Args:
        on_error: called with the error of each folder that cannot be read; without it, that error is raised.
    """
    images: list[Path] = []
    others: list[Path] = []
    for path in sorted(_walk(folder, on_error)):
        hidden = any(decoding.is_hidden(Path(part)) for part in path.relative_to(folder).parts)
        if decoding.is_image(path) and not hidden:
            images.append(path)
        elif path.is_file() or path.is_symlink():
            others.append(path)
    return images, others


def _walk(folder: Path, on_error: Callable[[OSError], None] | None) -> Iterator[Path]:
    """Everything below a folder; links to folders are not followed.

    `Path.rglob` would silently skip a folder that may not be read.
    """
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        if on_error is None:
            raise
        on_error(error)
        return
    for path in inside:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, on_error)
