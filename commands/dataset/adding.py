"""From new images to their places in a dataset that exists: copies, conflicts, near-copies, groups and splits."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from commands.dataset import additions, conflicts, existing, near_copies, settling, splitting
from commands.dataset.source import SourceImage
from transfer import params_file
from transfer.common import parallel
from transfer.dataset import decoding
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import SPLITS


@dataclass(frozen=True)
class Content:
    """What an image is compared by."""

    pixels: str
    signature: near_copies.Signature


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
    contents, unreadable = _inspect([*present, *images])
    there = {contents[image].pixels: image for image in present if image in contents}
    copies = {pixels: [image] for pixels, image in there.items()}
    for image in images:
        if image in contents:
            copies.setdefault(contents[image].pixels, []).append(image)
    copies, undecided, removed = _decide(copies, there, groups, decisions)
    group_of = {pixels: groups[image.name] for pixels, same in copies.items() for image in same if image.name in groups}
    splits_of, divided = _splits_of_groups(there, group_of, {image.name for image in images}, copies)
    if errors := [*errors, *unreadable, *undecided, *divided]:
        raise UserErrors(errors)

    new = sorted(copies.keys() - there.keys())
    signatures = {content.pixels: content.signature for content in contents.values()}
    others = sorted(there)
    resembled: dict[str, list[SourceImage]] = defaultdict(list)
    for i, j in near_copies.find([signatures[one] for one in new], [signatures[one] for one in others]):
        resembled[new[i]].append(there[others[j]])
    pairs = near_copies.find([signatures[one] for one in new], [signatures[one] for one in new])
    demanded = {
        one: {str(image.split) for image in resembled[one]} | splits_of.get(group_of.get(one, ""), set()) for one in new
    }
    proposed = {one: split for one in new if (split := copies[one][0].split)}
    alike = [(new[i], new[j]) for i, j in pairs if i < j]
    settlement = settling.settle(new, demanded, proposed, {one: group_of[one] for one in new if one in group_of}, alike)

    label_of = {one: copies[one][0].label for one in new}
    before = Counter((image.label, str(image.split)) for image in present)
    counts = before + Counter((label_of[one], split) for one, split in settlement.splits.items())
    free = [one for one in new if one not in settlement.splits and one not in settlement.left_out]
    dealt = _deal([(label_of[one], one) for one in free], settings, settlement.units, counts)
    splits = settlement.splits | dealt
    places = _places([image.name for image in present], {one: (split, copies[one][0]) for one, split in splits.items()})
    return additions.Addition(
        files={places[one]: copies[one][0].path for one in sorted(places)},
        group_of={existing.place(image): group_of[one] for one, image in there.items() if one in group_of}
        | {place: group_of[one] for one, place in places.items() if one in group_of},
        before=before,
        after=before + Counter((label_of[one], split) for one, split in splits.items()),
        skipped=[image for one in there for image in copies[one][1:]],
        repeated=sum(len(copies[one]) - 1 for one in new),
        removed=removed,
        near_copies=[(copies[one][0], resembled[one], place) for one, place in places.items() if resembled[one]],
        left_out=[
            (copies[one][0], _reason(resembled[one], splits_of, group_of.get(one))) for one in settlement.left_out
        ],
        moved=[
            (copies[one][0], place)
            for one, place in places.items()
            if not resembled[one] and _is_moved(copies[one][0], place)
        ],
    )


def _reason(resembled: Sequence[SourceImage], splits_of: Mapping[str, set[str]], group: str | None) -> str:
    """Why an image cannot go to any split, as the end of a sentence."""
    reasons = [f"resembles {additions.names(resembled)}"] if resembled else []
    if group is not None and group in splits_of:
        reasons.append(f"is of the group {group}, which is in {' and '.join(sorted(splits_of[group]))}")
    if len(reasons) == 1 and len({image.split for image in resembled}) < 2:
        reasons.append("resembles or belongs to what goes to another split")
    return " and ".join(reasons)


def _inspect(images: Sequence[SourceImage]) -> tuple[dict[SourceImage, Content], list[str]]:
    """What each image is compared by, and a sentence for each file that cannot be read."""
    results = progress_bar(parallel.ordered_map(_content, images), "decoding", len(images))
    inspected = list(zip(images, results, strict=True))
    contents = {image: content for image, content in inspected if isinstance(content, Content)}
    return contents, [str(error) for _, error in inspected if isinstance(error, UserError)]


def _content(image: SourceImage) -> Content | UserError:
    try:
        decoded = decoding.decode(image.path)
    except UserError as error:
        return error
    return Content(decoded.digest, near_copies.signature(decoded.pixels))


def _decide(
    copies: Mapping[str, list[SourceImage]],
    there: Mapping[str, SourceImage],
    groups: Mapping[str, str],
    decisions: Path | None,
) -> tuple[dict[str, list[SourceImage]], list[str], int]:
    """The copies that are left by a user's decisions, sentences about what is undecided, and how many were removed."""

    def in_conflict(candidates: Mapping[str, list[SourceImage]]) -> list[conflicts.Conflict]:
        # In which split the source has a copy of an image of the dataset does not matter: the dataset's stays.
        return conflicts.find(
            {
                pixels: [replace(image, split=None) for image in same] if pixels in there else same
                for pixels, same in candidates.items()
                if len(same) > 1
            },
            groups,
        )

    all_conflicts = in_conflict(copies)
    decided = conflicts.read_decisions(decisions, all_conflicts) if decisions else {}
    of_dataset = {image.name for image in there.values()}
    errors = [
        f"{decisions} removes {name}, but an image of the dataset stays where it is: remove the new file instead, or "
        "correct the dataset first (move or delete the file, `dvc add`, and commit)."
        for name, decision in decided.items()
        if decision == "remove" and name in of_dataset
    ]
    kept = {
        pixels: [image for image in same if decided.get(image.name) != "remove" or image.name in of_dataset]
        for pixels, same in copies.items()
    }
    kept = {pixels: same for pixels, same in kept.items() if same}
    undecided = in_conflict(kept)
    errors += [conflict.sentence for conflict in undecided]
    if undecided:
        stay = {
            image.name: "keep" for conflict in all_conflicts for image in conflict.images if image.name in of_dataset
        }
        errors.append(conflicts.write(all_conflicts, stay | decided))
    return kept, errors, sum(map(len, copies.values())) - sum(map(len, kept.values()))


