"""What `make relabel` prints: every image that changes, how to undo it, and what comes next."""

from collections import Counter
from pathlib import Path

from commands.dataset.versions import DATASET, DVC_FILE
from commands.formatting.tables import count, join
from commands.programs import output_of
from commands.relabel import groups, record
from commands.relabel.plan import Plan
from commands.relabel.verdicts import Verdicts
from transfer.common import dvcfile
from transfer.dataset import checks
from transfer.dataset.checks import printable
from transfer.dataset.listing import DatasetListing
from transfer.dataset.params import DataParams

# A sentence about a group names so many of its images.
NAMED = 5


def lines(chosen: Verdicts, changes: Plan, dataset: DatasetListing, data: DataParams) -> list[str]:
    """The lines that are printed when everything is applied."""
    sentences = {old: f"  {printable(old)} → {printable(new)}" for old, new in changes.moves.items()}
    sentences |= {image: f"  {printable(image)} removed" for image in changes.removals}
    of_test = {image: sentence for image, sentence in sentences.items() if image.startswith("test/")}
    printed = [_numbers(chosen, changes)]
    printed += [sentence for image, sentence in sentences.items() if image not in of_test]
    if of_test:
        images = count(len(of_test), "test image")
        printed += [f"{images} changed, so earlier test accuracies are not comparable:", *of_test.values()]
    printed += _divided_groups(chosen, changes)
    if sentences:
        printed += _dataset(changes, dataset, data)
    files: list[Path] = [*([DVC_FILE] if sentences else []), record.FILE, *([groups.FILE] if changes.groups else [])]
    repro = ", `dvc repro`" if sentences else ""
    return [*printed, f"Next: `git add {' '.join(map(str, files))}`{repro}, and `git commit`."]


def _numbers(chosen: Verdicts, changes: Plan) -> str:
    """How many verdicts of each kind there are."""
    moved, removed = len(changes.moves), len(changes.removals)
    kinds = Counter(chosen.pairs.values())
    numbers = [
        (len(chosen.labels) - moved - removed, "kept"),
        (moved, "moved to another class"),
        (removed, "removed"),
        (kinds[record.SAME], "of the same object"),
        (kinds[record.DIFFERENT], "of different objects"),
    ]
    texts = [f"{count(number, 'image')} {what}" for number, what in numbers[:3] if number]
    texts += [f"{count(number, 'pair')} {what}" for number, what in numbers[3:] if number]
    return ", ".join(texts)


def _divided_groups(chosen: Verdicts, changes: Plan) -> list[str]:
    """A sentence for each group of these verdicts that several splits share."""
    paired = {changes.moves.get(image, image) for pair in chosen.pairs for image in pair}
    return [
        f"The object of group {printable(group)} is in several splits, {join(list(map(printable, images)), NAMED)}: "
        "remove its images from all splits but one, or make a new split with `make dataset`."
        for group, images in groups.in_several_splits(changes.groups).items()
        if paired & set(images)
    ]


def _dataset(changes: Plan, dataset: DatasetListing, data: DataParams) -> list[str]:
    """What the dataset holds now, and how to get back what it was."""
    gone = Counter(image.split("/")[0] for image in changes.removals)
    sizes = {split: number - gone[split] for split, number in dataset.images.items()}
    numbers = ", ".join(f"{number} {split}" for split, number in sizes.items())
    remedy = "change data.split or data.tolerance in params.yaml before `dvc repro`."
    commit = output_of("git", "rev-parse", "--short", "HEAD").strip()
    tables = map(str, (groups.FILE, record.FILE))
    committed = output_of("git", "ls-tree", "--name-only", "HEAD", "--", *tables).split()
    files = " ".join([str(DVC_FILE), *committed])
    sentences = [
        f"{DATASET}/ holds {sum(sizes.values())} images: {numbers}",
        *checks.share_errors(DATASET, sizes, data.split.model_dump(), data.tolerance, remedy),
        f"Commit {commit} has the images as they were: `git checkout {commit} -- {files}` and "
        f"`dvc checkout {DVC_FILE}` restore all of them, `dvc get . {DATASET}/<path> --rev {commit}` restores one.",
    ]
    if dvcfile.is_bound(DVC_FILE):
        sentences.append(f"{DVC_FILE} is no longer bound to the embedded sample: `dvc push` now sends the images.")
    return sentences
