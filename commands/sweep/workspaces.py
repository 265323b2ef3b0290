"""Where trials run: clones of the project in .scratch/sweep/, whose experiments the project fetches.

DVC makes an experiment outside of the workspace in the same way: in a clone, from which it fetches the reference. The
clones share the project's cache, and with it the run-cache: a stage that one of them has run is not run by another.
"""

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from commands.programs import call, output_of, succeeds
from commands.sweep.trials import Trial, changed
from transfer import params_file
from transfer.common import atomic
from transfer.interface.errors import UserError

FOLDER = Path(".scratch/sweep")
LOCK = FOLDER / "lock"
CACHE = "cache"
NULL = "tag:yaml.org,2002:null"
# What a trial may leave changed in the project without being about other code, data or parameters.
RESULTS = ("dvc.lock", "metrics", "plots")
# Seconds that a process of an earlier sweep has to end by itself.
GRACE = 5


@dataclass(frozen=True)
class Project:
    """The project whose parameters are tried.

    Attributes:
        repository: the top of the Git repository, of which the project may be a folder.
        prefix: the path of the project in it; empty or with a slash at its end.
        commit: what the trials start from.
        cache: DVC's cache.
    """

    repository: Path
    prefix: str
    commit: str
    cache: Path

    @classmethod
    def of_this_folder(cls, sweep_file: Path) -> "Project":
        """Raises UserError if something that trials read is not committed: they start from a commit."""
        top, prefix = output_of("git", "rev-parse", "--show-toplevel", "--show-prefix").splitlines()
        if not succeeds("git", "rev-parse", "--verify", "HEAD", quiet=True):
            raise UserError("This repository has no commit, from which the trials of a sweep start: commit first.")
        results = [f":(exclude){path}" for path in RESULTS]
        status = output_of("git", "status", "--porcelain", "--untracked-files=no", "-z", "--", ".", *results)
        code = ("stages", "transfer", "weights")
        status += output_of("git", "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *code)
        # An entry of the first has two letters and a blank before its path.
        paths = [entry[3:] if entry[2:3] == " " else entry for entry in status.split("\0") if entry]
        if paths := [path for path in paths if (Path(top) / path).resolve() != sweep_file.resolve()]:
            raise UserError(
                f"{', '.join(paths[:3])}{' and more' if len(paths) > 3 else ''} changed since the last commit, from "
                "which the trials of a sweep start: commit or stash first."
            )
        cache = output_of(sys.executable, "-m", "dvc", "cache", "dir").strip()
        commit = output_of("git", "rev-parse", "HEAD").strip()
        return cls(Path(top), prefix, commit, Path(cache).resolve())

    def reference(self, name: str) -> str:
        """Where DVC keeps an experiment of this commit in Git."""
        return f"refs/exps/{self.commit[:2]}/{self.commit[2:]}/{name}"

    def experiments(self) -> dict[str, str]:
        """The commit of every experiment that starts from this project's commit, by name."""
        lines = output_of("git", "for-each-ref", "--format=%(refname) %(objectname)", self.reference(""))
        pairs = (line.rsplit(" ", 1) for line in lines.splitlines())
        return {reference.removeprefix(self.reference("")): commit for reference, commit in pairs}


def end_processes_left() -> None:
    """End what an earlier sweep that was killed has left running in its clones: DVC and stages."""
    left = []
    for process in psutil.process_iter():
        try:
            ours = any(word == "dvc" or word.startswith("stages.") for word in process.cmdline())
            if ours and Path(process.cwd()).is_relative_to(FOLDER.resolve()):
                process.terminate()
                left.append(process)
        except (psutil.Error, OSError):
            pass  # it has ended, or belongs to someone else
    for process in psutil.wait_procs(left, GRACE)[1]:
        process.kill()
    psutil.wait_procs(left, GRACE)


def remove_others(names: Collection[str]) -> None:
    """Remove the clones and the logs of trials that are not, or no longer, to be run, and clones that are half made."""
    for path in sorted(FOLDER.iterdir()):
        name = path.name.removesuffix(".partial").removesuffix(".scratch").removesuffix(".log")
        if path.suffix == ".log":
            if name not in names:
                path.unlink()
        elif path.is_dir() and not path.is_symlink():
            if path.suffix != ".partial" and name in names:
                continue
            if path.suffix != ".partial":
                print(f"{name} was stopped, and is not in this sweep or complete: what it left is removed.")
            shutil.rmtree(path)


def create(project: Project, trial: Trial, base: Mapping[str, Any]) -> Path:
    """A clone with the parameters of a trial, in which `dvc exp run` makes its experiment; the folder of the project.

    The clone that a killed sweep has left is not used again, because any file of Git or DVC in it may be half written.
    What its stages keep in order to go on after a kill is.
    """
    place, kept = FOLDER / trial.name, FOLDER / f"{trial.name}.scratch"
    partial = FOLDER / f"{trial.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    call("git", "clone", "--quiet", "--shared", "--no-checkout", str(project.repository), str(partial))
    call("git", "-C", str(partial), "checkout", "--quiet", "--detach", project.commit)
    for name in ("user.name", "user.email"):
        if succeeds("git", "config", name, quiet=True):
            value = output_of("git", "config", name).removesuffix("\n")
            call("git", "-C", str(partial), "config", name, value)
    folder = partial / project.prefix
    _configure(folder)
    _write_params(folder / params_file.PATH, trial, base)
    left = place / project.prefix / ".scratch"
    if left.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        left.rename(kept)
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)
    folder = place / project.prefix
    if kept.is_dir():
        kept.rename(folder / ".scratch")
    return folder


