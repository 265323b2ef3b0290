"""Pixels as a person sees them: an image of any mode as 8-bit RGB.

Transparency is put on white, as viewers show it. Values of more than 8 bits are scaled to 8 by the range that the file
states. If it states none, the range is from 0 to the largest value of the smallest of 8, 10, 12, 14, 16, 24 and 32 bits
that holds all values. Floats that are all between 0 and 1, or between 0 and 255, are taken to have this range; others
are scaled from their smallest to their largest value.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageCms

DEPTHS = (8, 10, 12, 14, 16, 24, 32)
# TIFF tags: the largest and the smallest value of a sample, as integers or of any type; bits; whether 0 is white.
MAX_SAMPLE, SMAX_SAMPLE, SMIN_SAMPLE, BITS, PHOTOMETRIC = 281, 341, 340, 258, 262
# Modes whose values do not fit into 8 bits.
WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
# Values are scaled in blocks: as floats, all values of a large image would take gigabytes.
BLOCK = 1_000_000


@dataclass(frozen=True)
class RgbImage:
    """An image as 8-bit RGB.

    Attributes:
        pixels: (height, width, 3), 8-bit.
        content: what makes the image different from others: the pixels, or the file's own values if they say more.
        scaled: whether wider values were scaled by a rule, because the file does not state their range.
    """

    pixels: np.ndarray
    content: np.ndarray
    scaled: bool = False


def to_rgb(image: Image.Image, low_bytes: np.ndarray | None = None, significant_bits: int | None = None) -> RgbImage:
    """Convert an image to 8-bit RGB.

    Args:
        low_bytes: the lower halves of the samples, if `image` holds the upper halves of samples of 16 bits.
        significant_bits: what the sBIT chunk of a PNG states, if it has one.

    Raises:
        ValueError: the image has a mode that cannot be shown, or not a single finite value.
    """
    if low_bytes is not None:
        values = np.asarray(image).astype(np.uint16) << 8 | low_bytes
        if image.mode in ("RGB", "RGBA"):
            return _from_wide_values(image, values, significant_bits)
        return replace(to_rgb(image), content=values)
    if image.mode in WIDE_MODES:
        values = np.asarray(image)
        return _from_wide_values(image, values.astype(values.dtype.newbyteorder("=")), significant_bits)
    if image.mode == "LAB":
        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        pixels = np.array(ImageCms.applyTransform(image, transform))
    elif image.has_transparency_data:
        return _on_white(image)
    else:
        pixels = np.array(image.convert("RGB"))
    return RgbImage(pixels, pixels)


def _on_white(image: Image.Image) -> RgbImage:
    """An image of 8 bits with transparency."""
    content = np.array((image.convert("LA") if image.mode == "La" else image).convert("RGBA"))
    alpha = content[:, :, 3]
    # Programs leave 0 in the unused fourth byte of a BMP. No viewer takes such an image as invisible.
    if alpha.min() == 255 or (image.format in ("BMP", "DIB") and alpha.max() == 0):
        pixels = np.ascontiguousarray(content[:, :, :3])
        return RgbImage(pixels, pixels)
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    white.alpha_composite(Image.fromarray(content))
    # A colour that is fully transparent is seen by nobody. White drawings, however, differ in their transparency alone.
    content[alpha == 0] = 0
    return RgbImage(np.array(white.convert("RGB")), content)


def _from_wide_values(image: Image.Image, values: np.ndarray, significant_bits: int | None) -> RgbImage:
    """Integers of more than 8 bits, or floats: grey (height, width), or colours (height, width, 3 or 4)."""
    colours = values if values.ndim == 2 else values[:, :, :3]
    finite = colours[np.isfinite(colours)] if colours.dtype.kind == "f" else colours
    if not finite.size:
        raise ValueError("no value is a finite number")
    smallest, largest = float(finite.min()), float(finite.max())
    stated = _stated_range(image, smallest, largest, significant_bits)
    low, high = stated or _assumed_range(smallest, largest, floats=colours.dtype.kind == "f")
    pixels = _scaled(colours, low, high)
    if _tag(image, PHOTOMETRIC) == 0:
        pixels = 255 - pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    transparent = image.info.get("transparency")
    if values.ndim == 3 and values.shape[2] == 4:
        pixels = _blended(pixels, _scaled(values[:, :, 3], 0, 65535))
    elif isinstance(transparent, int | tuple):
        hidden = values == np.array(transparent)
        pixels[hidden if hidden.ndim == 2 else hidden.all(axis=2)] = 255
    return RgbImage(pixels, values, scaled=stated is None)


def _blended(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels (height, width, 3) with transparency (height, width) on white, all 8-bit."""
    image = Image.fromarray(np.dstack([pixels, alpha]))
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    white.alpha_composite(image)
    return np.array(white.convert("RGB"))


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values of any type and shape as 8-bit: `low` becomes 0, `high` becomes 255."""
    scaled = np.zeros(values.shape, np.uint8)
    rows = max(1, BLOCK * len(values) // values.size)
    # Halves: the distance between the largest and the smallest float is not a float.
    half_range = high / 2 - low / 2
    for start in range(0, len(values) if half_range > 0 else 0, rows):
        # NumPy warns of a NaN whose bits mark it as signalling.
        with np.errstate(invalid="ignore"):
            block = values[start : start + rows].astype(np.float64)
        block = np.clip(np.nan_to_num(block, nan=low, posinf=high, neginf=low), low, high)
        share = (block / 2 - low / 2) / half_range
        scaled[start : start + rows] = np.floor(share * 255 + 0.5)
    return scaled


def _assumed_range(smallest: float, largest: float, *, floats: bool) -> tuple[float, float]:
    if smallest < 0:
        return smallest, largest
    limits = (1.0, 255.0) if floats else tuple(2.0**bits - 1 for bits in DEPTHS)
    return next(((0.0, limit) for limit in limits if largest <= limit), (smallest, largest))


def _stated_range(
    image: Image.Image, smallest: float, largest: float, significant_bits: int | None
) -> tuple[float, float] | None:
    """The range that the file states; None if it states none, or one that its own values exceed."""
    if significant_bits:
        # By the specification of PNG the values are shifted up to 16 bits. Some programs leave them as they are.
        limit = 2.0**significant_bits - 1
        return 0.0, limit if largest <= limit else 65535.0
    bits = _tag(image, BITS)
    ranges = [(_tag(image, SMIN_SAMPLE) or 0.0, _tag(image, SMAX_SAMPLE)), (0.0, _tag(image, MAX_SAMPLE))]
    ranges += [(0.0, 2**bits - 1)] if bits and 8 < bits < 16 else []
    for low, high in ranges:
        if high is not None and low < high and low <= smallest and largest <= high:
            return low, high
    return None


def _tag(image: Image.Image, tag: int) -> float | None:
    """The value of a TIFF tag as a finite number, of several values the first; None if it is anything else."""
    value: Any = getattr(image, "tag_v2", {}).get(tag)
    try:
        number = float(value[0] if isinstance(value, tuple) else value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return number if math.isfinite(number) else None
