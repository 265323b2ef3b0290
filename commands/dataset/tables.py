"""The CSV files that users write for `make dataset` and `make relabel`, also with a spreadsheet program."""

import csv
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from transfer.interface.errors import UserError

# Where a comma is the decimal sign, spreadsheet programs write semicolons.
SEPARATORS = (",", ";", "\t")


def read_rows(path: Path, variable: str, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a CSV file, with the text of each of the columns; a missing cell is empty.

    The columns are separated by commas, or by semicolons or tabs where the first line has no comma.

    Args:
        variable: what the user calls the file, such as GROUPS.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
    """
    try:
        # Excel begins UTF-8 with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = next((sign for sign in SEPARATORS if sign in first), SEPARATORS[0])
            reader = csv.DictReader(file, strict=True, delimiter=separator)
            present, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: {variable} must be a CSV file with the columns {' and '.join(columns)}."
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(
            f"{path} cannot be read as a CSV file ({error}): its columns must be {' and '.join(columns)}."
        ) from None
    missing = [column for column in columns if column not in present]
    if missing:
        raise UserError(
            f"{path} has no column {' and no column '.join(missing)}: its first line must be {','.join(columns)}."
        )
    return [{column: row[column] or "" for column in columns} for row in rows]


def image_name(text: str) -> str:
    """The path of an image as a user may write it, in its usual form."""
    return PurePosixPath(text).as_posix()
