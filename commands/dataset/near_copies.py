"""Near-copies: images that differ in their pixels but come from one photograph.

Two measures have to agree. A perceptual hash holds the signs of the lowest frequencies of the image in grey (Zauner
2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"); it survives compression, another size and
another brightness. A small picture in colour tells apart what has the same outlines, such as two lids. Both are taken
of several regions, so that an image is also recognised after a crop, and of its mirror image.

docs/explanation/leakage.md has the rates on real photographs, and those of the hash alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transfer.common.opencv import cv2
from transfer.interface.progress import progress_bar

# An image is shrunk to this size once, so that its regions cost little.
SHRUNK = 160
SIDE, FREQUENCIES, THUMBNAIL = 64, 16, 8
BITS = FREQUENCIES**2
# Of the bits, how many may differ; and the least correlation of the small pictures.
MAX_DISTANCE, MIN_CORRELATION = 64, 0.9
# The whole image, and what crops of 5 % leave: from all sides, and from two. Left, top, right and bottom, as shares.
REGIONS: tuple[tuple[float, float, float, float], ...] = (
    (0.0, 0.0, 1.0, 1.0),
    (0.025, 0.025, 0.975, 0.975),
    (0.05, 0.05, 0.95, 0.95),
    (0.0, 0.0, 0.95, 0.95),
    (0.05, 0.0, 1.0, 0.95),
    (0.0, 0.05, 0.95, 1.0),
    (0.05, 0.05, 1.0, 1.0),
)
WHOLE = 0
# So many images are compared with so many others at a time.
BLOCK = 4096


@dataclass(frozen=True)
class Signature:
    """What is compared of an image, about 2 kB.

    Attributes:
        hashes: (regions, 2, `BITS` / 8), the bits of the hash in bytes: of the region, and of its mirror image.
        thumbnails: (regions, `THUMBNAIL`, `THUMBNAIL`, 3), 8-bit RGB.
    """

    hashes: np.ndarray
    thumbnails: np.ndarray


def signature(pixels: np.ndarray) -> Signature:
    """The signature of an image (height, width, 3), 8-bit RGB."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SHRUNK / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    hashes, thumbnails = zip(*(_describe(_region(small, region)) for region in REGIONS), strict=True)
    return Signature(np.stack(hashes), np.stack(thumbnails))


def find(new: Sequence[Signature], others: Sequence[Signature]) -> list[tuple[int, int]]:
    """The near-copies as pairs of positions, in `new` and in `others`; sorted."""
    starts = [(i, j) for i in range(0, len(new), BLOCK) for j in range(0, len(others), BLOCK)]
    pairs: set[tuple[int, int]] = set()
    for i, j in progress_bar(starts, "comparing", len(starts), unit="block"):
        pairs.update((i + one, j + other) for one, other in _pairs(new[i : i + BLOCK], others[j : j + BLOCK]))
    return sorted(pairs)


def _pairs(new: Sequence[Signature], others: Sequence[Signature]) -> Iterator[tuple[int, int]]:
    """The near-copies in two blocks; some of them several times."""
    # Either image may be the cropped one.
    cropped = range(1, len(REGIONS))
    compared = [(WHOLE, WHOLE), *((WHOLE, region) for region in cropped), *((region, WHOLE) for region in cropped)]
    for of_new, of_other in compared:
        signs = _signs([other.hashes[of_other, 0] for other in others])
        for mirrored in (0, 1):
            products = _signs([one.hashes[of_new, mirrored] for one in new]) @ signs.T
            for one, other in np.argwhere(products >= BITS - 2 * MAX_DISTANCE).tolist():
                thumbnail = new[one].thumbnails[of_new]
                turned = thumbnail[:, ::-1] if mirrored else thumbnail
                if _correlation(turned, others[other].thumbnails[of_other]) >= MIN_CORRELATION:
                    yield one, other


def _region(pixels: np.ndarray, region: tuple[float, float, float, float]) -> np.ndarray:
    height, width = pixels.shape[:2]
    left, top, right, bottom = region
    inside = pixels[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    return inside if inside.size else pixels


def _describe(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    frequencies = cv2.dct(grey)[:FREQUENCIES, :FREQUENCIES]
    # Of a mirror image, the odd frequencies along a row change their sign.
    mirrored = frequencies * np.where(np.arange(FREQUENCIES) % 2, -1, 1)
    hashes = [np.packbits(values > np.median(values)) for values in (frequencies, mirrored)]
    return np.stack(hashes), cv2.resize(square, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)


def _signs(hashes: Sequence[np.ndarray]) -> np.ndarray:
    """(images, bytes) to (images, bits), -1 or 1: a product of two rows is the bits that agree less the others."""
    rows = np.array(hashes, np.uint8).reshape(len(hashes), BITS // 8)
    return np.unpackbits(rows, axis=1).astype(np.float32) * 2 - 1


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two small pictures, over all channels; 0 if one of them is of a single colour."""
    first, second = (picture - picture.mean(axis=(0, 1)) for picture in (one.astype(float), other.astype(float)))
    norm = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / norm) if norm else 0.0
