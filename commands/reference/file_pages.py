"""The pages of files and of metrics, from descriptions.yaml, checked against what the stages write."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from commands.reference.markdown import GENERATED, code, table
from transfer.common import io
from transfer.interface.errors import UserErrors

DESCRIPTIONS = Path(__file__).parent / "descriptions.yaml"
PLACEHOLDERS = {"model": ("train_tl", "finetune"), "split": ("train", "validation", "test")}

FILES_INTRODUCTION = """# Files

Every file that a stage writes. `<model>` is `train_tl` or `finetune`, `<split>` is `train`, `validation` or `test`.
What `evaluate` writes into `metrics/` and `plots/` is in Git; everything else is in DVC's cache.

"""
METRICS_INTRODUCTION = """# Metrics

Every key of the JSON files in `metrics/`. `<model>` is `train_tl` (transfer learning) or `finetune` (fine-tuned),
`<split>` is `train`, `validation` or `test`, `<class>` is the name of a class, and `<round>` counts the rounds of
fine-tuning from 1. Numbers are rounded to 6 decimals.

"""


def files() -> str:
    """The Markdown of the page of files. Raises UserErrors if descriptions and pipeline differ."""
    described = _descriptions()["files"]
    stage_of = {out: stage for stage, outs in pipeline_outs().items() for out in outs}
    if errors := file_errors(described, stage_of):
        raise UserErrors(errors)
    lines = [GENERATED, FILES_INTRODUCTION]
    # A file of both models is a file of two stages.
    of_model = {path: entry for described_path, entry in described.items() for path in expand(described_path, "model")}
    for stage in pipeline_outs():
        rows = [
            (code(path), entry["holds"])
            for path, entry in of_model.items()
            if stage_of[out_of(path, stage_of)] == stage
        ]
        lines.append(f"## {stage}\n\n{table(('file', 'holds'), rows)}\n")
    lines.append("## Columns of the tables\n\n")
    for path, entry in described.items():
        if "columns" in entry:
            rows = [(code(column), text) for column, text in entry["columns"].items()]
            lines.append(f"### {code(path)}\n\n{table(('column', 'holds'), rows)}\n")
    return "".join(lines).rstrip("\n") + "\n"


def metrics() -> str:
    """The Markdown of the page of metrics. Raises UserErrors if descriptions and committed metrics differ."""
    lines, errors = [GENERATED, METRICS_INTRODUCTION], []
    described = _descriptions()["metrics"]
    present = {path.as_posix(): metric_keys(path) for path in sorted(Path("metrics").glob("*.json"))}
    for path in {**described, **present}:
        keys = set(described.get(path, {}))
        errors += differences(path, "key", keys, with_null_sections(present.get(path, set()), keys))
    if errors:
        raise UserErrors(errors)
    for path, keys in described.items():
        rows = [(code(key), text) for key, text in keys.items()]
        lines.append(f"## {code(path)}\n\n{table(('key', 'value'), rows)}\n")
    return "".join(lines).rstrip("\n") + "\n"


def file_errors(described: dict[str, Any], outs: dict[str, str]) -> list[str]:
    """A sentence for each out, file and column without a description, and for each description of nothing."""
    errors = [f"{path} is described but belongs to no out." for path in described if out_of(path, outs) not in outs]
    paths = {concrete: path for path in described for concrete in expand(path)}
    errors += [
        f"The out {out} is not described: add it to {DESCRIPTIONS.name}."
        for out in outs
        if not any(Path(path).is_relative_to(out) for path in paths)
    ]
    for path in sorted((*Path("plots").rglob("*.?sv"), *Path("plots").rglob("*.json"), *Path("plots").rglob("*.png"))):
        if path.as_posix() not in paths:
            errors.append(f"{path} is not described: add it to {DESCRIPTIONS.name}.")
        elif path.suffix in (".csv", ".tsv"):
            columns = set(pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", nrows=0).columns)
            text = described[paths[path.as_posix()]].get("columns", {})
            errors += differences(path.as_posix(), "column", set(text), columns)
    return errors


def differences(path: str, kind: str, described: set[str], present: set[str]) -> list[str]:
    """A sentence for each key or column that is only described, or only present."""
    return [
        f"{path}: the {kind} {name} is not described: add it to {DESCRIPTIONS.name}."
        for name in sorted(present - described)
    ] + [
        f"{path}: the {kind} {name} is described but does not exist: remove it from {DESCRIPTIONS.name}."
        for name in sorted(described - present)
    ]


def metric_keys(path: Path) -> set[str]:
    """The dotted keys of a metrics file, with placeholders for models, splits, classes and rounds."""
    content = io.read_json(path)
    patterns = [
        (r"(?<=classes\.).*(?=\.\w+$)", "<class>"),
        (r"^(images|shares)\.(train|validation|test)$", r"\1.<split>"),
        (r"^rounds\.\d+", "rounds.<round>"),
        (r"^(near_duplicates\.without\.|calibration\.)?(train_tl|finetune)\.", r"\1<model>."),
    ]
    keys = set()
    for key in _flatten(content):
        for pattern, replacement in patterns:
            key = re.sub(pattern, replacement, key)
        keys.add(key)
    return keys


def with_null_sections(present: set[str], described: set[str]) -> set[str]:
    """The present keys; for a key that is described as a section, and is thus null in this run, the section's keys."""
    sections = {key: {name for name in described if name.startswith(f"{key}.")} for key in present}
    return {name for key, inside in sections.items() for name in inside or {key}}


def expand(path: str, *names: str) -> list[str]:
    """The paths that a path with placeholders stands for; `names` are the placeholders to replace, or all of them."""
    for name in names or PLACEHOLDERS:
        if f"<{name}>" in path:
            replaced = [path.replace(f"<{name}>", value) for value in PLACEHOLDERS[name]]
            return [expanded for each in replaced for expanded in expand(each, *names)]
    return [path]


def out_of(path: str, outs: dict[str, str]) -> str:
    """The out that a described file belongs to; the path itself if there is none."""
    [first, *_] = expand(path)
    return next((out for out in outs if Path(first).is_relative_to(out)), path)


def pipeline_outs() -> dict[str, list[str]]:
    """The outs and metrics of each stage of dvc.yaml."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {
        name: [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"] + stage.get("metrics", [])]
        for name, stage in stages.items()
    }


def _descriptions() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))


def _flatten(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
