"""One image file: which files count as images, decoding, the square that the backbone sees, the pixels' digest."""

import ctypes
import errno
import hashlib
import logging
import threading
import unicodedata
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from transfer.faults import Fault

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
# Only decoders of the formats above are tried: fewer parsers to trust with files from elsewhere.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
# Phones write these; skipping them in silence would lose photographs, and Pillow cannot read them.
UNREADABLE = frozenset({".heic", ".heif"})
# Pillow's own bound: more pixels than any phone's ordinary photograph, and 270 MB decoded.
MAX_PIXELS = 89_478_485
# Decoding takes a dozen bytes a pixel for a moment: from this size on only one image is decoded at a time.
LARGE = 20_000_000
ORIENTATION = 0x0112
# What says nothing of the file itself. A broken one makes its decoder seek where nothing is: that has an errno too.
DISK_FAULTS = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)
_large = threading.Lock()

# Pillow registers most of its decoders only when asked to, and threads must not ask at once.
Image.init()
# Its own bound only warns up to twice its value: `read` checks instead, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


def silence_pillow() -> None:
    """Have Pillow keep to itself what it finds odd in a file: one that it cannot read is told in a sentence."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    # libtiff writes to standard error by itself; a Pillow may come without it
    libraries = ctypes.CDLL(Image.core.__file__)
    if hasattr(libraries, "TIFFSetErrorHandler"):
        libraries.TIFFSetErrorHandler(None)
        libraries.TIFFSetWarningHandler(None)


silence_pillow()
# The batches are made in threads already; OpenCV's own threads would only get in the way of the backbone's.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class Photo:
    """A decoded image: `pixels` (height, width, 3) 8-bit RGB, upright, and what its file was like."""

    pixels: np.ndarray
    mode: str
    turned: bool


def is_hidden(path: Path) -> bool:
    """Whether a file is one of those that systems leave behind, such as `.DS_Store` or `._photo.jpg`."""
    return path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is an image; what it holds is only known once it is read."""
    return not is_hidden(path) and path.suffix.lower() in SUFFIXES | UNREADABLE


def check_file(path: Path) -> None:
    """Raises Fault if no file of this name can be read, whatever it holds."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(path)):
        raise Fault(f"{str(path)!r} has a character in its name that no table can hold: rename it.")
    if path.is_dir():
        raise Fault(f"{path} is a folder, but has the name of an image: rename or remove it.")
    if not path.exists():
        raise Fault(f"{path} is a link to a file that does not exist: remove or replace it.")
    if not path.is_file():
        raise Fault(f"{path} is no ordinary file: remove or replace it.")


def read(path: Path) -> Photo:
    """Decode an image file: first frame, EXIF orientation applied, any mode made 8-bit RGB (alpha is dropped).

    Raises:
        Fault: the file cannot be read as an image, or has no pixels or more than `MAX_PIXELS` of them.
    """
    try:
        check_file(path)
        if path.suffix.lower() in UNREADABLE:
            raise Fault(f"{path} is in HEIC format, which cannot be read: convert it to JPEG.")
        if path.stat().st_size == 0:
            raise Fault(f"{path} is empty: remove or replace it.")
        with Image.open(path, formats=FORMATS) as image:
            if not image.width * image.height:
                raise Fault(f"{path} has no pixels: remove or replace it.")
            if image.width * image.height > MAX_PIXELS:
                raise Fault(f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels: make it smaller.")
            # One large image at a time, however many threads decode; a PNG decodes already when asked for its EXIF
            with _large if image.width * image.height > LARGE else nullcontext():
                # Before loading: a TIFF turns itself as it loads, and forgets that it did
                mode, turned = image.mode, image.getexif().get(ORIENTATION) in range(2, 9)
                image.load()
                return Photo(_rgb(ImageOps.exif_transpose(image) if turned else image), mode, turned)
    except Fault:
        raise
    except MemoryError:
        raise
    except PermissionError:
        raise Fault(f"{path} may not be read: change its permissions.") from None
    except Exception as error:  # on a broken file, decoders raise almost anything
        if isinstance(error, OSError) and error.errno in DISK_FAULTS:
            raise Fault(f"{path} cannot be read ({error.strerror}): check its disk.") from None
        told = " ".join(str(error).split())
        reason = "no image that can be read" if isinstance(error, Image.UnidentifiedImageError) else f"broken ({told})"
        raise Fault(f"{path} is {reason}: remove or replace it.") from None


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16-bit grey at 255 rather than scale it.
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"mode {image.mode}: neither 8 nor 16 bits a channel")
    if image.mode == "P":
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def squared(pixels: np.ndarray, size: int) -> np.ndarray:
    """(height, width, 3) to (size, size, 3), 8-bit: plain bilinear, neither antialiased nor cropped.

    The same picture as `keras.utils.image_dataset_from_directory` gives, rounded to 8 bits.
    """
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR)


def digest(pixels: np.ndarray) -> str:
    """Sixteen hexadecimal digits that two images share if their decoded pixels are the same."""
    found = hashlib.sha256(str(pixels.shape).encode())
    found.update(np.ascontiguousarray(pixels).data)
    return found.hexdigest()[:16]
