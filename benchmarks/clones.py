"""A clone of this project's last commit, to measure in, with other images than the sample's."""

import sys
from pathlib import Path
from typing import Any

import yaml

from commands.programs import call, dvc


def create(clone: Path, folder: Path) -> None:
    """Clone the commit that is checked out, and replace the sample by the images of `folder`."""
    call("git", "clone", "--quiet", str(Path.cwd()), str(clone))
    # The pipeline depends on all of weights/, even if a backbone uses none of them.
    dvc("pull", "--quiet", *map(str, Path("weights").glob("*.dvc")), folder=clone)
    # Each measurement sets the parameters that it is about.
    call(sys.executable, "-m", "commands.dataset", "--keep-params", str(folder.resolve()), folder=clone)
    # With an author of its own: on a machine that only measures, git may have none configured.
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    call("git", *author, "commit", "--all", "--quiet", "--message", "other images", folder=clone)


def change_params(clone: Path, changes: dict[str, Any]) -> None:
    """Change parameters in the clone's params.yaml, each by its dotted key."""
    path = clone / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = params
        for name in sections:
            section = section[name]
        section[last] = value
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
