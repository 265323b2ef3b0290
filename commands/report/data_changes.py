"""What changed in the dataset since a revision: its images, and their number in each class and split."""

import io as text_io
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import yaml

from commands.programs import output_of
from commands.report import revision as revisions
from commands.report.names import isolate
from commands.report.tables import Rows, table
from transfer import params_file
from transfer.common import io
from transfer.common.dvcfile import REMOTE_FOLDER
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS

DATA = str(params_file.DATASET_FILE)
COUNTS = "plots/dataset.csv"
# What may happen to an image, as the tables call it.
KINDS = ADDED, REMOVED, MOVED_SPLIT, MOVED_CLASS, RENAMED = (
    *("added", "removed", "moved to another split", "moved to another class", "renamed"),
)


def since(revision: str, notes: list[str]) -> tuple[str, list[Rows]]:
    """One sentence on the data, and tables of what changed in them.

    Args:
        notes: gets a sentence for each comparison that is not possible.
    """
    old, new = (data_digest(revisions.text_of(version, DATA)) for version in (revision, None))
    if old and old == new:
        return f"the same images (md5 {old[:7]})", []
    described, tables = [], []
    before, now = (counts(revisions.text_of(version, COUNTS)) for version in (revision, None))
    if before is None or now is None:
        notes.append(f"{_where(revision, before)} has no usable {COUNTS}: images are not counted by class and split.")
    else:
        described.append(describe_counts(before, now))
        if before != now:
            tables.append(count_table(before, now))
    if not old or not new:
        notes.append(f"{_where(revision, old)} has no {DATA} that names data: the images are not compared one by one.")
        return "; ".join(described) or "unknown", tables
    files_before, files_now = data_files(old), data_files(new)
    if files_before is None or files_now is None:
        notes.append(
            f"{_where(revision, files_before)} has images of which DVC's cache has no list, so they are not "
            "compared one by one: run `dvc fetch --all-commits dataset_images.dvc`."
        )
    else:
        changes = changed_files(files_before, files_now)
        described.append(describe_files(changes))
        tables.append(table("Images that changed", ("Image", "Change", "Before"), changes))
    return "; ".join([*described, f"md5 {old[:7]} → {new[:7]}"]), tables


def data_digest(text: str | None) -> str | None:
    """The md5 of the data that a .dvc file names; None if it names none."""
    try:
        return str(yaml.safe_load(text or "")["outs"][0]["md5"])
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        return None


def data_files(digest: str) -> dict[str, str] | None:
    """The md5 of each file of a dataset by its path; None if DVC's cache and the embedded remote lack the list."""
    name = Path("files/md5", digest[:2], digest[2:])
    path = REMOTE_FOLDER / name
    if not path.is_file():
        path = Path(output_of(sys.executable, "-m", "dvc", "cache", "dir", quiet=True).strip()) / name
    return {entry["relpath"]: entry["md5"] for entry in io.read_json(path)} if path.is_file() else None


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


def counts(text: str | None) -> dict[tuple[str, str], int] | None:
    """The number of images by class and split, of a `plots/dataset.csv`; None if it is missing or no such table."""
    try:
        rows = io.parse_csv(text_io.StringIO(text or ""), COUNTS, "", ("split", "class")).to_dict("records")
        return {(row["class"], row["split"]): int(row["images"]) for row in rows}
    except (UserError, KeyError, ValueError):
        return None


def count_table(before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]) -> Rows:
    """The number of images in each split, of all classes and of each class that changed: `160 → 150`, or `160`."""
    names = sorted({name for name, _ in (*before, *now)})
    total = [_counts_of(names, before, now)]
    rows = [
        (name, *map(_before_and_now, _counts_of([name], before, now)))
        for name in names
        if any(first != second for first, second in _counts_of([name], before, now))
    ]
    rows.insert(0, ("all classes", *map(_before_and_now, total[0])))
    return table("Images of the classes that changed, before → now", ("Class", *SPLITS), rows)


def describe_counts(before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]) -> str:
    """The number of images and of classes, before and now."""
    classes = [len({name for name, _ in table}) for table in (before, now)]
    images = _before_and_now((sum(before.values()), sum(now.values())))
    return f"{images} images" + (f" of {_before_and_now((classes[0], classes[1]))} classes")


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


def _counts_of(
    names: Sequence[str], before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]
) -> list[tuple[int, int]]:
    """The number of images of these classes before and now, in each split."""
    first, second = (
        [sum(table.get((name, split), 0) for name in names) for split in SPLITS] for table in (before, now)
    )
    return list(zip(first, second, strict=True))


def _before_and_now(numbers: tuple[int, int]) -> str:
    first, second = numbers
    return str(first) if first == second else f"{first} → {second}"


def _where(revision: str, content: object) -> str:
    """Which version lacks something: the revision if it has no `content`, otherwise the workspace."""
    return f"Revision {isolate(revision)}" if content is None else "The workspace"
