"""The one writer and the one reader of JSON and of CSV."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import pandas as pd

from transfer.common import atomic
from transfer.interface.errors import UserError

DECIMALS = 6
# The keys that a JSON file must have: dotted names, and the type of each value.
RequiredKeys = Mapping[str, type | tuple[type, ...]]
NUMBER = (int, float)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic.text_file(path) as file:
        file.write(text)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON; floats are rounded to 6 decimals."""
    write_text(path, json.dumps(round_floats(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path, required: RequiredKeys = MappingProxyType({})) -> Any:
    """Read JSON.

    Raises:
        UserError: the file is missing, is not JSON, or lacks a required key.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` to make it.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON ({error}): restore it, or make it again with `dvc repro`.") from None
    for name, kind in required.items():
        value = content
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            raise UserError(f"{path} has no usable value for {name}: restore it, or make it again with `dvc repro`.")
    return content


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table without its index; floats are rounded to 6 decimals."""
    write_text(path, table.round(DECIMALS).to_csv(index=False, lineterminator="\n"))


def read_csv(path: str | Path, text_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table. `text_columns` are required and stay text, so that a class named `007` or `NA` keeps its name.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return parse_csv(file, str(path), "make it again with `dvc repro`", text_columns)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` to make it.") from None


def parse_csv(file: TextIO, name: str, advice: str, text_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table from an open file; see `read_csv`.

    Args:
        name: what an error message calls the file.
        advice: what an error message tells the user to do.
    """
    try:
        table = pd.read_csv(file, dtype=dict.fromkeys(text_columns, str), keep_default_na=False)
        if missing := [column for column in text_columns if column not in table.columns]:
            raise ValueError(f"no column {missing[0]}")
        return table
    except ValueError as error:  # the base class of pandas' parser errors and of decoding errors
        raise UserError(f"{name} is not a valid table ({' '.join(str(error).split())}): {advice}.") from None


def round_floats(value: Any) -> Any:
    """`value` with every float in it, at any depth, rounded to 6 decimals."""
    if isinstance(value, dict):
        return {key: round_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_floats(item) for item in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value
