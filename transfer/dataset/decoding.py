"""One image file: what it holds, decoding it, the digest of its content."""

import ctypes
import errno
import hashlib
import io
import logging
import re
import sys
import threading
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pi_heif
from PIL import Image, TiffImagePlugin

from transfer.dataset import pixels, signatures
from transfer.interface.errors import UserError

# Only the decoders of these formats are tried: fewer parsers see files from elsewhere.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "AVIF", "HEIF")
# Pillow's own limit: more pixels than an ordinary photograph of any phone, and 270 MB decoded.
MAX_PIXELS = 89_478_485
# Decoding briefly takes a dozen bytes a pixel: above this size, only one image is decoded at a time.
LARGE = 20_000_000
ORIENTATION, COMPRESSION, DNG_VERSION = 0x0112, 259, 50706
# Errors of the disk, not of the file. A broken file makes its decoder seek beyond the end, which has an errno too.
DISK_ERRORS = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)
END_OF_JPEG = b"\xff\xd9"
# A JPEG that ends early is grey from there on. From this share of the height on, a grey lower part is reported.
GREY_SHARE = 0.1
GREY = 128
# The largest side of a block of a JPEG, in pixels.
BLOCK = 16
# Formats that can be decoded without what is broken or missing; see `_decode_or_mend`.
MENDABLE = (signatures.JPEG, signatures.PNG, signatures.AVIF, signatures.HEIC)
ODDITIES = ("truncated", "grey_part", "scaled_depth", "invisible", "more_frames")
# Formats whose further pictures are frames or pages; those of other formats are previews and other lenses.
FRAMED = ("GIF", "PNG", "WEBP", "AVIF")
SUBFILE, REDUCED = 254, 1
# So many pages of a TIFF are looked at: a pyramid of previews has fewer, and a file can claim millions.
MOST_PREVIEWS = 50
# How an array (height, width, ...) is turned upright, by the EXIF orientation.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}
# Pillow's names of samples of 16 bits: their order of bytes comes last.
WIDE_SAMPLES = re.compile(r";16[LBN]?$")
# What Pillow says of files that are whole, but of a kind that it cannot decode.
UNSUPPORTED = re.compile(
    r"unsupported|not supported|cannot handle|unknown|not available|not implemented", re.IGNORECASE
)
_large_image_lock = threading.Lock()

pi_heif.register_heif_opener(thumbnails=False)
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
        content: what makes the image different from others; the pixels, unless the file holds more than they show.
        oddities: what is unusual about the file: `truncated` (it ends early), `grey_part` (its lower part is plain
            grey, as the missing part of a JPEG is), `scaled_depth` (the range of its values is not stated and was
            assumed), `invisible` (on white, nothing of it is seen), `more_frames` (it is an animation or has several
            pages, of which the first is the image); see `ODDITIES`.
    """

    pixels: np.ndarray
    mode: str
    turned: bool
    content: np.ndarray
    oddities: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the content; see `pixel_digest`."""
        return pixel_digest(self.content)


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
    """Decode an image file: the first frame, EXIF orientation applied, as a person sees it (see `pixels`).

    The content decides the format, not the name. Broken metadata do not make an image broken: it is used, unturned. A
    JPEG that ends early is used, too.

    Raises:
        UserError: the file cannot be read as an image, or has no pixels or more than `MAX_PIXELS` of them.
    """
    kind = signatures.UNKNOWN
    try:
        check_file(path)
        kind = signatures.identify(path)
        if kind is signatures.EMPTY:
            raise UserError(f"{path} is empty: remove or replace it.")
        if kind is not signatures.UNKNOWN and not kind.is_read:
            raise UserError(f"{path} {kind.sentence}")
        return _decode_or_mend(path, kind)
    except UserError:
        raise
    except MemoryError:
        raise
    except PermissionError:
        raise UserError(f"{path} may not be read: change its permissions.") from None
    except Exception as error:  # decoders raise almost anything on a broken file
        if _is_of_disk(error):
            raise UserError(f"{path} cannot be read ({error.strerror}): check its disk.") from None
        raise UserError(f"{path} {_reason(path, kind, error)}") from None


def pixel_digest(content: np.ndarray) -> str:
    """Sixteen hexadecimal digits, the same for two images if and only if their content is the same."""
    digest = hashlib.sha256(str(content.shape).encode())
    digest.update(np.ascontiguousarray(content).data)
    return digest.hexdigest()[:16]


def _is_of_disk(error: BaseException) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno in DISK_ERRORS