def environment_of(folder: Path) -> dict[str, str]:
    """Variables for DVC in a clone: what it notes on the clone stays there, and it pushes nothing."""
    return {"DVC_SITE_CACHE_DIR": str((folder / ".dvc/tmp").resolve()), "DVC_EXP_AUTO_PUSH": "false"}


def has_experiment(project: Project, trial: Trial) -> bool:
    """Whether the clone of a trial has finished, but the project has not fetched its experiment yet."""
    place = FOLDER / trial.name
    reference = project.reference(trial.name)
    return place.is_dir() and succeeds(
        "git", "-C", str(place), "rev-parse", "--verify", f"{reference}^{{commit}}", quiet=True
    )


def fetch(project: Project, trial: Trial) -> None:
    """Take the experiment of a trial into the project, and remove its clone."""
    place, reference = FOLDER / trial.name, project.reference(trial.name)
    # A kill in the middle of an earlier fetch leaves Git's lock of this reference, which nobody else writes.
    git = output_of("git", "rev-parse", "--path-format=absolute", "--git-common-dir").removesuffix("\n")
    Path(git, f"{reference}.lock").unlink(missing_ok=True)
    options = ("--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance")
    call("git", "fetch", *options, str(place.resolve()), f"+{reference}:{reference}")
    remove(trial)


def remove(trial: Trial) -> None:
    """Remove the clone of a trial."""
    shutil.rmtree(FOLDER / trial.name, ignore_errors=True)
    shutil.rmtree(FOLDER / f"{trial.name}.scratch", ignore_errors=True)


def link_cache(project: Project) -> None:
    """Make the link to the project's cache that the clones use.

    They name it by a relative path, because DVC's configuration cannot hold a path with any character, such as `#`.
    """
    link = FOLDER / CACHE
    link.unlink(missing_ok=True)
    link.symlink_to(project.cache)


def _configure(folder: Path) -> None:
    """Let a clone use the cache of the project, by links where the file system has them."""
    relative = os.path.relpath(FOLDER.absolute() / CACHE, (folder / ".dvc").absolute())
    lines = ["[cache]", f"    dir = {relative}", "    type = reflink,hardlink,copy"]
    with atomic.text_file(folder / ".dvc/config.local") as file:
        file.write("\n".join(lines) + "\n")


def _write_params(path: Path, trial: Trial, base: Mapping[str, Any]) -> None:
    """Change params.yaml as `dvc exp run --set-param` does: comments stay."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.representer.add_representer(type(None), lambda node, _: node.represent_scalar(NULL, "null"))
    content = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in trial.values.items():
        *sections, last = key.split(".")
        section = content
        for name in sections:
            section = section[name]
        section[last] = value
    with atomic.text_file(path) as file:
        yaml.dump(content, file)
    if params_file.load(path) != params_file.check(changed(base, trial.values), str(path)):
        raise UserError(f"{path} uses YAML in which single values cannot be changed, such as aliases: write them out.")
