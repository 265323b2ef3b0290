"""Paths that users type."""

from pathlib import Path


def user_path(text: str) -> Path:
    """A path as a user types it: `~` is the home folder, also where no shell has expanded it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no user of this name; a shell would not expand it either
        return Path(text)
