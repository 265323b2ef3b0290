"""From new images to their places in a dataset that exists: copies, conflicts, near-copies, groups and splits."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from commands.dataset import additions, copies, existing, naming, near_copies, settling, splitting
from commands.dataset.source import SourceImage
from transfer import params_file
from transfer.interface.errors import UserErrors
from transfer.loading.prepared import SPLITS


def arrange(
    present: Sequence[SourceImage],
    images: Sequence[SourceImage],
    groups: Mapping[str, str],
    decisions: Path | None,
    settings: params_file.Params,
    errors: list[str],
) -> additions.Addition:
    """Find a place for each new image. It depends on the pixels of the images, and on how many each split has.

    Args:
        present: the images of the dataset, which keep their places.
        groups: the group of an image, by the name of the image.
        decisions: a CSV file of decisions on conflicts.
        errors: sentences of earlier checks, to be reported together with those of this one.

    Raises:
        UserError, UserErrors: a file cannot be read, a class is too small, a group is divided, or images are in
            conflict; conflicts are then also written to `conflicts.FILE`.
    """
    contents, unreadable = copies.inspect([*present, *images])
    there = {contents[image].pixels: image for image in present if image in contents}
    same = {pixels: [image] for pixels, image in there.items()}
    for image in images:
        if image in contents:
            same.setdefault(contents[image].pixels, []).append(image)
    same, undecided, removed = copies.decide(same, there, groups, decisions)
    group_of = {
        pixels: groups[image.name] for pixels, copied in same.items() for image in copied if image.name in groups
    }
    splits_of, divided = _splits_of_groups(there, group_of, {image.name for image in images}, same)
    if errors := [*errors, *unreadable, *undecided, *divided]:
        raise UserErrors(errors)

    # From here on, an image is the digest of its pixels.
    new = {pixels: same[pixels][0] for pixels in sorted(same.keys() - there.keys())}
    signatures = {content.pixels: content.signature for content in contents.values()}
    resembled = _resembled(new, there, signatures)
    settlement = settling.settle(
        list(new),
        {
            one: {str(other.split) for other in resembled[one]} | splits_of.get(group_of.get(one, ""), set())
            for one in new
        },
        {one: image.split for one, image in new.items() if image.split},
        {one: group_of[one] for one in new if one in group_of},
        _alike(list(new), signatures),
    )
    before = Counter((image.label, str(image.split)) for image in present)
    settled = Counter((new[one].label, split) for one, split in settlement.splits.items())
    free = [(new[one].label, one) for one in new.keys() - settlement.splits.keys() - set(settlement.left_out)]
    splits = settlement.splits | _deal(free, settings, settlement.units, before + settled)

    chosen = {one: (splits[one], new[one]) for one in new if one in splits}
    places = naming.places([image.name for image in present], chosen)
    return additions.Addition(
        files={place: new[one].path for one, place in places.items()},
        group_of={existing.place(image): group_of[one] for one, image in there.items() if one in group_of}
        | {place: group_of[one] for one, place in places.items() if one in group_of},
        before=before,
        after=before + Counter((image.label, split) for split, image in chosen.values()),
        skipped=[image for one in there for image in same[one][1:]],
        repeated=sum(len(same[one]) - 1 for one in new),
        removed=removed,
        near_copies=[(new[one], resembled[one], place) for one, place in places.items() if resembled[one]],
        left_out=[(new[one], _reason(resembled[one], splits_of, group_of.get(one))) for one in settlement.left_out],
        moved=[
            (image, places[one])
            for one, (split, image) in chosen.items()
            if image.split not in (None, split) and not resembled[one]
        ],
    )


def _resembled(
    new: Mapping[str, SourceImage],
    there: Mapping[str, SourceImage],
    signatures: Mapping[str, near_copies.Signature],
) -> dict[str, list[SourceImage]]:
    """The images of the dataset of which each new image is a near-copy."""
    ones, others = list(new), sorted(there, key=lambda pixels: there[pixels].name)
    resembled: dict[str, list[SourceImage]] = {one: [] for one in ones}
    for i, j in near_copies.find([signatures[one] for one in ones], [signatures[other] for other in others]):
        resembled[ones[i]].append(there[others[j]])
    return resembled


def _alike(images: Sequence[str], signatures: Mapping[str, near_copies.Signature]) -> list[tuple[str, str]]:
    """The pairs of new images that are near-copies of each other."""
    pairs = near_copies.find([signatures[one] for one in images], [signatures[one] for one in images])
    return [(images[i], images[j]) for i, j in pairs if i < j]


def _reason(resembled: Sequence[SourceImage], splits_of: Mapping[str, set[str]], group: str | None) -> str:
    """Why an image cannot go to any split, as the end of a sentence."""
    reasons = [f"resembles {additions.names(resembled)}"] if resembled else []
    if group is not None and group in splits_of:
        reasons.append(f"is of the group {group}, which is in {' and '.join(sorted(splits_of[group]))}")
    if len(reasons) == 1 and len({image.split for image in resembled}) < 2:
        reasons.append("resembles or belongs to what goes to another split")
    return " and ".join(reasons)


def _splits_of_groups(
    there: Mapping[str, SourceImage],
    group_of: Mapping[str, str],
    new_names: set[str],
    same: Mapping[str, list[SourceImage]],
) -> tuple[dict[str, set[str]], list[str]]:
    """The split that the dataset has each group in, and a sentence for each group that it divides.

    Groups without a new image are none of this addition's business.
    """
    concerned = {group for pixels, group in group_of.items() if any(image.name in new_names for image in same[pixels])}
    first: dict[str, dict[str, SourceImage]] = defaultdict(dict)
    for pixels, image in there.items():
        if group_of.get(pixels) in concerned:
            first[group_of[pixels]].setdefault(str(image.split), image)
    errors = [
        f"The group {group} is divided between splits, as {' and '.join(image.name for image in of_split.values())} "
        "show, and images of the dataset stay where they are: give them groups of different names."
        for group, of_split in first.items()
        if len(of_split) > 1
    ]
    return {group: set(of_split) for group, of_split in first.items()}, errors


def _deal(
    images: Sequence[tuple[str, str]],
    settings: params_file.Params,
    units: Mapping[str, str],
    counts: Mapping[tuple[str, str], int],
) -> dict[str, str]:
    """The split of each image that is free to go anywhere. Raises UserErrors if a class would lack one in a split."""
    present: dict[str, dict[str, int]] = defaultdict(dict)
    for (label, split), number in counts.items():
        present[label][split] = number
    shares = settings.data.split.model_dump()
    splits = splitting.assign(images, shares, settings.seed, units, present) if images else {}
    filled = counts.keys() | {(label, split) for (label, _), split in splits.items()}
    labels = sorted({label for label, _ in filled})
    errors = [
        f"The class {label} would have no image in {split}: add at least {len(SPLITS)} images, one for each split."
        for label in labels
        for split in SPLITS
        if (label, split) not in filled
    ]
    if errors:
        raise UserErrors(errors)
    return {pixels: split for (_, pixels), split in splits.items()}
