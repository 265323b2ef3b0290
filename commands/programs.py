"""Running other programs, such as DVC and Git, in the environment of this process."""

import os
import subprocess
import sys
from pathlib import Path

from transfer.interface.errors import UserError


def environment() -> dict[str, str]:
    """The environment of this process, in which `python`, as DVC starts the stages, is the Python that runs this."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def succeeds(*command: str, folder: Path = Path(), quiet: bool = False) -> bool:
    """Run a program in `folder`, and return whether its exit status is 0. `quiet` discards its output."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.run(  # noqa: S603 - no shell
        command, cwd=folder, env=environment(), check=False, stdout=output, stderr=output
    )
    return process.returncode == 0


def call(*command: str, folder: Path = Path()) -> None:
    """Run a program in `folder`. Raises UserError if it fails."""
    if not succeeds(*command, folder=folder):
        raise _failure(command)


def dvc(*arguments: str, folder: Path = Path()) -> None:
    """Run DVC; see `call`."""
    call(sys.executable, "-m", "dvc", *arguments, folder=folder)


def check_repository() -> None:
    """Raises UserError if the working folder is not in a Git repository, as in a downloaded archive of the source."""
    if not succeeds("git", "rev-parse", "--is-inside-work-tree", quiet=True):
        raise UserError(
            "This folder is not in a Git repository, which DVC and the comparison of results need: clone the project, "
            "or run `git init`, `git add .` and `git commit` here."
        )


def output_of(*command: str, quiet: bool = False) -> str:
    """What a program writes to standard output. Raises UserError if it fails.

    Args:
        quiet: whether its messages and progress bars are shown only if it fails.
    """
    messages = subprocess.PIPE if quiet else None
    process = subprocess.run(  # noqa: S603 - no shell
        command, env=environment(), check=False, stdout=subprocess.PIPE, stderr=messages, text=True
    )
    if process.returncode:
        print(process.stderr or "", end="", file=sys.stderr)
        raise _failure(command)
    return process.stdout


def _failure(command: tuple[str, ...]) -> UserError:
    return UserError(f"`{' '.join(command)}` failed: see its message above.")
