"""The images of a source: where each of them is, its class, and its split if the source has splits."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from commands.dataset import archive, layout
from transfer.dataset import checks, listing
from transfer.dataset.listing import LOOSE, Skipped
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS


@dataclass(frozen=True)
class SourceImage:
    """An image of a source.

    Attributes:
        path: the file.
        name: its path relative to the folder of class folders or splits, with forward slashes.
        split: None if the source has no splits.
        inside: its path inside the class folder.
    """

    path: Path
    name: str
    label: str
    split: str | None
    inside: str


@dataclass(frozen=True)
class Contents:
    """What a source holds.

    Attributes:
        top: the folder of class folders or splits.
        splits: the splits that the source has, in the usual order; empty if it holds class folders.
        skipped: what is not used, with its kind.
        notes: lines that say how the folders were understood.
        errors: sentences about classes without images.
    """

    top: Path
    images: list[SourceImage]
    splits: list[str]
    skipped: list[Skipped]
    notes: list[str]
    errors: list[str]

    @property
    def classes(self) -> list[str]:
        """The names of the classes that have images, sorted."""
        return sorted({image.label for image in self.images})

    @property
    def sizes(self) -> dict[str, int]:
        """The number of images of each split."""
        return {split: sum(image.split == split for image in self.images) for split in self.splits}


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a source; of a zip archive, a temporary one. Raises UserError if it is neither."""
    if path.is_dir():
        yield path
    else:
        with archive.extracted(path) as folder:
            yield folder


def read(folder: Path, present: Collection[str] = ()) -> Contents:
    """List a source without opening an image.

    Args:
        present: the classes of the dataset that the images are added to: the source then needs neither all classes nor
            two of them, and a split needs no image of each.

    Raises:
        UserError: the folders are ambiguous, or there are fewer classes than needed.
    """
    paths, skipped = listing.list_images(folder)
    relative = [PurePosixPath(path.relative_to(folder).as_posix()) for path in paths]
    recognized = layout.recognize(relative, present)
    top = folder / recognized.top
    places: list[tuple[str | None, PurePosixPath]] = [*recognized.splits.items()] or [(None, recognized.top)]

    images, labels_of = [], defaultdict(list)
    below: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for place in relative:
        for parent in place.parents:
            below[parent].append(place)
    for split, place in places:
        for label in listing.class_folders(folder / place):
            labels_of[split].append(label)
            for path in below[place / label]:
                name, inside = path.relative_to(recognized.top).as_posix(), path.relative_to(place / label).as_posix()
                images.append(SourceImage(folder / path, name, label, split, inside))
    classes = sorted({label for labels in labels_of.values() for label in labels})
    if present and not classes:
        raise UserError(f"{top}/ has no class folder: put the images into a folder with the name of their class.")
    if len(classes) < 2 and not present:
        number = "one class folder" if classes else "no class folder"
        raise UserError(f"{top}/ has {number}: at least two are needed, one for each class.")

    errors = checks.name_errors(classes, "classes")
    filled = {(image.split, image.label) for image in images}
    for split, place in places if not present else ():
        for label in classes:
            if label not in labels_of[split]:
                missing = "is missing, but another split has the class"
                errors.append(f"{folder / place / label}/ {missing} {label}: add the folder.")
            elif (split, label) not in filled:
                remedy = "remove the class from all splits" if split else "remove the folder"
                errors.append(f"{folder / place / label}/ has no image: add some, or {remedy}.")
    used = {image.path for image in images}
    elsewhere = [place for place in relative if not any(place.is_relative_to(other) for other in recognized.left_out)]
    skipped += [Skipped(folder / place, LOOSE) for place in elsewhere if folder / place not in used]
    notes = _notes(recognized, classes, {path: len(places) for path, places in below.items()})
    return Contents(top, images, [split for split in SPLITS if split in recognized.splits], skipped, notes, errors)


def _notes(recognized: layout.Layout, classes: list[str], numbers: dict[PurePosixPath, int]) -> list[str]:
    notes = []
    if recognized.shared:
        notes.append(
            f"The classes are {layout.listed(classes)}, although each of these folders holds "
            f"{layout.listed(recognized.shared)}: if those are the classes, put all images of a class into one folder."
        )
    if recognized.top != layout.TOP and not recognized.splits:
        notes.append(f"The class folders are those in {recognized.top}/.")
    if any(place.as_posix() != split for split, place in recognized.splits.items()):
        names = ", ".join(f"{place}/ is {split}" for split, place in recognized.splits.items())
        notes.append(f"The source is already split: {names}.")
    for place in recognized.left_out:
        notes.append(f"{place}/ is not a split: its {numbers[place]} images were left out.")
    return notes
