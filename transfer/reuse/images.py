"""Prepared images of the last version, by the content of their files: they need not be decoded again."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transfer.loading import prepared
from transfer.loading.prepared import Resize
from transfer.reuse import last_version, provenance, rows
from transfer.reuse.provenance import Provenance
from transfer.reuse.rows import Row

# What decoding and resizing depend on.
LIBRARIES = ("numpy", "opencv-python-headless", "pi-heif", "pillow")
ROOMS = ("common", "loading", "dataset")


class PreparedImage(NamedTuple):
    """An image that is decoded: its pixel digest, its oddities as the index has them, and its row."""

    digest: str
    oddities: str
    row: Row

    @property
    def square(self) -> np.ndarray:
        """The prepared image (size, size, 3), 8-bit RGB."""
        return self.row.values


class LastImages:
    """The prepared images of the last version that can be taken over."""

    def __init__(self, images: dict[str, PreparedImage]):
        self.images = images

    def of_file(self, path: Path) -> PreparedImage | None:
        """The prepared image of a file with the same content, whatever its name was.

        Raises:
            OSError: the file cannot be read.
        """
        if not self.images:
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return self.images.get(digest)


def describe(size: int, resize: Resize) -> Provenance:
    """The provenance of prepared images."""
    return provenance.describe({"image_size": size, "resize": dict(resize)}, LIBRARIES, ROOMS)


def last_images(size: int, resize: Resize, dataset: Path) -> LastImages:
    """The prepared images of the last run of `prepare`, if it had the same settings.

    Args:
        size: the side of the squares, in pixels.
        resize: how an image becomes a square.
        dataset: the folder of the dataset.
    """
    now, columns = describe(size, resize), ("path", "oddities")
    taken = rows.rows_of_last_version("prepare", prepared.FOLDER, now, (size, size, 3), columns)
    files = last_version.cached_files("prepare", dataset) if taken else {}
    images = {}
    for digest, row in taken.items():
        path, oddities = row.record
        if path in files:
            images[files[path].digest] = PreparedImage(digest, oddities, row)
    return LastImages(images)
