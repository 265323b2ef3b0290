"""A clone of this project's last commit to measure in, on other data than the sample."""

import sys
from pathlib import Path
from typing import Any

import yaml

from commands.programs import call, dvc


def make(clone: Path, folder: Path) -> None:
    """Clone the commit that is checked out, and put the images of `folder` in the sample's place."""
    call("git", "clone", "--quiet", str(Path.cwd()), str(clone))
    # The pipeline depends on all of weights/, even where a backbone uses none of them
    dvc("pull", "--quiet", *map(str, Path("weights").glob("*.dvc")), folder=clone)
    call(sys.executable, "-m", "commands.dataset", str(folder.resolve()), folder=clone)
    # Of no one: a machine that only measures has told git no name
    nobody = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    call("git", *nobody, "commit", "--all", "--quiet", "--message", "other images", folder=clone)


def change(clone: Path, changes: dict[str, Any]) -> None:
    """Change parameters in the clone's params.yaml, each by its dotted key."""
    path = clone / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        place = values
        for section in sections:
            place = place[section]
        place[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
