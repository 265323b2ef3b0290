"""Make dataset_images/ from a folder of your own: class folders, or train, validation and test with class folders each.

Class folders are split by the shares in params.yaml, class by class, each image once however many copies there are of
it. A CSV file of groups (path, relative to the folder, and group) keeps the images of each group in one split; an image
that it does not list is a group of its own. A folder that is split already is taken as it is.
"""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from commands.dataset import splitting
from commands.programs import answer, dvc, succeeds
from transfer import command, params_file
from transfer.common import atomic, parallel
from transfer.dataset import checks, decoding, dvcfile, listing
from transfer.interface.errors import UserError, UserErrors
from transfer.loading import prepared

DATASET = Path("dataset_images")
DVC_FILE = Path("dataset_images.dvc")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make dataset SOURCE=folder [GROUPS=file.csv]", description=__doc__)
    parser.add_argument("source", type=Path, help="the folder to make the dataset from")
    parser.add_argument("--groups", type=Path, metavar="FILE", help="a CSV file with the columns path and group")
    asked = parser.parse_args()
    source = asked.source
    settings = params_file.load()
    refuse_to_lose_data(source)

    smaller = "make groups smaller, " if asked.groups else ""
    remedy = f"add images, {smaller}or change data.split or data.tolerance in params.yaml."
    checked = settings.data.split.model_dump(), settings.data.tolerance, remedy

    # Where each image goes, all settled before anything is touched: place in the dataset to file
    if any((source / split).is_dir() for split in prepared.SPLITS):
        if asked.groups:
            raise UserError(
                f"{source} is split already, and is taken as it is: GROUPS is for a folder of class folders."
            )
        found = listing.list_dataset(source)
        faults = [*checks.split_errors(found, *checked), *file_faults(source / entry.path for entry in found.entries)]
        places = {entry.path: source / entry.path for entry in found.entries}
        sizes, skipped = found.images, len(found.skipped)
    else:
        places, skipped = split(source, settings.data.split.model_dump(), settings.seed, asked.groups)
        sizes = {name: sum(place.startswith(f"{name}/") for place in places) for name in prepared.SPLITS}
        faults = checks.share_errors(source, sizes, *checked)
    if faults:
        raise UserErrors(faults)

    # Copied beside the old data, then put in their place, tracked by DVC and free of the embedded sample's remote
    with atomic.folder(DATASET) as folder:
        for place, path in tqdm(places.items(), "copying", disable=None, leave=False):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)
    dvcfile.release(DVC_FILE)
    dvc("add", "--quiet", str(DATASET))

    print(f"{DATASET}/ holds {len(places)} images: " + ", ".join(f"{n} {name}" for name, n in sizes.items()))
    if skipped:
        print(f"Skipped {skipped} files that are no images.")
    print(f"Next: `git add {DVC_FILE}`, `dvc repro`, and `git commit` when you are content.")


def refuse_to_lose_data(source: Path) -> None:
    """Raises Fault if there is nothing to take, or something in dataset_images/ that no commit would bring back."""
    if not source.is_dir():
        raise UserError(f"{source} is no folder: SOURCE is a folder of class folders.")
    if source.resolve().is_relative_to(DATASET.resolve()) or DATASET.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{source} is {DATASET}/ itself, or holds it: SOURCE must be a folder elsewhere.")
    keep = f"commit it (`dvc add {DATASET}`, `git commit {DVC_FILE}`) or move it away first."
    if DATASET.exists() and not (
        DVC_FILE.exists() and succeeds(sys.executable, "-m", "dvc", "status", "--quiet", str(DVC_FILE))
    ):
        raise UserError(f"{DATASET}/ holds data that {DVC_FILE} does not have: {keep}")
    if DVC_FILE.exists() and answer("git", "status", "--porcelain", "--", str(DVC_FILE)):
        raise UserError(f"{DVC_FILE} is not committed, and its data could not be found again: {keep}")


def file_faults(paths: Iterable[Path]) -> list[str]:
    """A sentence for each path that has the name of an image and is no file that could be copied."""
    faults = []
    for path in paths:
        try:
            decoding.check_file(path)
        except UserError as fault:
            faults.append(str(fault))
    return faults


def split(source: Path, shares: dict[str, float], seed: int, groups_file: Path | None) -> tuple[dict[str, Path], int]:
    """Split class folders: place in the dataset to file, and how many files are no images.

    Raises:
        Fault, Faults: there are fewer than two classes, a class is too small or has too few groups, a file cannot be
            read, or one image is in two classes or in two groups.
    """
    labels = listing.class_folders(source)
    if len(labels) < 2:
        raise UserError(
            f"{source}/ has {len(labels)} class folders: a folder for each of at least two classes is needed."
        )
    listed = {label: listing.list_images(source / label) for label in labels}
    paths = [(label, path) for label, (found, _) in listed.items() for path in found]
    names = {path: path.relative_to(source).as_posix() for _, path in paths}
    groups = splitting.read_groups(groups_file, set(names.values())) if groups_file else {}
    faults = [f"{source / label}/ holds no image: add some, or remove it." for label in labels if not listed[label][0]]

    def digest(item: tuple[str, Path]) -> str | UserError:
        try:
            return decoding.pixel_digest(decoding.decode(item[1]).pixels)
        except UserError as fault:
            return fault

    # One place for each different image; which of its copies is taken does not matter
    copies: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    digests = tqdm(parallel.ordered_map(digest, paths), "decoding", len(paths), disable=None, leave=False)
    for item, found in zip(paths, digests, strict=True):
        if isinstance(found, UserError):
            faults.append(str(found))
        else:
            copies[found].append(item)
    group_of: dict[str, str] = {}
    for key, same in copies.items():
        told = " and ".join(str(path) for _, path in same)
        if len({label for label, _ in same}) > 1:
            faults.append(f"{told} are the same image in two classes: keep one.")
        of_copies = sorted({groups[names[path]] for _, path in same if names[path] in groups})
        if len(of_copies) > 1:
            faults.append(f"{told} are the same image in the groups {' and '.join(of_copies)}: give them one.")
        if of_copies:
            group_of[key] = of_copies[0]
    if faults:
        raise UserErrors(faults)

    dropped = len(paths) - len(copies)
    if dropped:
        print(f"{dropped} images are copies of others, pixel by pixel, and were left out.")
    places = splitting.assign([(same[0][0], key) for key, same in copies.items()], shares, seed, group_of)
    skipped = sum(len(others) for _, others in listed.values())
    return {f"{places[label, key]}/{names[path]}": path for key, ((label, path), *_) in copies.items()}, skipped


if __name__ == "__main__":
    command.run(main)
