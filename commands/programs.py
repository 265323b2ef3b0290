"""Calling other programs as a user of this very environment would: DVC and git."""

import os
import subprocess
import sys
from pathlib import Path

from transfer.interface.errors import UserError


def environment() -> dict[str, str]:
    """The environment of this process, in which `python`, as the stages run it, is the one that runs this."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def succeeds(*words: str, folder: Path = Path(), quiet: bool = False) -> bool:
    """Run a program in `folder` and say whether it ended well; what it says goes where this process's words go."""
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(  # noqa: S603 - no shell
        words, cwd=folder, env=environment(), check=False, stdout=output, stderr=output
    )
    return done.returncode == 0


def call(*words: str, folder: Path = Path()) -> None:
    """Run a program in `folder`. Raises Fault if it fails."""
    if not succeeds(*words, folder=folder):
        raise UserError(f"`{' '.join(words)}` failed: see its message above.")


def dvc(*words: str, folder: Path = Path()) -> None:
    """Run DVC; see `call`."""
    call(sys.executable, "-m", "dvc", *words, folder=folder)


def answer(*words: str) -> str:
    """What a program prints. Raises Fault if it fails."""
    done = subprocess.run(words, env=environment(), check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603
    if done.returncode:
        raise UserError(f"`{' '.join(words)}` failed: see its message above.")
    return done.stdout
