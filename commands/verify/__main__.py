"""Run the pipeline of the last commit from scratch in a temporary clone, and report which outs are reproduced.

Only the data and the weights are reused from earlier runs. The exit status is 0 if the bytes of every out are those in
dvc.lock and the bytes of metrics/ and plots/ are the committed ones, and 1 if not. For arrays that differ, the report
says by how much: a different processor changes the last bits, and a larger difference is a different result.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from commands.programs import call, check_repository, dvc, output_of, succeeds
from commands.verify import distances
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

LOCK = "dvc.lock"
METRICS = "metrics/evaluate.json"


def parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog="make verify", description=__doc__)


def main() -> None:
    parser().parse_args()
    check_repository()
    commit = output_of("git", "rev-parse", "--short", "HEAD").strip()
    cache = Path(output_of(sys.executable, "-m", "dvc", "cache", "dir").strip()).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        # The project may be a folder of a larger repository.
        repository, prefix = output_of("git", "rev-parse", "--show-toplevel", "--show-prefix").splitlines()
        call("git", "clone", "--quiet", repository, str(Path(temporary) / "repository"))
        clone = Path(temporary) / "repository" / prefix
        # Data in this project's cache are not fetched again. What this run makes stays in the clone's own cache.
        # By a link, because DVC's configuration cannot hold a path with any character, such as `#`.
        link = Path(temporary) / "cache"
        link.symlink_to(cache)
        dvc("remote", "add", "--quiet", "--local", "here", str(link), folder=clone)
        for dvc_file in output_of("git", "ls-files", "*.dvc").split("\n"):
            if dvc_file:
                pull(dvc_file, clone)
        committed = locked_outs(clone)
        # DVC would keep the entries of stages that no longer exist.
        (clone / LOCK).unlink()
        dvc("repro", "--force", "--no-run-cache", folder=clone)
        rerun = locked_outs(clone)
        same = True
        # Both are gone through: a stage or an out that only one of them has is not reproduced.
        for stage in rerun | committed:
            print(stage)
            before, after = committed.get(stage, {}), rerun.get(stage, {})
            for path in after | before:
                reproduced = before.get(path) == after.get(path)
                same &= reproduced
                print(f"  {'reproduced' if reproduced else 'NOT reproduced':15} {path}")
                if not reproduced:
                    for difference in describe_differences(path, before.get(path), after.get(path), clone, cache):
                        print(f"  {'':15}   {difference}")
        reported = [
            path
            for stage, outs in rerun.items()
            for path, digest in outs.items()
            if committed.get(stage, {}).get(path) != digest
        ]
        for path in changed_results(clone, reported):
            same = False
            print(f"NOT reproduced {path}: the result agrees with dvc.lock, but the committed file differs")
        accuracies = changed_accuracies(clone)
    if not same:
        metrics = "".join(f"\n  {name}: {before} committed, {after} in this run" for name, before, after in accuracies)
        raise UserError(
            f"{commit} is not reproduced on this machine: see the outs above." + (metrics and f" Metrics:{metrics}")
        )
    print(f"All of {commit} is reproduced, byte for byte.")


def pull(dvc_file: str, clone: Path) -> None:
    """Pull the data of one .dvc file into the clone: from this project's cache, otherwise from the project's remote."""
    from_cache = (sys.executable, "-m", "dvc", "pull", "--quiet", "--remote", "here", dvc_file)
    if not succeeds(*from_cache, folder=clone, quiet=True):
        dvc("pull", "--quiet", dvc_file, folder=clone)


def locked_outs(clone: Path) -> dict[str, dict[str, str]]:
    """The digest of every out in dvc.lock, by stage and path."""
    path = clone / LOCK
    if not path.exists():
        raise UserError(f"{LOCK} is not committed: run `dvc repro`, and commit what it has changed.")
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in stages.items()}


def describe_differences(path: str, committed: str | None, rerun: str | None, clone: Path, cache: Path) -> list[str]:
    """The files of an out that differ, as far as DVC's cache or Git still has the committed ones; otherwise the reason.

    Args:
        committed, rerun: the digests of the out; None if it has none there.
        cache: of this project; the clone has its own.
    """
    if committed is None or rerun is None:
        return ["it is not in the committed dvc.lock" if committed is None else "it is no longer an out"]
    clone_cache = clone / ".dvc/cache"
    lists = [cache_path(cache, committed), cache_path(clone_cache, rerun)]
    if committed.endswith(".dir") and all(file.exists() for file in lists):
        before, after = ({entry["relpath"]: entry["md5"] for entry in io.read_json(file)} for file in lists)
        differences = []
        for name in sorted(before | after):
            if before.get(name) != after.get(name):
                files = cache_path(cache, before.get(name, "")), cache_path(clone_cache, after.get(name, ""))
                differences.append(f"{path}/{name}{describe_distance(name, *files)}")
        return differences
    # Outs that DVC does not cache are in Git.
    if output_of("git", "-C", str(clone), "ls-files", "--", path):
        changed = output_of("git", "-C", str(clone), "diff", "--relative", "--name-only", "--", path).split()
        return [name for name in changed if name != path]
    return ["its differing files are unknown, because the committed ones are not in the cache: run `dvc pull`"]


def cache_path(cache: Path, digest: str) -> Path:
    """Where DVC's cache has the file with this digest."""
    return cache / "files/md5" / digest[:2] / digest[2:]


def describe_distance(name: str, committed: Path, rerun: Path) -> str:
    """How much the numbers of a file differ from the committed ones, in brackets; empty if that is unknown."""
    if not (committed.is_file() and rerun.is_file()):
        return ""
    share = distances.largest_difference(committed, rerun, name)
    return "" if share is None else f" (by at most {share:.1g} of the largest value)"


def changed_results(clone: Path, reported: Sequence[str]) -> list[str]:
    """The committed files in metrics/ and plots/ that differ from the result, although dvc.lock agrees with the result.

    Args:
        reported: the outs that differ from dvc.lock; their files are left out.
    """
    changed = output_of(
        "git", "-C", str(clone), "diff", "--relative", "--name-only", "HEAD", "--", "metrics", "plots"
    ).splitlines()
    return [path for path in changed if not any(Path(path).is_relative_to(out) for out in reported)]


def changed_accuracies(clone: Path) -> list[tuple[str, Any, Any]]:
    """The accuracies that differ from the committed ones: name, committed value, value of this run."""
    before = json.loads(output_of("git", "-C", str(clone), "show", f"HEAD:./{METRICS}"))
    after = io.read_json(clone / METRICS)
    return [
        (f"test accuracy of {model}", before[model]["accuracy"], after[model]["accuracy"])
        for model in ("train_tl", "finetune")
        if before[model]["accuracy"] != after[model]["accuracy"]
    ]


if __name__ == "__main__":
    command.run(main)
