"""Merge dvc.lock stage by stage: Git runs this when two branches have both changed the file (see .gitattributes).

Git merges text line by line, so it would mix the lines of two versions of one stage. A stage that one branch has
changed is taken from that branch. A stage whose inputs or results differ in both branches is taken from the current
branch: its outs can be pulled and checked out, and `dvc repro` runs it, because its inputs are others now. If both
branches have changed what a stage reads itself (its parameters, its code, data that no stage makes), a person has to
decide, and the file stays in conflict.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commands.merge_lock", description=__doc__)
    parser.add_argument("base", type=Path, help="the version of the common ancestor")
    parser.add_argument("current", type=Path, help="the version of the current branch; the result replaces it")
    parser.add_argument("other", type=Path, help="the version of the branch that is merged")
    return parser


def main() -> None:
    arguments = parser().parse_args()
    base, current, other = (path.read_text("utf-8") for path in (arguments.base, arguments.current, arguments.other))
    merged, conflicts = merge(base, current, other)
    io.write_text(arguments.current, merged)
    if conflicts:
        raise UserError(
            f"dvc.lock: both branches have changed what {' and '.join(conflicts)} reads. Decide in params.yaml and in "
            "the code, then run `dvc repro` and `git add dvc.lock metrics plots`."
        )


def merge(base: str, current: str, other: str) -> tuple[str, list[str]]:
    """The merged file, and the stages about which a person has to decide."""
    header, ours = _blocks(current)
    (_, theirs), (_, ancestors) = _blocks(other), _blocks(base)
    made = {out for text in (current, other) for out in _outs(text)}
    merged, conflicts = [], []
    for stage in ours | theirs:
        versions = our, their, ancestor = ours.get(stage), theirs.get(stage), ancestors.get(stage)
        if our != their and our == ancestor:
            our = their
        elif our != their and their != ancestor:
            our_inputs, their_inputs, ancestor_inputs = (_own_inputs(version, made) for version in versions)
            if our_inputs != their_inputs and ancestor_inputs not in (our_inputs, their_inputs):
                conflicts.append(stage)
        merged += [our] if our else []
    return header + "".join(merged), conflicts


def _blocks(text: str) -> tuple[str, dict[str, str]]:
    """The lines before the first stage, and the lines of each stage."""
    header, *blocks = re.split(r"^(?=  \S)", text, flags=re.MULTILINE)
    return header, {next(iter(yaml.safe_load(block))): block for block in blocks}


def _outs(text: str) -> set[str]:
    """The paths of all outs."""
    stages = (yaml.safe_load(text) or {}).get("stages") or {}
    return {out["path"] for stage in stages.values() for out in stage.get("outs", [])}


def _own_inputs(block: str | None, made: set[str]) -> Any:
    """What a stage reads and no stage makes: command, parameters, code, and data."""
    if block is None:
        return None
    [stage] = yaml.safe_load(block).values()
    data = {entry["path"]: entry.get("md5") for entry in stage.get("deps", []) if entry["path"] not in made}
    return stage.get("cmd"), stage.get("params"), data


if __name__ == "__main__":
    command.run(main)
