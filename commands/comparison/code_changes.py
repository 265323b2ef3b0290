"""What changed since a revision in the code that the stages read, and in the pinned libraries."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import yaml

from commands.comparison import revision as revisions
from commands.formatting.tables import count, join
from commands.programs import output_of
from transfer import params_file

PIPELINE = "dvc.yaml"
REQUIREMENTS = "requirements.txt"
# Results, and what the report compares in tables of its own.
NOT_CODE = ("metrics", "plots", "dvc.lock", str(params_file.PATH), str(params_file.DATASET_FILE))
# How many parts one line names.
MOST_NAMED = 3


def since(revision: str) -> tuple[list[tuple[str, list[str], list[str]]], int]:
    """The parts of the code that changed, and how many other files did.

    Returns:
        (part, files, stages) for each part of the code that a stage reads; the number of files that no stage reads.
    """
    changed = output_of("git", "diff", "--relative", "--no-renames", "--name-only", "-z", revision, "--", ".").split(
        "\0"
    )
    changed += output_of("git", "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    readers: dict[str, list[str]] = {}
    for version in (revision, None):
        for dependency, stages in stages_by_dependency(revisions.text_of(version, PIPELINE)).items():
            readers[dependency] = list(dict.fromkeys([*readers.get(dependency, []), *stages]))
    files: dict[str, list[str]] = defaultdict(list)
    others = 0
    for name in sorted(filter(None, changed)):
        path = PurePosixPath(name)
        part = next((part for part in readers if path.is_relative_to(part)), None)
        if name in (PIPELINE, REQUIREMENTS):
            files[name] = changed_libraries(revision) if name == REQUIREMENTS else ["the definition of the stages"]
        elif any(path.is_relative_to(result) for result in NOT_CODE):
            continue
        # .dvcignore leaves out what does not end in .py, and the schema of parameters.
        elif part and (not part.startswith("transfer/") or (path.suffix == ".py" and path.name != "params.py")):
            files[part].append(path.relative_to(part).as_posix() if part != name else path.name)
        else:
            others += 1
    return [(part, names, readers.get(part, [])) for part, names in files.items() if names], others


def stages_by_dependency(text: str | None) -> dict[str, list[str]]:
    """The stages that read each dependency of a `dvc.yaml`; empty if it is not one."""
    readers: dict[str, list[str]] = defaultdict(list)
    try:
        for stage, definition in yaml.safe_load(text or "")["stages"].items():
            for path in definition.get("deps", []):
                readers[str(path)].append(stage)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        return {}
    return readers


def changed_libraries(revision: str) -> list[str]:
    """The libraries whose pinned version changed: `keras 3.1 → 3.2`."""
    before, now = (
        dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text or "", re.MULTILINE))
        for text in (revisions.text_of(version, REQUIREMENTS) for version in (revision, None))
    )
    return [
        f"{name} {before.get(name, '–')} → {now.get(name, '–')}"
        for name in sorted(before | now)
        if before.get(name) != now.get(name)
    ]


def describe(code: Sequence[tuple[str, list[str], list[str]]], others: int) -> str:
    """The parts of the code that changed, in one line."""
    beside = f"{count(others, 'file')} that no stage reads" if others else ""
    if not code:
        return f"the same in every stage; {beside} changed" if others else "the same"
    parts = join([part for part, _, _ in code], MOST_NAMED)
    return f"{parts}; also {beside}" if others else parts
