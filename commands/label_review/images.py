"""The images of a page: as JPEGs of bounded size, in the page itself."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from commands.dataset.versions import DATASET
from transfer.dataset import decoding

# The longer side of a picture, in pixels, and its largest size in bytes.
LONGER_SIDE, MOST_BYTES = 640, 60_000
QUALITIES = (85, 75, 60, 45)
# A picture that is still too large at the lowest quality gets smaller by this factor.
SHRINK = 0.7


@dataclass(frozen=True)
class ReviewImage:
    """An image of the dataset on a page.

    Attributes:
        path: relative to the dataset's folder.
        pixels: the digest of its pixels.
        data: the picture as a data URI.
        size: width and height of the picture, in pixels.
    """

    path: str
    pixels: str
    data: str
    size: tuple[int, int]

    @property
    def split(self) -> str:
        return PurePosixPath(self.path).parts[0]

    @property
    def label(self) -> str:
        return PurePosixPath(self.path).parts[1]


def load(path: str) -> ReviewImage:
    """Decode an image of the dataset. Raises UserError if it cannot be read."""
    return ReviewImage(path, *picture(DATASET / path))


def picture(path: Path) -> tuple[str, str, tuple[int, int]]:
    """The digest of an image file, its picture as a data URI, and the picture's width and height.

    Raises:
        UserError: the file cannot be read.
    """
    decoded = decoding.decode(path)
    content, size = as_jpeg(decoded.pixels)
    return decoded.digest, f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", size


def as_jpeg(pixels: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """An image (height, width, 3), 8-bit RGB, as a JPEG of at most `MOST_BYTES`, with its width and height."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE))
    while True:
        for quality in QUALITIES:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality, optimize=True)
            if buffer.tell() <= MOST_BYTES:
                return buffer.getvalue(), picture.size
        picture.thumbnail((int(picture.width * SHRINK), int(picture.height * SHRINK)))
