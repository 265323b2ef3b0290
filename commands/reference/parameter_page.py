"""The page of parameters: key, committed value, allowed values, the comment in params.yaml, the stages that read it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from commands.reference.markdown import GENERATED, code, table
from transfer import params_file
from transfer.interface.errors import UserErrors
from transfer.interface.schema import Section, allowed_values

INTRODUCTION = """# Parameters

Every key of `params.yaml`. Each stage that runs checks the whole file before any work: an unknown key, a wrong type or
a value out of range is an error that names the key, the value and what is allowed. A change of a key reruns the stages
that read it, and the stages that depend on their outputs.

"""


def page() -> str:
    """The Markdown of the page. Raises UserErrors if a parameter has no comment in params.yaml."""
    text = params_file.PATH.read_text(encoding="utf-8")
    values = params_file.load().model_dump()
    comments = comments_of(text)
    if missing := [key for key, _, _ in leaves(values) if comment_for(key, comments) is None]:
        raise UserErrors([f"params.yaml: {key} has no comment: add one behind it." for key in missing])
    rows = [
        (
            code(key),
            code(yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()),
            allowed_values(field),
            comment_for(key, comments) or "",
            ", ".join(code(stage) for stage in readers(key)),
        )
        for key, value, field in leaves(values)
    ]
    columns = ("key", "committed value", "allowed", "what it does", "read by")
    return f"{GENERATED}{INTRODUCTION}{table(columns, rows)}"


def leaves(
    values: dict[str, Any], section: type[Section] = params_file.Params, prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, value and field of every parameter that is not a section."""
    for name, value in values.items():
        field = section.model_fields[name]
        if isinstance(value, dict):
            yield from leaves(value, field.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            yield f"{prefix}{name}", value, field


def comments_of(text: str) -> dict[str, str]:
    """The comment behind each key of params.yaml, by dotted key."""
    comments: dict[str, str] = {}
    path: list[str] = []
    for line in text.splitlines():
        match = re.match(r"( *)(\w+):(.*)", line)
        if match:
            depth = len(match[1]) // 2
            path = [*path[:depth], match[2]]
            if comment := re.search(r"\s#\s+(.*)", match[3]):
                comments[".".join(path)] = comment[1]
    return comments


def comment_for(key: str, comments: dict[str, str]) -> str | None:
    """The comment of a key, or of the mapping in braces that the key is in."""
    return comments.get(key) or comments.get(key.rpartition(".")[0])


def readers(key: str) -> list[str]:
    """The stages that list a key, or a section that it is in, in dvc.yaml."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return [
        name
        for name, stage in stages.items()
        if any(f"{key}.".startswith(f"{listed}.") for listed in stage.get("params", []))
    ]
