"""Changing values in params.yaml. Everything else in the file, such as comments and line ends, stays as it is."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from transfer import params_file
from transfer.common import atomic
from transfer.interface.errors import UserError


def edited(path: Path, values: Mapping[str, Any]) -> tuple[str, dict[str, tuple[str, str]]]:
    """The text of a YAML file with other values. Writes nothing.

    Args:
        values: the new value of each key, a dotted name. A value is a number, text, None, or a list of them.

    Returns:
        the text, and for each key that changes its value before and after, as the file has them.

    Raises:
        UserError: a key is missing, or the file has a form in which a value cannot be replaced alone, such as an alias.
    """
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    expected = params_file.parse(text, str(path))
    changes: dict[str, tuple[str, str]] = {}
    simple = not any(isinstance(event, AliasEvent) for event in YAML(typ="safe").parse(text))
    for key, value in values.items():
        *sections, name = key.split(".")
        try:
            before = reduce(lambda section, part: section[part], sections, expected)
            if _same(before[name], value):
                continue
            before[name] = value
            start, end = _span(text, key)
        except (KeyError, TypeError):
            raise UserError(
                f"{path} has no key {key}: restore the file with `git checkout {path}`, or run with KEEP_PARAMS=1."
            ) from None
        old, new = text[start:end], _text(value)
        changes[key] = (" ".join(old.split()), new)
        simple = simple and "#" not in old
        if not simple:
            continue
        if "\n" in old:
            text = text[:start].rstrip(" ") + f" {new}" + text[end:]
        else:
            text = text[:start] + new + _with_comment_in_its_column(text[end:], len(new) - len(old))
    if changes and (not simple or params_file.parse(text, str(path)) != expected):
        wishes = ", ".join(f"{key} to {_text(value)}" for key, value in values.items())
        raise UserError(
            f"{path} uses YAML that `make dataset` cannot edit, such as aliases, or comments inside of a value: run "
            f"with KEEP_PARAMS=1, and set {wishes}."
        )
    return text, changes


def write(path: Path, text: str) -> None:
    """Replace the file atomically, with the line ends that the text has."""
    with atomic.text_file(path) as file:
        file.write(text)


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _span(text: str, key: str) -> tuple[int, int]:
    """Where the value of a key begins and ends in the text. Raises KeyError if there is no such key."""
    # The parser in Python, because that in C does not say where in the text a value is.
    node: Any = YAML(typ="safe", pure=True).compose(text)
    for name in key.split("."):
        if not isinstance(node, MappingNode):
            raise KeyError(key)
        # The last of duplicate keys is the one that counts.
        for key_node, value_node in reversed(node.value):
            if key_node.value == name:
                key_end, node = key_node.end_mark.index, value_node
                break
        else:
            raise KeyError(key)
    start, end = node.start_mark.index, _end(node)
    # A list in lines of their own becomes a list on the line of its key.
    if isinstance(node, CollectionNode) and not node.flow_style:
        start = text.index(":", key_end) + 1
    return start, end


def _end(node: Node) -> int:
    """Where a node ends. A block ends with its last value, not with the comments and blank lines that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _with_comment_in_its_column(rest: str, growth: int) -> str:
    """What follows a value that grew by so many characters; a comment on its line stays in its column if it can."""
    match = re.match(r"( +)#", rest)
    return " " * max(len(match[1]) - growth, 1) + rest[len(match[1]) :] if match else rest


def _text(value: Any) -> str:
    """A value in YAML, the same in YAML 1.1 and 1.2: a small number has no exponent."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if value is None:
        return "null"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
