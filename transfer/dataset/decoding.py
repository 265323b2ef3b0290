"""One image file: whether it counts as an image, decoding it, the digest of its pixels."""

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

import numpy as np
from PIL import Image, ImageOps

from transfer.interface.errors import UserError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
# Only the decoders of these formats are tried: fewer parsers see files from elsewhere.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
# Phones write these, and Pillow cannot read them. Skipping them silently would lose photographs.
UNREADABLE = frozenset({".heic", ".heif"})
# Pillow's own limit: more pixels than an ordinary photograph of any phone, and 270 MB decoded.
MAX_PIXELS = 89_478_485
# Decoding briefly takes a dozen bytes a pixel: above this size, only one image is decoded at a time.
LARGE = 20_000_000
ORIENTATION = 0x0112
# Errors of the disk, not of the file. A broken file makes its decoder seek beyond the end, which has an errno too.
DISK_ERRORS = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)
_large_image_lock = threading.Lock()

# Pillow registers most of its decoders on demand, and threads must not trigger that at the same time.
Image.init()
# Up to twice its own limit, Pillow only warns: `decode` checks the limit itself, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


def silence_pillow() -> None:
    """Keep Pillow and libtiff from printing warnings: a file that cannot be read is one sentence of our own."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    # libtiff writes to standard error directly; some builds of Pillow have no libtiff.
    libraries = ctypes.CDLL(Image.core.__file__)
    if hasattr(libraries, "TIFFSetErrorHandler"):
        libraries.TIFFSetErrorHandler(None)
        libraries.TIFFSetWarningHandler(None)


silence_pillow()


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image file.

    Attributes:
        pixels: (height, width, 3), 8-bit RGB, upright.
        mode: Pillow's mode of the file.
        turned: whether the file's EXIF orientation was applied.
    """

    pixels: np.ndarray
    mode: str
    turned: bool


def is_hidden(path: Path) -> bool:
    """Whether a file is one of those that operating systems leave behind, such as `.DS_Store` or `._photo.jpg`."""
    return path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Whether the name of a file says that it is an image; only decoding shows what it holds."""
    return not is_hidden(path) and path.suffix.lower() in SUFFIXES | UNREADABLE


def check_file(path: Path) -> None:
    """Raises UserError if there is no ordinary file of this name, or a table cannot hold the name."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(path)):
        raise UserError(f"{str(path)!r} has a character in its name that a table cannot hold: rename it.")
    if path.is_dir():
        raise UserError(f"{path} is a folder, but has the name of an image: rename or remove it.")
    if not path.exists():
        raise UserError(f"{path} is a link to a file that does not exist: remove or replace it.")
    if not path.is_file():
        raise UserError(f"{path} is not an ordinary file: remove or replace it.")


def decode(path: Path) -> DecodedImage:
    """Decode an image file: the first frame, EXIF orientation applied, any mode as 8-bit RGB (alpha is dropped).

    Raises:
        UserError: the file cannot be read as an image, or has no pixels or more than `MAX_PIXELS` of them.
    """
    try:
        check_file(path)
        if path.suffix.lower() in UNREADABLE:
            raise UserError(f"{path} is in HEIC format, which cannot be read: convert it to JPEG.")
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty: remove or replace it.")
        with Image.open(path, formats=FORMATS) as image:
            if not image.width * image.height:
                raise UserError(f"{path} has no pixels: remove or replace it.")
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels: make it smaller.")
            # One large image at a time, however many threads decode. A PNG is decoded as soon as its EXIF is read.
            with _large_image_lock if image.width * image.height > LARGE else nullcontext():
                # Read the orientation before loading: a TIFF is turned while it loads, and its tag is then gone.
                mode, turned = image.mode, image.getexif().get(ORIENTATION) in range(2, 9)
                image.load()
                return DecodedImage(_rgb(ImageOps.exif_transpose(image) if turned else image), mode, turned)
    except UserError:
        raise
    except MemoryError:
        raise
    except PermissionError:
        raise UserError(f"{path} may not be read: change its permissions.") from None
    except Exception as error:  # decoders raise almost anything on a broken file
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise UserError(f"{path} cannot be read ({error.strerror}): check its disk.") from None
        detail = " ".join(str(error).split())
        reason = "not a readable image" if isinstance(error, Image.UnidentifiedImageError) else f"broken ({detail})"
        raise UserError(f"{path} is {reason}: remove or replace it.") from None


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16-bit grey at 255 instead of scaling it.
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"mode {image.mode}: neither 8 nor 16 bits a channel")
    if image.mode == "P":
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def pixel_digest(pixels: np.ndarray) -> str:
    """Sixteen hexadecimal digits, the same for two images if and only if their decoded pixels are the same."""
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()[:16]
