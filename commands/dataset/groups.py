"""The CSV file of groups: which images must go to the same split."""

from collections.abc import Collection
from pathlib import Path

from commands.dataset import tables
from transfer.interface.errors import UserErrors

COLUMNS = ("path", "group")


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
