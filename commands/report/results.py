"""What the last run found, as its files say it, and of which commit it is."""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd

from commands.programs import answer, succeeds
from commands.summary import MODELS
from transfer.common import io
from transfer.common.io import NUMBER
from transfer.interface.errors import UserError

METRICS = "metrics/evaluate.json"
SPLITS = ("train", "validation", "test")
NEEDED: io.RequiredKeys = {
    "selected": str,
    "selected_because": str,
    "comparison.verdict": str,
    "near_duplicates.threshold": NUMBER,
    "near_duplicates.compared_with": str,
    "near_duplicates.highest_cosine": NUMBER,
    "near_duplicates.images": int,
    "near_duplicates.without.images": int,
    **{
        f"{model}.{name}": NUMBER
        for model in MODELS
        for name in (
            "accuracy",
            "accuracy_low",
            "accuracy_high",
            "top2_accuracy",
            "top2_accuracy_low",
            "top2_accuracy_high",
            "macro_f1",
            "expected_calibration_error",
            "mean_class_accuracy",
            "mean_without_worst",
        )
    },
    **{f"{model}.mean_without_two_worst": (*NUMBER, NoneType) for model in MODELS},
    **{f"{model}.classes": dict for model in MODELS},
}


class Table(dict[tuple[str, ...], dict[Any, Any]]):
    """The rows of a CSV by what their text columns say; a row or a column that is not there is a Fault."""

    def __init__(self, path: str, text_columns: tuple[str, ...], number_columns: tuple[str, ...]):
        found = io.read_csv(path, text_columns)
        for name in number_columns:
            if name not in found or not pd.api.types.is_numeric_dtype(found[name]):
                raise UserError(f"{path} has no column {name} of numbers: make it anew with `dvc repro`.")
        super().__init__((tuple(row[name] for name in text_columns), row) for row in found.to_dict("records"))
        self.path = path

    def __missing__(self, key: tuple[str, ...]) -> dict[Any, Any]:
        raise UserError(f"{self.path} has no row of {' and '.join(key)}: make it anew with `dvc repro`.")


def evaluated() -> dict[str, Any]:
    """The metrics of `evaluate`. Raises Fault if something is missing that the page says; what may be null may."""
    near = io.read_json(METRICS, NEEDED)["near_duplicates"]
    further: dict[str, type | tuple[type, ...]] = {}
    if near["without"]["images"]:
        names = [f"{model}.{name}" for model in MODELS for name in ("accuracy", "accuracy_low", "accuracy_high")]
        further |= {f"near_duplicates.without.{name}": NUMBER for name in names}
    if near.get("validation_in_train") is not None:
        further |= {f"near_duplicates.validation_in_train.{name}": int for name in ("images", "of")}
    return io.read_json(METRICS, further)


def state() -> str:
    """In a sentence, which commit the workspace is of, and whether it is still that."""
    if not succeeds("git", "rev-parse", "--verify", "HEAD", quiet=True):
        return "Nothing is committed yet."
    changed = " with uncommitted changes" if answer("git", "status", "--porcelain") else ""
    return f"Commit {answer('git', 'rev-parse', '--short', 'HEAD').strip()}{changed}."


def stale(status: Mapping[str, Any]) -> str:
    """In a sentence, of which stages the results are not of what is in the workspace; nothing if there are none.

    What is merely not here, as in a clone before `dvc pull`, makes no result an old one.

    Args:
        status: what `dvc status --json` says.
    """
    entries = [entry for found in status.values() for entry in found if isinstance(entry, dict)]
    states = [of.items() for entry in entries for of in entry.values()]
    absent = [Path(path) for of in states for path, state in of if state in ("deleted", "not in cache")]

    def changed(entry: Any) -> bool:
        """Whether a path or a parameter is otherwise, or the stage itself: not a folder that only lacks something."""
        if isinstance(entry, str):
            return True
        return any(not any(lacked.is_relative_to(path) for lacked in absent) for of in entry.values() for path in of)

    if names := [name for name, found in status.items() if any(map(changed, found))]:
        return (
            "These results are older than the data, code or parameters in the workspace: `dvc status` names "
            f"{', '.join(names)}. Run `dvc repro` to make them anew."
        )
    return ""
