"""The results of the last run, as its files have them, and the state of the workspace that they belong to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd
import yaml

from commands.formatting.names import inline
from commands.formatting.tables import join
from commands.programs import output_of, succeeds
from commands.summary import MODELS
from transfer import params_file
from transfer.common import io
from transfer.common.io import NUMBER
from transfer.interface.errors import UserError

METRICS = "metrics/evaluate.json"
# How many files a sentence names.
MOST_NAMED = 3
REQUIRED_KEYS: io.RequiredKeys = {
    "selected": str,
    "selected_because": str,
    **{f"comparison.{name}_right": int for name in ("both", "only_train_tl", "only_finetune", "neither")},
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


CROSS_VALIDATION = "metrics/cross_validation.json"
INTERVAL = ("accuracy", "accuracy_low", "accuracy_high")
# What more images would give is null if there are too few for a learning curve.
GAIN = ("gain", "gain_low", "gain_high")
CROSS_VALIDATION_KEYS: io.RequiredKeys = {
    **dict.fromkeys(INTERVAL, NUMBER),
    **dict.fromkeys(("images", "folds", "repeats", "learning_curve.more_images"), int),
    **{"estimates": str, "notes": list, "classes": dict, "learning_curve.classes": dict},
    **{f"learning_curve.{name}": (*NUMBER, NoneType) for name in GAIN},
}


class Table(dict[tuple[str, ...], dict[Any, Any]]):
    """The rows of a CSV file, by the values of their text columns. Raises UserError for a missing row or column."""

    def __init__(self, path: str, text_columns: tuple[str, ...], number_columns: tuple[str, ...]):
        table = io.read_csv(path, text_columns)
        for name in number_columns:
            try:
                # A class without test images has no accuracy.
                table[name] = pd.to_numeric(table[name].replace("", None))
            except (KeyError, ValueError, TypeError):
                raise UserError(f"{path} has no column {name} with numbers: make it again with `dvc repro`.") from None
        super().__init__((tuple(row[name] for name in text_columns), row) for row in table.to_dict("records"))
        self.path = path

    def __missing__(self, key: tuple[str, ...]) -> dict[Any, Any]:
        raise UserError(f"{self.path} has no row for {' and '.join(key)}: make it again with `dvc repro`.")


def load_metrics() -> dict[str, Any]:
    """The metrics of `evaluate`. Raises UserError if a value that the page needs is missing."""
    near_duplicates = io.read_json(METRICS, REQUIRED_KEYS)["near_duplicates"]
    further: dict[str, type | tuple[type, ...]] = {}
    # These values may be null: without a remaining test image, and where validation was not compared with training.
    if near_duplicates["without"]["images"]:
        names = [f"{model}.{name}" for model in MODELS for name in ("accuracy", "accuracy_low", "accuracy_high")]
        further |= {f"near_duplicates.without.{name}": NUMBER for name in names}
    if near_duplicates.get("validation_in_train") is not None:
        further |= {f"near_duplicates.validation_in_train.{name}": int for name in ("images", "of")}
    return io.read_json(METRICS, further)


def load_cross_validation() -> dict[str, Any]:
    """The metrics of `cross_validate`. Raises UserError if a value that the page needs is missing."""
    metrics = io.read_json(CROSS_VALIDATION, CROSS_VALIDATION_KEYS)
    scores, gains = metrics["classes"], metrics["learning_curve"]["classes"]
    kinds = dict.fromkeys((*INTERVAL, "images"), NUMBER) | dict.fromkeys(GAIN, (*NUMBER, NoneType))
    try:
        for name in scores:
            of_class = scores[name] | gains[name]
            if not all(isinstance(of_class[key], kind) for key, kind in kinds.items()):
                raise TypeError
    except (LookupError, TypeError):
        raise UserError(
            f"{CROSS_VALIDATION} has no usable values for the class {inline(name)}: restore it, or make it again with "
            "`dvc repro`."
        ) from None
    return metrics


def workspace_state() -> str:
    """One sentence: the commit of the workspace, and whether the workspace has uncommitted changes."""
    if not succeeds("git", "rev-parse", "--verify", "HEAD", quiet=True):
        return "Nothing is committed yet."
    changed = " with uncommitted changes" if output_of("git", "status", "--porcelain", "--", ".") else ""
    return f"Commit {output_of('git', 'rev-parse', '--short', 'HEAD').strip()}{changed}."


def uncommitted_warning() -> str:
    """A warning that the workspace is not its last commit, with the files that differ; empty if there are none."""
    status = output_of("git", "status", "--porcelain", "--no-renames", "-z", "--", ".")
    names = [inline(line[3:]) for line in status.split("\0") if line]
    if not names:
        return ""
    return (
        f"{join(names, MOST_NAMED)} {'is' if len(names) == 1 else 'are'} not committed: this compares the workspace, "
        "which is not what the last commit has. Commit dvc.lock, metrics/ and plots/ together with what they belong to."
    )


def stages_of_other_data() -> list[str]:
    """The stages that ran on other data than those of the .dvc files.

    `dvc status` does not name them where the data are missing, as in a clone before `dvc pull`.
    """
    try:
        locked = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
        outs = yaml.safe_load(params_file.DATASET_FILE.read_text(encoding="utf-8"))["outs"]
        digests = {out["path"]: out["md5"] for out in outs}
        return [
            name
            for name, stage in locked.items()
            if any(digests.get(entry["path"], entry["md5"]) != entry["md5"] for entry in stage["deps"])
        ]
    except (OSError, yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        return []  # what is wrong with these files, `dvc status` says


def stale_warning(status: Mapping[str, Any], of_other_data: Sequence[str] = ()) -> str:
    """A warning that names the stages whose results do not belong to the workspace; empty if there are none.

    Missing files, as in a clone before `dvc pull`, do not make results stale.

    Args:
        status: the output of `dvc status --json`.
        of_other_data: further stages, that ran on other data.
    """
    entries = [entry for of_stage in status.values() for entry in of_stage if isinstance(entry, dict)]
    states = [of_path.items() for entry in entries for of_path in entry.values()]
    absent = [Path(path) for of_path in states for path, state in of_path if state in ("deleted", "not in cache")]

    def changed(entry: Any, kinds: Sequence[str]) -> bool:
        """Whether the stage itself changed, or a path or parameter: not a folder in which only files are absent."""
        if isinstance(entry, str):
            return "changed deps" in kinds
        paths = [path for kind, of_path in entry.items() if kind in kinds for path in of_path]
        return any(not any(file.is_relative_to(path) for file in absent) for path in paths)

    def stages(*kinds: str) -> list[str]:
        return [name for name, of_stage in status.items() if any(changed(entry, kinds) for entry in of_stage)]

    inputs = list(dict.fromkeys([*of_other_data, *stages("changed deps")]))
    outs = [name for name in stages("changed outs") if name not in inputs]
    sentences = []
    if inputs:
        sentences.append(
            "These results are older than the data, code or parameters in the workspace: `dvc status` names "
            f"{', '.join(inputs)}. Run `dvc repro` to update them."
        )
    if outs:
        sentences.append(
            f"dvc.lock records other results than the workspace has: `dvc status` names {', '.join(outs)}. Run `dvc "
            "repro`, and commit dvc.lock, metrics/ and plots/ together."
        )
    return " ".join(sentences)