def _splits_of_groups(
    there: Mapping[str, SourceImage],
    group_of: Mapping[str, str],
    new_names: set[str],
    copies: Mapping[str, list[SourceImage]],
) -> tuple[dict[str, set[str]], list[str]]:
    """The split that the dataset has each group in, and a sentence for each group that it divides.

    Groups without a new image are none of this addition's business.
    """
    concerned = {
        group for pixels, group in group_of.items() if any(image.name in new_names for image in copies[pixels])
    }
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


def _is_moved(image: SourceImage, place: str) -> bool:
    """Whether an image is in another split than in its source."""
    return image.split is not None and not place.startswith(f"{image.split}/")


def _places(names: Iterable[str], images: Mapping[str, tuple[str, SourceImage]]) -> dict[str, str]:
    """A place in the dataset for each new image, by its digest.

    An image whose place is taken gets the first digits of its digest into its name. Places that differ only in case or
    Unicode form count as one, because some file systems do not tell them apart.
    """
    taken = {_folded(name.partition("/")[2]) for name in names}
    folders = {parent for place in taken for parent in map(str, PurePosixPath(place).parents)}
    places = {}
    for pixels, (split, image) in images.items():
        path = PurePosixPath(split, image.label, image.inside)
        with_digest = path.with_name(f"{path.stem}-{pixels[:8]}{path.suffix}")
        for candidate in (path, with_digest, PurePosixPath(split, image.label, f"{pixels}{path.suffix}")):
            folded = _folded(str(candidate))
            parents = set(map(str, PurePosixPath(folded).parents))
            if folded not in taken | folders and not parents & taken:
                break
        places[pixels] = str(candidate)
        taken.add(folded)
        folders |= parents
    return places


def _folded(place: str) -> str:
    return unicodedata.normalize("NFC", place).casefold()