def _decode_or_mend(path: Path, kind: signatures.Kind) -> DecodedImage:
    """Decode a file. If that fails, decode it without what it lacks or what its picture does not need."""
    try:
        return _decode(path, path)
    except (UserError, MemoryError, PermissionError):
        raise
    except Exception as error:
        if _is_of_disk(error) or kind not in MENDABLE:
            raise
        content = path.read_bytes()
        try:
            if kind is signatures.JPEG:
                image = _decode(path, io.BytesIO(content + END_OF_JPEG))
                if _is_missing(image.pixels):
                    raise error
                return replace(image, oddities=("truncated", *image.oddities))
            return _decode(path, io.BytesIO(_without_metadata(content, kind)))
        except (UserError, MemoryError):
            raise
        except Exception:
            raise error from None


def _decode(path: Path, source: Path | io.BytesIO) -> DecodedImage:
    """Decode the file at `path`, whose bytes may come from elsewhere."""
    with Image.open(source, formats=FORMATS) as image:
        if not image.width * image.height:
            raise UserError(f"{path} has no pixels: remove or replace it.")
        if image.width * image.height > MAX_PIXELS:
            raise UserError(f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels: make it smaller.")
        if DNG_VERSION in getattr(image, "tag_v2", {}):
            # Its first picture is a thumbnail.
            raise UserError(f"{path} {signatures.CAMERA_RAW.sentence}")
        has_more = _has_more_frames(image, source)
        # One large image at a time, however many threads decode.
        with _large_image_lock if image.width * image.height > LARGE else nullcontext():
            mode, is_wide = image.mode, any(WIDE_SAMPLES.search(_raw_mode(tile)) for tile in image.tile)
            if image.format == "TIFF":
                # Pillow turns a TIFF while it loads, and the tag is then gone.
                turned = _orientation(image) in TURNS
                image.load()
                turn = None
            else:
                image.load()
                turn = TURNS.get(_orientation(image))
                turned = turn is not None
            significant_bits = _read_png_facts(image, path, is_wide=is_wide) if image.format == "PNG" else None
            low_bytes = _low_bytes(source) if is_wide and image.mode not in pixels.WIDE_MODES else None
            rgb = pixels.to_rgb(image, low_bytes, significant_bits)
            content = rgb.content
            if (is_wide and content is rgb.pixels) or image.info.get("bit_depth", 8) > 8:
                # What the file holds beyond 8 bits is not at hand: the file itself stands for it.
                content = np.frombuffer(path.read_bytes(), np.uint8)
            oddities = {
                "grey_part": image.format in ("JPEG", "MPO") and _grey_share(rgb.pixels) >= GREY_SHARE,
                "scaled_depth": rgb.scaled,
                "invisible": rgb.content is not rgb.pixels and _is_plain(rgb.pixels) and not _is_plain(rgb.content),
                "more_frames": has_more,
            }
            upright = np.ascontiguousarray(turn(rgb.pixels)) if turn else rgb.pixels
            if content is rgb.pixels:
                content = upright
            elif turn and content.ndim > 1:
                content = turn(content)
            return DecodedImage(
                upright,
                mode,
                turned,
                content,
                tuple(kind for kind, applies in oddities.items() if applies),
            )


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, which is upright, if there is none that can be read."""
    try:
        orientation = image.getexif().get(ORIENTATION)
    except Exception:  # a broken EXIF block raises almost anything
        return 1
    return orientation if isinstance(orientation, int) else 1


def _has_more_frames(image: Image.Image, source: Path | io.BytesIO) -> bool:
    """Whether a file holds frames or pages after the first one."""
    try:
        if image.format in FRAMED:
            return bool(getattr(image, "is_animated", False))
        if image.format != "TIFF":
            return False
        # Seeking leaves the state of the other page behind. A page of reduced resolution is a preview of another one.
        with TiffImagePlugin.TiffImageFile(source) as pages:
            for number in range(1, MOST_PREVIEWS):
                pages.seek(number)
                if not pages.tag_v2.get(SUBFILE, 0) & REDUCED:
                    return True
            return False
    except Exception:  # no further page, or a broken one, raises almost anything
        return False


def _raw_mode(tile: Any) -> str:
    """How the samples of a tile are packed, such as `RGB;16B`."""
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return arguments[0] if arguments and isinstance(arguments[0], str) else ""


def _low_bytes(source: Path | io.BytesIO) -> np.ndarray | None:
    """The lower halves of samples of 16 bits, of which Pillow keeps the upper halves; None if it cannot unpack them."""
    opposite = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    try:
        with Image.open(source, formats=FORMATS) as image:
            tiles = []
            for tile in image.tile:
                mode = _raw_mode(tile)
                swapped = mode[:-1] + opposite[mode[-1]]
                tiles.append(tile._replace(args=(swapped, *tile.args[1:]) if isinstance(tile.args, tuple) else swapped))
            image.tile = tiles
            image.load()
            return np.asarray(image)
    except (KeyError, ValueError, OSError):
        return None


def _read_png_facts(image: Image.Image, path: Path, *, is_wide: bool) -> int | None:
    """The bits that the sBIT chunk of a PNG states, if its samples have 16 bits.

    Pillow scales grey of 1, 2 or 4 bits to 8, but not the value that is transparent: that is corrected here.
    """
    transparent = image.info.get("transparency")
    is_grey = image.mode in ("1", "L") and isinstance(transparent, int)
    if not is_wide and not is_grey:
        return None
    chunks = {name: chunk[8:] for name, chunk in _chunks(path.read_bytes()) if name in (b"IHDR", b"sBIT")}
    bits = chunks[b"IHDR"][8]
    if isinstance(transparent, int) and is_grey and bits < 8:
        image.info["transparency"] = transparent * 255 // (2**bits - 1)
    significant = chunks.get(b"sBIT", b"")[:1]
    return significant[0] if is_wide and significant and 1 <= significant[0] <= 16 else None


def _without_metadata(content: bytes, kind: signatures.Kind) -> bytes:
    """A PNG without the chunks that its picture does not need; AVIF and HEIC without EXIF."""
    if kind is signatures.PNG:
        chunks = (chunk for name, chunk in _chunks(content) if name[:1].isupper() or name == b"tRNS")
        return content[:8] + b"".join(chunks)
    head, data, rest = content.partition(b"mdat")
    return head.replace(b"Exif", b"skip") + data + rest


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG: the name, and all bytes."""
    position = 8
    while position + 12 <= len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        yield content[position + 4 : position + 8], content[position:end]
        position = end


def _grey_share(values: np.ndarray) -> float:
    """Which share of the height of an image (height, width, 3), from below, is plain grey."""
    if (values[-1] != GREY).any():  # nearly always, and much faster
        return 0.0
    rows = (values == GREY).all(axis=(1, 2))[::-1]
    return (len(rows) if rows.all() else int(np.argmin(rows))) / len(rows)


def _is_missing(values: np.ndarray) -> bool:
    """Whether an image (height, width, 3) that ends early has no more than the first row of a JPEG's blocks."""
    grey = (values == GREY).all(axis=2)
    return bool(grey.sum() >= grey.size - BLOCK * max(grey.shape))


def _is_plain(values: np.ndarray) -> bool:
    return bool((values == values[:1, :1]).all())


def _reason(path: Path, kind: signatures.Kind, error: Exception) -> str:
    """Why a file cannot be decoded and what to do, as the end of a sentence."""
    if kind is signatures.UNKNOWN:
        return "is not a readable image: remove or replace it."
    if kind is signatures.JPEG and (unread := signatures.unread_jpeg(path.read_bytes())):
        return unread.sentence
    if kind is signatures.TIFF and isinstance(error, Image.UnidentifiedImageError) and (samples := _tiff_samples(path)):
        return f"is a TIFF image of {samples}, which is not read: save it with 8 bits, as PNG or JPEG."
    detail = " ".join(str(error).split())
    if UNSUPPORTED.search(detail):
        return f"is {kind.name} of a kind that is not read ({detail}): save it as PNG or JPEG."
    if isinstance(error, Image.UnidentifiedImageError):
        detail = f"not readable as {kind.name}"
    return f"is broken ({detail}): remove or replace it."


def _tiff_samples(path: Path) -> str:
    """What a TIFF holds; empty if its header is broken."""
    try:
        with path.open("rb") as file:
            header = file.read(8)
            directory = TiffImagePlugin.ImageFileDirectory_v2(header + (file.read(8) if 43 in header[2:4] else b""))
            file.seek(directory.next)
            directory.load(file)
        bits, compression = directory[pixels.BITS], directory.get(COMPRESSION, 1)
        sizes = " and ".join(str(size) for size in sorted(set(bits)))
        return f"{len(bits)} samples of {sizes} bits (compression {compression})"
    except Exception:
        return ""
