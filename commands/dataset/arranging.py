"""From the images of a source to the places of a dataset: copies, conflicts, groups and splits."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands.dataset import conflicts, source, splitting
from commands.dataset.groups import read_groups
from commands.dataset.source import SourceImage
from transfer.common import parallel
from transfer.dataset import checks, decoding
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import SPLITS


@dataclass(frozen=True)
class Arrangement:
    """A dataset to be written.

    Attributes:
        files: the file for each place in the dataset.
        notes: lines about what was left out or drawn.
    """

    files: dict[str, Path]
    notes: list[str]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of images of each split."""
        return {split: sum(place.startswith(f"{split}/") for place in self.files) for split in SPLITS}


def arrange(
    contents: source.Contents,
    shares: Mapping[str, float],
    seed: int,
    groups_file: Path | None,
    decisions: Path | None,
    errors: list[str],
) -> Arrangement:
    """Find a place for each image.

    Args:
        shares: the target share of each split.
        groups_file: a CSV file of images that must go to the same split.
        decisions: a CSV file of decisions on conflicts.
        errors: sentences of earlier checks, to be reported together with those of this one.

    Raises:
        UserError, UserErrors: a class is too small or has too few groups, a file cannot be read, or images are in
            conflict; conflicts are then also written to `conflicts.FILE`.
    """
    groups = read_groups(groups_file, {image.name for image in contents.images}) if groups_file else {}
    errors = errors + checks.name_errors(groups.values(), "groups") + _divided_groups(contents.images, groups)
    copies, unreadable = _by_pixels(contents.images)
    in_conflict = conflicts.find(copies, groups)
    decided = conflicts.read_decisions(decisions, in_conflict) if decisions else {}
    copies = {
        pixels: kept
        for pixels, same in copies.items()
        if (kept := [image for image in same if decided.get(image.name) != "remove"])
    }
    undecided = conflicts.find(copies, groups)
    errors = errors + unreadable + [conflict.sentence for conflict in undecided]
    if undecided:
        errors.append(conflicts.write(in_conflict, decided))
    if errors:
        raise UserErrors(errors + checks.skipped_sentences(checks.left_out(contents.skipped)))

    notes = []
    removed = sum(decision == "remove" for decision in decided.values())
    if removed:
        notes.append(f"{removed} images were left out by the decisions in {decisions}.")
    # Images with the same pixels share one place; which of the files is copied does not matter.
    dropped = len(contents.images) - removed - len(copies)
    if dropped:
        notes.append(f"{dropped} images have the same pixels as others and were left out.")
    drawn = [split for split in SPLITS if split not in contents.splits] if contents.splits else []
    if drawn:
        notes.append(f"The source has no {' and no '.join(drawn)} split: it was drawn from train, by data.split.")

    # Without splits, every image is assigned to one; with splits, only the images of train, to those that are missing.
    open_splits = ["train", *drawn] if contents.splits else list(SPLITS)
    total = sum(shares[split] for split in open_splits)
    to_assign = {pixels: same[0] for pixels, same in copies.items() if same[0].split in (None, "train")}
    group_of = {pixels: groups[image.name] for pixels, same in copies.items() for image in same if image.name in groups}
    splits = {}
    if drawn or not contents.splits:
        splits = splitting.assign(
            [(image.label, pixels) for pixels, image in to_assign.items()],
            {split: shares[split] / total for split in open_splits},
            seed,
            group_of,
        )
    files = {}
    filled, labels = set(), sorted({image.label for image in contents.images})
    for pixels, (image, *_) in copies.items():
        split = splits.get((image.label, pixels), image.split)
        files[f"{split}/{image.label}/{image.inside}"] = image.path
        filled.add((split, image.label))
    # The decisions may have removed all that a class had in a split.
    empty = [(split, label) for split in SPLITS for label in labels if (split, label) not in filled]
    if empty:
        remedy = f"keep one in {decisions}, or remove the class from SOURCE."
        raise UserErrors([f"The class {label} is left without an image in {split}: {remedy}" for split, label in empty])
    return Arrangement(files, notes)


def _divided_groups(images: list[SourceImage], groups: Mapping[str, str]) -> list[str]:
    """A sentence for each group that the splits of a source divide."""
    members: dict[str, dict[str, Path]] = defaultdict(dict)
    for image in images:
        if image.name in groups and image.split:
            members[groups[image.name]].setdefault(image.split, image.path)
    return [
        f"The group {group} is divided between splits, as {' and '.join(map(str, first.values()))} show: move its "
        "images into one split, or remove its lines from GROUPS."
        for group, first in members.items()
        if len(first) > 1
    ]


def _by_pixels(images: list[SourceImage]) -> tuple[dict[str, list[SourceImage]], list[str]]:
    """The images by the digest of their pixels, and a sentence for each file that cannot be read."""
    copies: dict[str, list[SourceImage]] = defaultdict(list)
    errors = []
    digests = progress_bar(parallel.ordered_map(_digest, images), "decoding", len(images))
    for image, pixels in zip(images, digests, strict=True):
        if isinstance(pixels, UserError):
            errors.append(str(pixels))
        else:
            copies[pixels].append(image)
    return copies, errors


def _digest(image: SourceImage) -> str | UserError:
    try:
        return decoding.decode(image.path).digest
    except UserError as error:
        return error
