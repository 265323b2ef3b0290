"""The CSV file of groups: which images must go to the same split."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from commands.dataset import tables
from transfer.common import io
from transfer.interface.errors import UserErrors

COLUMNS = ("path", "group")
# Where the stage cross_validate reads the groups of the dataset: whose images are held out together.
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


def write_groups(groups: Mapping[str, str]) -> None:
    """Keep the group of each place in the dataset that has one."""
    io.write_csv(FILE, pd.DataFrame(sorted(groups.items()), columns=COLUMNS))
