"""dataset_groups.csv: which images of dataset_images/ show the same object and must stay in one split."""

import io as text_io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from commands.dataset import groups, tables
from commands.dataset.versions import DATASET
from transfer.interface.errors import UserErrors

FILE = Path("dataset_groups.csv")


def read(images: Iterable[str]) -> dict[str, str]:
    """The group of each image that the file lists; none if it does not exist.

    Args:
        images: the paths of the dataset's images.

    Raises:
        UserErrors: one sentence for each line that is about no image, doubled, or without a group.
    """
    if not FILE.exists():
        return {}
    present = set(images)
    group_of: dict[str, str] = {}
    errors = []
    for row in tables.read_rows(FILE, str(FILE), groups.COLUMNS):
        image = tables.image_name(row["path"])
        if image not in present:
            errors.append(f"{FILE} lists {image!r}, which is not an image in {DATASET}/: remove the line.")
        elif image in group_of or not row["group"]:
            errors.append(f"{FILE} lists {image} twice or without a group: keep one line with a group.")
        group_of[image] = row["group"]
    if errors:
        raise UserErrors(errors)
    return group_of


def join_pairs(
    group_of: Mapping[str, str], pairs: Iterable[tuple[str, str]], digests: Mapping[str, str]
) -> dict[str, str]:
    """Groups in which the two images of each pair are together; groups that share an image become one.

    A new group is named by the pixels of one of its images, so that two branches never give one name to two objects.
    """
    joined = dict(group_of)
    for pair in pairs:
        names = sorted({joined[image] for image in pair if image in joined})
        name = names[0] if names else f"same-{min(digests[image] for image in pair)}"
        for other in names[1:]:
            joined |= {image: name for image, group in joined.items() if group == other}
        joined |= dict.fromkeys(pair, name)
    return joined


def in_several_splits(group_of: Mapping[str, str]) -> dict[str, list[str]]:
    """The images of each group that several splits share."""
    members = defaultdict(list)
    for image, group in group_of.items():
        members[group].append(image)
    return {group: images for group, images in members.items() if len({name.split("/")[0] for name in images}) > 1}


def text(group_of: Mapping[str, str]) -> str:
    """The content of the file."""
    buffer = text_io.StringIO()
    pd.DataFrame(list(group_of.items()), columns=list(groups.COLUMNS)).to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()
