"""The dataset that exists: its images, as those of a source, and its groups."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from commands.dataset import groups, versions
from commands.dataset.source import SourceImage
from transfer.dataset import checks, listing
from transfer.interface.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """The dataset that exists.

    Attributes:
        images: the images; their names begin with the dataset's folder.
        group_of: the group of an image, by its place in the folder.
        notes: lines about groups of images that are gone.
        errors: sentences about splits that lack images, and about names of classes.
    """

    images: list[SourceImage]
    classes: list[str]
    group_of: dict[str, str]
    notes: list[str]
    errors: list[str]


def read() -> Dataset:
    """List the dataset without opening an image. Raises UserError if there is none."""
    if not versions.DVC_FILE.exists():
        raise UserError(f"{versions.DVC_FILE} is missing: to make a dataset of SOURCE, leave out ADD.")
    listed = listing.list_dataset(versions.DATASET)
    images = [image(versions.DATASET / entry.path, entry.path) for entry in listed.entries]
    group_of, gone = groups.read_stored({entry.path for entry in listed.entries})
    notes = [f"{len(gone)} rows of {groups.FILE} name images that are gone, such as {gone[0]}."] if gone else []
    return Dataset(images, listed.classes, group_of, notes, checks.class_errors(listed))


def image(path: Path, place: str) -> SourceImage:
    """An image of a split dataset, by its path there."""
    split, label, inside = place.split("/", 2)
    return SourceImage(path, f"{versions.DATASET}/{place}", label, split, inside)


def place(image: SourceImage) -> str:
    """The place of an image in a split dataset."""
    return f"{image.split}/{image.label}/{image.inside}"


def with_groups(
    dataset: Dataset, groups_file: Path | None, images: Collection[SourceImage]
) -> tuple[dict[str, str], list[str]]:
    """The group of an image of the dataset or of the source, by name, and sentences about what contradicts.

    Args:
        groups_file: the user's file. It may also give images of the dataset a group, if they have none.
        images: those of the source.
    """
    stored = {f"{versions.DATASET}/{place}": group for place, group in dataset.group_of.items()}
    names = {image.name for image in (*dataset.images, *images)}
    added = groups.read_groups(groups_file, names) if groups_file else {}
    errors = [
        f"{groups_file} has the group {group} for {name}, whose group in {groups.FILE} is {stored[name]}: remove the "
        "line."
        for name, group in added.items()
        if stored.get(name, group) != group
    ]
    return stored | added, errors + checks.name_errors([*stored.values(), *added.values()], "groups")
