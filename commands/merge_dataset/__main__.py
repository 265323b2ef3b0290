"""Merge the images of two branches that have both changed the dataset, when Git has stopped with a conflict in it.

Git leaves dataset_images.dvc and dataset_groups.csv as they are on the current branch. This command does to the dataset
what the other branch did since the two parted. What it removed, or moved to another class, is removed or moved. What it
added is added as with `make dataset ADD=1`: an image that both branches have is taken once; an image keeps the split of
its branch, unless the current branch has a near-copy of it, or its group, in another; and where both branches have an
image of the same name, one gets another name. Images of the current branch stay where they are.
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from commands.dataset import adding, additions, existing, groups, saving
from commands.dataset.source import SourceImage
from commands.dataset.versions import DATASET, DVC_FILE, is_in_cache
from commands.merge_dataset import versions
from commands.paths import user_path
from commands.programs import check_repository
from transfer import command, params_file
from transfer.common import io
from transfer.dataset import checks, listing
from transfer.interface.errors import UserError, UserErrors

FOLDER = Path(".scratch/merge")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make merge-dataset [DECISIONS=file.csv]", description=__doc__)
    parser.add_argument(
        "--decisions", type=user_path, metavar="FILE", help="dataset_conflicts.csv with keep or remove in each row"
    )
    return parser


def main() -> None:
    decisions = parser().parse_args().decisions
    check_repository()
    settings = params_file.load()
    head = versions.other_head()
    start_from_current_branch()
    with versions.open_repository() as repo:
        base, ours, theirs = versions.read(repo, head)
        changes = versions.compare(base, ours, theirs)
        objects = {digest: Path(repo.cache.local.oid_to_path(digest)) for digest in theirs.values()}

    # All errors are reported before anything is written.
    dataset = existing.read()
    with linked({place: objects[digest] for place, digest in (changes.moved | changes.added).items()}, head) as folder:
        # Notes and the like are taken over as they are, where nothing is in the way.
        images = {entry.path for entry in listing.list_dataset(folder).entries}
        others = (changes.moved.keys() | changes.added.keys()) - images
        in_the_way = {place for place in others if (DATASET / place).exists() and place not in changes.removed}

        staying = [image for image in dataset.images if existing.place(image) not in changes.removed]
        moved = [existing.image(folder / place, place) for place in sorted(changes.moved.keys() & images)]
        new = [
            replace(existing.image(folder / place, place), name=f"{head}:{DATASET}/{place}")
            for place in sorted(changes.added.keys() & images)
        ]
        group_of = groups_of_both(staying, [*moved, *new], ours, theirs)
        errors = checks.name_errors([image.label for image in (*staying, *moved, *new)], "classes")
        addition = adding.arrange([*staying, *moved], new, group_of, decisions, settings, errors)
        as_they_are = (changes.moved.keys() | others) - in_the_way
        files = addition.files | {place: folder / place for place in as_they_are}
        released = saving.extend(files, changes.removed, addition.group_of)

    before = Counter((image.label, str(image.split)) for image in dataset.images)
    stay = f"{additions.counted(changes.kept_away)} that it moved stay removed, as on this branch."
    gone = additions.counted(len(changes.removed) - len(changes.moved))
    lines = [
        f"The other branch removed {gone} and moved {len(changes.moved)}.",
        *([stay] if changes.kept_away else []),
        *(f"{DATASET}/{place} is not an image, and stays as on this branch." for place in sorted(in_the_way)),
        *replace(addition, before=before).lines(),
        *released,
    ]
    print(*lines, *saving.next_steps(settings, addition.sizes), sep="\n")


def start_from_current_branch() -> None:
    """Make dataset_images.dvc the current branch's. Raises UserError if the workspace has other data."""
    if saving.take_back():
        print("The last merge did not finish: what it had changed was taken back.")
    ours = versions.staged(DVC_FILE, versions.OURS) or ""
    text = DVC_FILE.read_text(encoding="utf-8") if DVC_FILE.exists() else ""
    if text != ours and "<<<<<<<" not in text:
        raise UserError(
            f"{DVC_FILE} has changed since Git stopped: run `git add {DVC_FILE}` if its images are merged, or `git "
            f"checkout --ours {DVC_FILE}` and `dvc checkout {DVC_FILE}` to begin again."
        )
    io.write_text(DVC_FILE, ours)
    if not DATASET.exists() or not is_in_cache():
        raise UserError(
            f"{DATASET}/ does not hold the data of the current branch: run `dvc checkout {DVC_FILE}` or `dvc pull "
            f"{DVC_FILE}`, then this command again."
        )


@contextmanager
def linked(files: Mapping[str, Path], head: str) -> Iterator[Path]:
    """A folder with links to objects in DVC's cache, by place; errors call it by the other branch's name."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        FOLDER.mkdir(parents=True)
        for place, path in files.items():
            (FOLDER / place).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / place).symlink_to(path.absolute())
        yield FOLDER
    except UserError as error:
        lines = str(error).splitlines()
        raise UserErrors([line.replace(str(FOLDER), f"{head}:{DATASET}") for line in lines]) from None
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def groups_of_both(
    staying: Sequence[SourceImage],
    coming: Sequence[SourceImage],
    ours: versions.Version,
    theirs: versions.Version,
) -> dict[str, str]:
    """The group of an image, by its name.

    Args:
        staying: images of the current branch; the other one may have given some of them a group.
        coming: images as the other branch has them.
    """
    stored, of_other = stored_groups(versions.OURS, ours), stored_groups(versions.THEIRS, theirs)
    of_other_too = {place: group for place, group in of_other.items() if ours.get(place) == theirs[place]}
    of_staying = of_other_too | stored
    group_of = {image.name: of_staying.get(existing.place(image)) for image in staying}
    group_of |= {image.name: of_other.get(existing.place(image)) for image in coming}
    return {name: group for name, group in group_of.items() if group}


def stored_groups(number: int, version: versions.Version) -> dict[str, str]:
    """The groups of a version of the dataset, by place."""
    text = versions.staged(groups.FILE, number)
    if text is None:
        return {}
    copy = FOLDER / groups.FILE
    io.write_text(copy, text)
    return groups.read_stored(version, copy)[0]


if __name__ == "__main__":
    command.run(main)
