"""What changed in the dataset since a revision: its images, and their number in each class and split."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import yaml
from dvc.repo import Repo

from commands.comparison import image_counts
from commands.comparison import revision as revisions
from commands.doctor.objects import Place
from commands.formatting.names import inline
from commands.formatting.tables import Rows, table
from transfer import params_file
from transfer.common.dvcfile import REMOTE

DATA = str(params_file.DATASET_FILE)
# What may happen to an image, as the tables call it.
KINDS = ADDED, REMOVED, MOVED_SPLIT, MOVED_CLASS, RENAMED = (
    *("added", "removed", "moved to another split", "moved to another class", "renamed"),
)


@dataclass(frozen=True)
class DataChanges:
    """The changes of the dataset.

    Attributes:
        summary: what changed, in one line.
        tables: the number of images, and the images that changed.
        renamed: the images that have another name or class in the same split now: their path and the path before.
    """

    summary: str
    tables: list[Rows] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def since(revision: str, notes: list[str]) -> DataChanges:
    """What changed in the dataset.

    Args:
        notes: gets a sentence for each comparison that is not possible.
    """
    old, new = (data_digest(revisions.text_of(version, DATA)) for version in (revision, None))
    if old and old == new:
        return DataChanges(f"the same images (md5 {old[:7]})")
    described: list[str] = []
    tables: list[Rows] = []
    renamed: dict[str, str] = {}
    before, now = (image_counts.read(revisions.text_of(version, image_counts.PATH)) for version in (revision, None))
    if before is None or now is None:
        notes.append(
            f"{_where(revision, before)} has no usable {image_counts.PATH}: images are not counted by class and split."
        )
    else:
        described.append(image_counts.describe(before, now))
        if before != now:
            tables.append(image_counts.count_table(before, now))
    if not old or not new:
        notes.append(f"{_where(revision, old)} has no {DATA} that names data: the images are not compared one by one.")
        return DataChanges("; ".join(described) or "unknown", tables)
    files_before, files_now = data_files(old), data_files(new)
    if files_before is None or files_now is None:
        notes.append(
            f"{_where(revision, files_before)} has images of which neither DVC's cache nor the remote has a list, so "
            "they are not compared one by one: run `dvc push` in the clone that made them."
        )
    else:
        changes = changed_files(files_before, files_now)
        described.append(describe_files(changes))
        tables.append(table("Images that changed", ("Image", "Change", "Before"), changes))
        renamed = {path: old_path for path, _, old_path in changes if split_of(old_path) == split_of(path)}
    return DataChanges("; ".join([*described, f"md5 {old[:7]} → {new[:7]}"]), tables, renamed)


def data_digest(text: str | None) -> str | None:
    """The md5 of the data that a .dvc file names; None if it names none."""
    try:
        return str(yaml.safe_load(text or "")["outs"][0]["md5"])
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        return None


def data_files(digest: str) -> dict[str, str] | None:
    """The md5 of each file of a dataset by its path; None if no place has the list of its files.

    The list is read from the cache, from the embedded remote or from the default remote. None of its files is pulled.
    """
    with Repo() as repo:
        places: list[Callable[[], Any]] = [lambda: repo.cache.local]
        for name in (REMOTE, repo.config["core"].get("remote")):
            if name in repo.config["remote"]:
                places.append(partial(repo.cloud.get_remote_odb, name))
        for open_place in places:
            try:
                return dict(Place("", open_place()).files(digest))
            except Exception:  # noqa: S112 - each kind of remote has its own; the caller says what is missing
                continue
    return None


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The images that changed, matched by their content: path, what happened, and the path before.

    An image is added or removed if its content is new or gone, and moved if it is in another split or class now.
    """
    paths_before, paths_now = _by_content(before), _by_content(now)
    rows = [(path, ADDED, "") for content, paths in paths_now.items() for path in paths if content not in paths_before]
    rows += [
        (path, REMOVED, "") for content, paths in paths_before.items() for path in paths if content not in paths_now
    ]
    for content in paths_before.keys() & paths_now.keys():
        gone = sorted(set(paths_before[content]) - set(paths_now[content]))
        come = sorted(set(paths_now[content]) - set(paths_before[content]))
        for number, path in enumerate(come):
            old = gone[number] if number < len(gone) else ""
            rows.append((path, _kind_of_move(old, path) if old else ADDED, old))
        rows += [(path, REMOVED, "") for path in gone[len(come) :]]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def describe_files(changes: Sequence[tuple[str, str, str]]) -> str:
    """How many images were added, removed and so on."""
    numbers = Counter(change for _, change, _ in changes)
    return ", ".join(f"{numbers[kind]} {kind}" for kind in KINDS if numbers[kind]) or "the same images elsewhere"


def split_of(path: str) -> str:
    """The split of an image by its path in the dataset, `split/class/name`."""
    return path.partition("/")[0]


def _by_content(files: Mapping[str, str]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = defaultdict(list)
    for path, content in files.items():
        paths[content].append(path)
    return paths


def _kind_of_move(before: str, now: str) -> str:
    """What the paths `split/class/name` of an image before and now say."""
    split_before, class_before, *_ = (*PurePosixPath(before).parts, "", "")
    split_now, class_now, *_ = (*PurePosixPath(now).parts, "", "")
    if class_before != class_now:
        return MOVED_CLASS
    return MOVED_SPLIT if split_before != split_now else RENAMED


def _where(revision: str, content: object) -> str:
    """Which version lacks something: the revision if it has no `content`, otherwise the workspace."""
    return f"Revision {inline(revision)}" if content is None else "The workspace"
