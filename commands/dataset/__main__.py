"""Make dataset_images/ from a folder that holds class folders, or train, validation and test with class folders each.

Class folders are split by the shares in params.yaml, class by class. Of images with the same pixels, only one is used.
A CSV file of groups (columns path, relative to the folder, and group) keeps the images of each group in one split; an
image that the file does not list is a group of its own. If the folder is already split, its split is kept.
"""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from commands.dataset import splitting
from commands.dataset.groups import read_groups
from commands.programs import dvc, output_of, succeeds
from transfer import command, params_file
from transfer.common import atomic, parallel
from transfer.dataset import checks, decoding, dvcfile, listing
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import SPLITS

DATASET = Path("dataset_images")
DVC_FILE = Path("dataset_images.dvc")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make dataset SOURCE=folder [GROUPS=file.csv]", description=__doc__)
    parser.add_argument("source", type=user_path, help="the folder with the images")
    parser.add_argument("--groups", type=user_path, metavar="FILE", help="a CSV file with the columns path and group")
    return parser


def main() -> None:
    options = parser().parse_args()
    source, groups_file = options.source, options.groups
    settings = params_file.load()
    shares = settings.data.split.model_dump()
    refuse_to_lose_data(source)

    smaller = "make groups smaller, " if groups_file else ""
    remedy = f"add images, {smaller}or change data.split or data.tolerance in params.yaml."

    # The file for each place in the dataset; all errors are reported before anything is written.
    if any((source / split).is_dir() for split in SPLITS):
        if groups_file:
            raise UserError(
                f"{source} is already split, and its split is kept: use GROUPS only with a folder of class folders."
            )
        dataset = listing.list_dataset(source)
        errors = checks.split_errors(dataset, shares, settings.data.tolerance, remedy)
        errors += file_errors(source / entry.path for entry in dataset.entries)
        files = {entry.path: source / entry.path for entry in dataset.entries}
        sizes, skipped = dataset.images, len(dataset.skipped)
    else:
        files, skipped = split_class_folders(source, shares, settings.seed, groups_file)
        sizes = {split: sum(place.startswith(f"{split}/") for place in files) for split in SPLITS}
        errors = checks.share_errors(source, sizes, shares, settings.data.tolerance, remedy)
    if errors:
        raise UserErrors(errors)

    # The copy replaces the old data at once. DVC tracks it, and it is not bound to the embedded sample's remote.
    with atomic.folder(DATASET) as folder:
        for place, path in progress_bar(files.items(), "copying", len(files)):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)
    dvcfile.release(DVC_FILE)
    dvc("add", "--quiet", str(DATASET))

    counts = ", ".join(f"{number} {split}" for split, number in sizes.items())
    print(f"{DATASET}/ holds {len(files)} images: {counts}")
    if skipped:
        print(f"Skipped {skipped} files that are not images.")
    print(f"Next: `git add {DVC_FILE}`, `dvc repro`, and `git commit` when you are satisfied.")


def user_path(text: str) -> Path:
    """A path as a user types it: `~` is the home folder, also where no shell has expanded it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no user of this name; a shell would not expand it either
        return Path(text)


def refuse_to_lose_data(source: Path) -> None:
    """Raises UserError if the source cannot be used, or dataset_images/ holds data that no commit could restore."""
    if not source.is_dir():
        raise UserError(f"{source} is not a folder: SOURCE must be a folder of class folders.")
    if source.resolve().is_relative_to(DATASET.resolve()) or DATASET.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{source} overlaps with {DATASET}/: SOURCE must be a folder elsewhere.")
    remedy = f"commit the data (`dvc add {DATASET}`, `git commit {DVC_FILE}`) or move them away first."
    if DATASET.exists() and not (
        DVC_FILE.exists() and succeeds(sys.executable, "-m", "dvc", "status", "--quiet", str(DVC_FILE))
    ):
        raise UserError(f"{DATASET}/ holds data that {DVC_FILE} does not track: {remedy}")
    if DVC_FILE.exists() and output_of("git", "status", "--porcelain", "--", str(DVC_FILE)):
        raise UserError(f"{DVC_FILE} is not committed, so its data could not be restored: {remedy}")


def file_errors(paths: Iterable[Path]) -> list[str]:
    """A sentence for each path that has the name of an image but cannot be copied as a file."""
    errors = []
    for path in paths:
        try:
            decoding.check_file(path)
        except UserError as error:
            errors.append(str(error))
    return errors


def split_class_folders(
    source: Path, shares: dict[str, float], seed: int, groups_file: Path | None
) -> tuple[dict[str, Path], int]:
    """The file for each place in the dataset, and the number of files that are not images.

    Raises:
        UserError, UserErrors: there are fewer than two classes, a class is too small or has too few groups, a file
            cannot be read, or the same image is in two classes or in two groups.
    """
    labels = listing.class_folders(source)
    if len(labels) < 2:
        raise UserError(
            f"{source}/ has {'one class folder' if labels else 'no class folder'}: at least two are needed, one for each "
            "class."
        )
    images_and_others = {label: listing.list_images(source / label) for label in labels}
    images = [(label, path) for label, (of_class, _) in images_and_others.items() for path in of_class]
    names = {path: path.relative_to(source).as_posix() for _, path in images}
    groups = read_groups(groups_file, set(names.values())) if groups_file else {}
    errors = [
        f"{source / label}/ has no image: add some, or remove the folder."
        for label, (of_class, _) in images_and_others.items()
        if not of_class
    ]

    def digest(image: tuple[str, Path]) -> str | UserError:
        try:
            return decoding.pixel_digest(decoding.decode(image[1]).pixels)
        except UserError as error:
            return error

    # Images with the same pixels share one place; which of the files is copied does not matter.
    copies: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    digests = progress_bar(parallel.ordered_map(digest, images), "decoding", len(images))
    for image, pixels in zip(images, digests, strict=True):
        if isinstance(pixels, UserError):
            errors.append(str(pixels))
        else:
            copies[pixels].append(image)
    group_of: dict[str, str] = {}
    for pixels, same in copies.items():
        paths = " and ".join(str(path) for _, path in same)
        if len({label for label, _ in same}) > 1:
            errors.append(f"{paths} are the same image in two classes: keep one.")
        of_copies = sorted({groups[names[path]] for _, path in same if names[path] in groups})
        if len(of_copies) > 1:
            errors.append(f"{paths} are the same image in the groups {' and '.join(of_copies)}: give it one group.")
        if of_copies:
            group_of[pixels] = of_copies[0]
    if errors:
        raise UserErrors(errors)

    dropped = len(images) - len(copies)
    if dropped:
        print(f"{dropped} images have the same pixels as others and were left out.")
    splits = splitting.assign([(same[0][0], pixels) for pixels, same in copies.items()], shares, seed, group_of)
    skipped = sum(len(others) for _, others in images_and_others.values())
    return {f"{splits[label, pixels]}/{names[path]}": path for pixels, ((label, path), *_) in copies.items()}, skipped


if __name__ == "__main__":
    command.run(main)
