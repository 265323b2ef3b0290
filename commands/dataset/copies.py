"""New images that are copies of each other or of images of the dataset, and a user's decisions on those in conflict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from commands.dataset import conflicts, near_copies
from commands.dataset.source import SourceImage
from transfer.common import parallel
from transfer.dataset import decoding
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar


@dataclass(frozen=True)
class Content:
    """What an image is compared by."""

    pixels: str
    signature: near_copies.Signature


def inspect(images: Sequence[SourceImage]) -> tuple[dict[SourceImage, Content], list[str]]:
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


def decide(
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
