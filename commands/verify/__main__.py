"""Run the pipeline of the last commit from scratch in a temporary clone, and say what came out the same: `make verify`.

Nothing is taken from earlier runs but the data and the weights. Exit status 0 if every out has the bytes that dvc.lock
says, and metrics/ and plots/ those that are committed, 1 if not. Of arrays that came out otherwise it is said how far:
the last bits are another processor's, more is another result.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from commands import distances
from commands.programs import answer, call, dvc, succeeds
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

LOCK = "dvc.lock"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.parse_args()
    commit = answer("git", "rev-parse", "--short", "HEAD").strip()
    cache = Path(answer(sys.executable, "-m", "dvc", "cache", "dir").strip()).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "project"
        call("git", "clone", "--quiet", str(Path.cwd()), str(clone))
        # Data that are here already are not fetched again; what this run makes stays in the clone's own cache
        dvc("remote", "add", "--quiet", "--local", "here", str(cache), folder=clone)
        for tracked in answer("git", "ls-files", "*.dvc").split("\n"):
            if tracked:
                fetch(tracked, clone)
        committed = outs(clone)
        # DVC would leave in it what no stage makes any more
        (clone / LOCK).unlink()
        dvc("repro", "--force", "--no-run-cache", folder=clone)
        found = outs(clone)
        same = True
        # What either has: a stage or an out that only one of them knows is not reproduced
        for stage in found | committed:
            print(stage)
            before, after = committed.get(stage, {}), found.get(stage, {})
            for path in after | before:
                reproduced = before.get(path) == after.get(path)
                same &= reproduced
                print(f"  {'reproduced' if reproduced else 'NOT reproduced':15} {path}")
                if not reproduced:
                    for name in different(path, before.get(path), after.get(path), clone, cache):
                        print(f"  {'':15}   {name}")
        told_already = [
            path
            for stage, now in found.items()
            for path, digest in now.items()
            if committed.get(stage, {}).get(path) != digest
        ]
        for path in stray(clone, told_already):
            same = False
            print(f"NOT reproduced {path}: dvc.lock has it as it came out, but something else is committed")
        farthest = changes(clone)
    if not same:
        told = "".join(f"\n  {name}: {old} was committed, {new} is what came out" for name, old, new in farthest)
        raise UserError(
            f"{commit} is not reproduced on this machine: see the outs above." + (told and f" Metrics:{told}")
        )
    print(f"All of {commit} is reproduced, byte for byte.")


def fetch(tracked: str, clone: Path) -> None:
    """Bring the data of one .dvc file into the clone: from this project's cache, or else from its remote."""
    here = (sys.executable, "-m", "dvc", "pull", "--quiet", "--remote", "here", tracked)
    if not succeeds(*here, folder=clone, quiet=True):
        dvc("pull", "--quiet", tracked, folder=clone)


def outs(clone: Path) -> dict[str, dict[str, str]]:
    """The digest of every out by stage and path, as dvc.lock has them."""
    path = clone / LOCK
    if not path.exists():
        raise UserError(f"{LOCK} is not committed: run `dvc repro`, and commit what it has changed.")
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in stages.items()}


def different(path: str, committed: str | None, found: str | None, clone: Path, cache: Path) -> list[str]:
    """Which files of a folder differ, where it is still known what they were; or why nothing more is known."""
    if committed is None or found is None:
        return ["it is not in the committed dvc.lock" if committed is None else "it is no out any more"]
    own = clone / ".dvc/cache"
    places = [kept(cache, committed), kept(own, found)]
    if committed.endswith(".dir") and all(place.exists() for place in places):
        theirs, ours = ({entry["relpath"]: entry["md5"] for entry in io.read_json(place)} for place in places)
        return [
            f"{path}/{name}{apart(name, kept(cache, theirs.get(name, '')), kept(own, ours.get(name, '')))}"
            for name in sorted(theirs | ours)
            if theirs.get(name) != ours.get(name)
        ]
    # What DVC does not keep is in git
    if answer("git", "-C", str(clone), "ls-files", "--", path):
        changed = answer("git", "-C", str(clone), "diff", "--name-only", "--", path).split()
        return [name for name in changed if name != path]
    return ["which of its files is not known here: `dvc pull` would bring those that were committed"]


def kept(cache: Path, digest: str) -> Path:
    """Where DVC keeps what has this digest."""
    return cache / "files/md5" / digest[:2] / digest[2:]


def apart(name: str, committed: Path, found: Path) -> str:
    """How far the numbers in a file are from those that were committed: the last bits, or another result."""
    if not (committed.is_file() and found.is_file()):
        return ""
    share = distances.largest(committed, found, name)
    return "" if share is None else f" (by at most {share:.1g} of the largest value)"


def stray(clone: Path, outs: Sequence[str]) -> list[str]:
    """What is committed in metrics/ and plots/ otherwise than dvc.lock has it: it came out like the lock, and differs.

    Args:
        outs: those that dvc.lock tells otherwise than before; their files are told already.
    """
    changed = answer("git", "-C", str(clone), "diff", "--name-only", "HEAD", "--", "metrics", "plots").splitlines()
    return [path for path in changed if not any(Path(path).is_relative_to(out) for out in outs)]


def changes(clone: Path) -> list[tuple[str, Any, Any]]:
    """Accuracies that came out otherwise than they were committed: name, committed, found."""
    metrics = "metrics/evaluate.json"
    old, new = json.loads(answer("git", "-C", str(clone), "show", f"HEAD:{metrics}")), io.read_json(clone / metrics)
    return [
        (f"test accuracy of {model}", old[model]["accuracy"], new[model]["accuracy"])
        for model in ("train_tl", "finetune")
        if old[model]["accuracy"] != new[model]["accuracy"]
    ]


if __name__ == "__main__":
    command.run(main)
