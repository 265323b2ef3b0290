"""The CSV file of groups: which images must go to the same split."""

import csv
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from transfer.interface.errors import UserError, UserErrors

COLUMNS = ("path", "group")


def read_groups(path: Path, images: Collection[str]) -> dict[str, str]:
    """The group of each image that a CSV file with the columns path and group lists.

    Args:
        images: the paths that the file may list, with forward slashes.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
        UserErrors: one sentence for each path that is unknown, is listed twice, or has no group.
    """
    try:
        # Excel begins UTF-8 with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: GROUPS must be a CSV file with the columns path and group.") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a CSV file ({error}): its columns must be path and group.") from None
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise UserError(f"{path} has no column {' and no column '.join(missing)}: its first line must be path,group.")
    groups: dict[str, str] = {}
    errors = []
    for row in rows:
        name, group = (row[column] or "" for column in COLUMNS)
        image = PurePosixPath(name).as_posix()
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
