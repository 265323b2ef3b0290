"""The versions of the dataset in a conflict: what Git has of each, which images they hold, and how they differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo

from commands.dataset.versions import DVC_FILE
from commands.programs import output_of, succeeds
from transfer.common import io
from transfer.interface.errors import UserError

# Git's numbers of the versions of a file in conflict.
BASE, OURS, THEIRS = 1, 2, 3
# What Git names the other side of a merge, a rebase, a cherry-pick and a revert that is stopped by a conflict.
HEADS = ("MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
# The images of a version: the digest of each file, by its path in the dataset.
Version = dict[str, str]


@dataclass(frozen=True)
class Changes:
    """What the other branch did to the dataset, as far as it is to be done to the current branch's.

    Attributes:
        removed: places of the current branch's dataset that are given up.
        moved: images that both have, by their new places.
        added: images that are new here, by their places on the other branch.
        kept_away: how many images the other branch moved, while the current branch removed them.
    """

    removed: set[str]
    moved: Version
    added: Version
    kept_away: int


def other_head() -> str:
    """Git's name of the other side. Raises UserError if the dataset is not in conflict."""
    present = [head for head in HEADS if succeeds("git", "rev-parse", "--quiet", "--verify", head, quiet=True)]
    if not present or not all(staged(DVC_FILE, number) for number in (OURS, THEIRS)):
        raise UserError(
            f"{DVC_FILE} is not in conflict between two datasets, so there is nothing to merge: run this command after "
            "`git merge`, `git rebase` or `git cherry-pick` has stopped with a conflict in it."
        )
    return present[0]


def staged(path: Path, number: int) -> str | None:
    """The text of a file's version in a conflict; of a file without a conflict, the only one; None if there is none."""
    in_conflict = bool(output_of("git", "ls-files", "--unmerged", "--", str(path)))
    name = f":{number if in_conflict else 0}:./{path}"
    if not succeeds("git", "cat-file", "-e", name, quiet=True):
        return None
    return output_of("git", "show", name)


def read(repo: Any, head: str) -> tuple[Version, Version, Version]:
    """The common ancestor's, the current branch's and the other branch's images.

    Downloads what the cache lacks of them. Raises UserError if it cannot be had.
    """
    lists = [_list_of(repo, staged(DVC_FILE, number)) for number in (BASE, OURS, THEIRS)]
    if not all(map(_is_there, lists)) or _missing(repo, _files(lists[-1])):
        _fetch(repo, [head, *output_of("git", "merge-base", "HEAD", head).split()])
    base, ours, theirs = (_files(path) if _is_there(path) else None for path in lists)
    # DVC does not always say what it could not fetch.
    if base is None or ours is None or theirs is None or _missing(repo, theirs):
        raise UserError(
            "The images of the other branch are neither here nor on the remote: run `dvc push` where the branch was "
            "made, then this command again."
        )
    return base, ours, theirs


def compare(base: Version, ours: Version, theirs: Version) -> Changes:
    """What the other branch did since the common ancestor. An image that one branch removed stays removed."""
    deleted = set(base.values()) - set(theirs.values())
    removed = {place for place, digest in ours.items() if digest in deleted}
    removed |= {place for place in base if base[place] == ours.get(place) and base[place] != theirs.get(place)}
    staying = {digest for place, digest in ours.items() if place not in removed}
    moved, added, kept_away = {}, {}, 0
    for place, digest in theirs.items():
        if base.get(place) == digest or ours.get(place) == digest:
            continue
        if digest not in base.values() or digest in staying:
            added[place] = digest
        elif digest in ours.values():
            moved[place] = digest
        else:
            kept_away += 1
    for place in moved.keys() & (ours.keys() - removed):
        raise UserError(
            f"Both branches have put different images at {place}: rename one of them on its branch, then merge again."
        )
    return Changes(removed, moved, added, kept_away)


def _list_of(repo: Any, text: str | None) -> Path | None:
    """Where DVC's cache has the list of the files of a version; None without a version."""
    if text is None:
        return None
    [out] = yaml.safe_load(text)["outs"]
    return Path(repo.cache.local.oid_to_path(out["md5"]))


def _is_there(path: Path | None) -> bool:
    return path is None or path.exists()


def _files(path: Path | None) -> Version:
    """The files in a list, none without a version, or if the list is not there."""
    version = {entry["relpath"]: entry["md5"] for entry in io.read_json(path)} if path and path.exists() else {}
    for place in map(PurePosixPath, version):
        if place.is_absolute() or ".." in place.parts:
            raise UserError(f"{DVC_FILE} has the path {place} on one of the branches, which leads out of the dataset.")
    return version


def _missing(repo: Any, version: Version) -> list[str]:
    return [place for place, digest in version.items() if not Path(repo.cache.local.oid_to_path(digest)).exists()]


def _fetch(repo: Any, revisions: Iterable[str]) -> None:
    try:
        repo.fetch(targets=[str(DVC_FILE)], revs=list(revisions), workspace=False)
    except DvcException as error:
        raise UserError(
            f"The images of the other branch are not here, and cannot be fetched ({' '.join(str(error).split())}): run "
            "`dvc push` where the branch was made, then this command again."
        ) from None


def open_repository() -> Any:
    """DVC's repository. Raises UserError if DVC cannot read the project."""
    try:
        return Repo()
    except DvcException as error:
        raise UserError(f"DVC cannot read this project: {' '.join(str(error).split())}.") from None
