"""Which new images have to go to a certain split, because of their group or because of images that they resemble."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# If nothing else decides between two splits: an image in test or validation cannot leak what is there.
STRICTEST_FIRST = ("test", "validation", "train")


@dataclass(frozen=True)
class Settlement:
    """What is settled before the other images are dealt; all images are named by the digests of their pixels.

    Attributes:
        splits: the split of each image that has to go to a certain one.
        left_out: the images that no split can take, because two splits have something of the same object.
        units: of the images that are free, those that must stay together: the name of their unit.
    """

    splits: dict[str, str]
    left_out: list[str]
    units: dict[str, str]


def settle(
    images: Sequence[str],
    demanded: Mapping[str, Collection[str]],
    proposed: Mapping[str, str],
    groups: Mapping[str, str],
    alike: Iterable[tuple[str, str]],
) -> Settlement:
    """Settle the images that are not free to go anywhere.

    Images of one group, and images that are near-copies of each other, stay together. Where some of them have to go to
    different splits, all go where the fewest of them are left out.

    Args:
        demanded: the splits that have images of the same group, or near-copies of an image.
        proposed: the split that the source has an image in. It gives way to what is demanded.
        groups: the group of an image.
        alike: the pairs of near-copies.
    """
    splits: dict[str, str] = {}
    left_out: list[str] = []
    units: dict[str, str] = {}
    for members in _together(images, groups, alike):
        demands = {image: set(demanded.get(image, ())) for image in members}
        proposals = [proposed[image] for image in members if image in proposed]
        if any(demands.values()):
            candidates = [split for split in STRICTEST_FIRST if any(split in demand for demand in demands.values())]
            split = min(candidates, key=lambda split: sum(not demand <= {split} for demand in demands.values()))
            left_out += [image for image in members if not demands[image] <= {split}]
            splits |= {image: split for image in members if demands[image] <= {split}}
        elif proposals:
            splits |= dict.fromkeys(members, max(STRICTEST_FIRST, key=proposals.count))
        elif len(members) > 1:
            units |= dict.fromkeys(members, members[0])
    return Settlement(splits, left_out, units)


def _together(images: Sequence[str], groups: Mapping[str, str], alike: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The images, in sets of those that groups and near-copies join; each sorted."""
    number = {image: position for position, image in enumerate(sorted(images))}
    first_of_group: dict[str, str] = {}
    pairs = [(first_of_group.setdefault(groups[image], image), image) for image in number if image in groups]
    edges = np.array([(number[one], number[other]) for one, other in (*pairs, *alike)], int).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(len(number), len(number)))
    _, labels = connected_components(graph, directed=False)
    sets: dict[int, list[str]] = {}
    for image, label in zip(number, labels.tolist(), strict=True):
        sets.setdefault(label, []).append(image)
    return list(sets.values())
