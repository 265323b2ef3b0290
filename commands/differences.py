"""Say which committed results the last run has changed, and why. Nothing is printed if nothing has changed."""

from pathlib import Path
from typing import Any

import yaml

from commands.programs import output_of, succeeds
from transfer import command

LOCK = Path("dvc.lock")
# Files that are named one by one; of more, the number is given.
MOST_NAMES = 6
ROUNDING = (
    "Code, data and parameters are the committed ones, so this processor, or its libraries, round differently from "
    "those that made the committed results: see docs/explanation/platforms.md."
)


def main() -> None:
    # `./` is the folder of the project, which may be a folder of a larger repository.
    committed_lock = f"HEAD:./{LOCK}"
    if not LOCK.exists() or not succeeds("git", "cat-file", "-e", committed_lock, quiet=True):
        return
    committed = yaml.safe_load(output_of("git", "show", committed_lock))["stages"]
    current = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
    options = ("--relative", "--name-only", "-z", "HEAD", "--", "metrics", "plots")
    in_git = [path for path in output_of("git", "diff", *options).split("\0") if path]
    if names := in_git + changed_outs(committed, current):
        print(describe(names, changed_inputs(committed, current)))


def changed_outs(committed: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """The outs of dvc.lock that differ, without those in metrics/ and plots/, whose files Git compares."""
    before, after = ({out["path"]: out["md5"] for out in _entries(stages, "outs")} for stages in (committed, current))
    return [
        path
        for path in after | before
        if before.get(path) != after.get(path) and Path(path).parts[0] not in ("metrics", "plots")
    ]


def changed_inputs(committed: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What differs of all that the stages read and no stage makes: commands, parameters, code and data."""
    made = {out["path"] for stages in (committed, current) for out in _entries(stages, "outs")}
    before, after = (_inputs(stages, made) for stages in (committed, current))
    return [name for name in after | before if before.get(name) != after.get(name)]


def describe(names: list[str], inputs: list[str]) -> str:
    """One sentence on the results that differ, and one on the reason."""
    reason = f"The run has other inputs than the committed results: {_list(inputs)}." if inputs else ROUNDING
    return f"Different from the committed results: {_list(names)}. {reason}"


def _inputs(stages: dict[str, Any], made: set[str]) -> dict[str, Any]:
    inputs = {f"the command of {name}": stage["cmd"] for name, stage in stages.items()}
    inputs |= {entry["path"]: entry["md5"] for entry in _entries(stages, "deps") if entry["path"] not in made}
    for stage in stages.values():
        for values in stage.get("params", {}).values():
            inputs |= values
    return inputs


def _entries(stages: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry for stage in stages.values() for entry in stage.get(kind, [])]


def _list(names: list[str]) -> str:
    shown = names if len(names) <= MOST_NAMES + 1 else [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


if __name__ == "__main__":
    command.run(main)
