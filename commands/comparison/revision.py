"""A revision to compare with, and its files as Git has them."""

import json
from pathlib import Path
from typing import Any

from commands.programs import output_of, succeeds
from transfer.interface.errors import UserError


def check(revision: str) -> None:
    """Raises UserError if the revision does not exist."""
    if not revision.startswith("-") and succeeds("git", "rev-parse", "--verify", f"{revision}^{{commit}}", quiet=True):
        return
    if output_of("git", "rev-parse", "--is-shallow-repository").strip() == "true":
        raise UserError(
            f"{revision} is not in this clone, which is shallow and has only the latest commits: run `git fetch "
            "--unshallow`, or give a commit, a branch or a tag that `git log` lists."
        )
    raise UserError(
        f"{revision} is not a revision of this repository: give a commit, a branch or a tag, such as HEAD~1."
    )


def describe(revision: str) -> str:
    """A revision as it was given, with the short name of its commit."""
    commit = output_of("git", "rev-parse", "--short", f"{revision}^{{commit}}").strip()
    return revision if revision.startswith(commit) else f"{revision} ({commit})"


def read_text(revision: str, path: str) -> str | None:
    """A text file of a revision; None if the revision does not have it.

    Raises:
        UnicodeDecodeError: it is not text.
    """
    # In the names of files, `./` is the folder of the project, which may be a folder of a larger repository.
    name = f"{revision}:./{path}"
    return output_of("git", "show", name) if succeeds("git", "cat-file", "-e", name, quiet=True) else None


def text_of(revision: str | None, path: str) -> str | None:
    """A file of a revision, or of the workspace; None if it is missing or is not text."""
    try:
        if revision is not None:
            return read_text(revision, path)
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def read_json(revision: str | None, path: str) -> dict[str, Any]:
    """A JSON file of a revision, or of the workspace; empty if it is missing, or if it is not an object."""
    try:
        content = json.loads(text_of(revision, path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
