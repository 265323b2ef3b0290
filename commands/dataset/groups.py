"""Groups of images that must be in the same split: the CSV file that a user writes, and the one of the dataset.

The groups of the dataset are in Git, beside `dataset_images.dvc`, so that later images of a group go to its split.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from commands.dataset import tables
from transfer.common import io
from transfer.interface.errors import UserErrors

COLUMNS = ("path", "group")
FILE = Path("dataset_groups.csv")


def read_groups(path: Path, images: Collection[str]) -> dict[str, str]:
    """The group of each image that a CSV file with the columns path and group lists.

    Args:
        images: the paths that the file may list, with forward slashes.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
        UserErrors: one sentence for each path that is unknown, is listed twice, or has no group.
    """
    groups: dict[str, str] = {}
    errors = []
    for row in tables.read_rows(path, "GROUPS", COLUMNS):
        name, group = row["path"], row["group"]
        image = tables.image_name(name)
        if image not in images:
            errors.append(
                f"{path} lists {name!r}, which is not an image in SOURCE: write paths relative to SOURCE, such as "
                "glass/1.jpg."
            )
        elif image in groups:
            errors.append(f"{path} lists {image} twice: keep one of the lines.")
        elif not group:
            errors.append(f"{path} has no group for {image}: name one, or remove the line.")
        else:
            groups[image] = group
    if errors:
        raise UserErrors(errors)
    return groups


def read_stored(places: Collection[str], file: Path = FILE) -> tuple[dict[str, str], list[str]]:
    """The groups of the dataset.

    Args:
        places: the paths of its images, relative to its folder.
        file: where the groups are.

    Returns:
        the group of an image, by path, and the paths in the file that are no longer in the dataset.

    Raises:
        UserError: the file is not a table, or lacks a column.
    """
    if not file.exists():
        return {}, []
    rows = tables.read_rows(file, "it", COLUMNS)
    groups = {row["path"]: row["group"] for row in rows if row["path"] in places and row["group"]}
    return groups, [row["path"] for row in rows if row["path"] not in places]


def write_stored(groups: Mapping[str, str]) -> None:
    """Write the groups of the dataset, by path. A file without any keeps its columns: a stage depends on it."""
    if groups or FILE.exists():
        io.write_csv(FILE, pd.DataFrame(sorted(groups.items()), columns=list(COLUMNS)))
