"""How many changed photographs `make dataset ADD=1` recognises as near-copies, and how many others it takes for such.

    python -m benchmarks.near_copies FOLDER OUTPUT.json

Each photograph of the folder is changed in several ways and compared with itself. Pairs of different photographs that
count as near-copies are listed, to be looked at. The same is measured for a hash of the whole image alone.
"""

import argparse
import io as bytes_io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from commands.dataset import near_copies
from transfer import command
from transfer.common import io, parallel
from transfer.dataset import decoding, listing
from transfer.interface.progress import progress_bar

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.near_copies", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path, metavar="OUTPUT.json")
    options = parser.parse_args()
    paths, _ = listing.list_images(options.folder)

    described = parallel.ordered_map(describe, paths)
    originals, changed = zip(*progress_bar(described, "changing photographs", len(paths)), strict=True)
    pairs = [(i, j) for i, j in near_copies.find(originals, originals) if i < j]
    result = {
        "photographs": len(paths),
        "pairs_compared": len(paths) * (len(paths) - 1) // 2,
        "pairs": [[str(paths[number].relative_to(options.folder)) for number in pair] for pair in pairs],
        "recognised": {name: rate(originals, [one[name] for one in changed]) for name in CHANGES},
    }
    near_copies.REGIONS, near_copies.MIN_CORRELATION = near_copies.REGIONS[:1], -1.0
    result["hash_of_the_whole_image_alone"] = {
        "pairs": sum(i < j for i, j in near_copies.find(originals, originals)),
        "recognised": {name: rate(originals, [one[name] for one in changed]) for name in CHANGES},
    }
    io.write_json(options.output, result)


def describe(path: Path) -> tuple[near_copies.Signature, dict[str, near_copies.Signature]]:
    pixels = decoding.decode(path).pixels
    image, generator = Image.fromarray(pixels), np.random.default_rng(pixels.ravel()[:1000].astype(np.uint64))
    changed = {name: change(image, generator) for name, change in CHANGES.items()}
    return near_copies.signature(pixels), {
        name: near_copies.signature(np.asarray(other)) for name, other in changed.items()
    }


def rate(originals: tuple[near_copies.Signature, ...], changed: list[near_copies.Signature]) -> float:
    """The share of images that are recognised as near-copies of their originals."""
    recognised = 0
    for start in range(0, len(originals), BATCH):
        pairs = near_copies.find(changed[start : start + BATCH], originals[start : start + BATCH])
        recognised += sum(i == j for i, j in pairs)
    return recognised / len(originals)


def jpeg(image: Image.Image, _: np.random.Generator, quality: int = 60) -> Image.Image:
    file = bytes_io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def resized(image: Image.Image, _: np.random.Generator, factor: float = 0.5) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BILINEAR)


def cropped(image: Image.Image, *sides: float) -> Image.Image:
    left, top, right, bottom = sides
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


def crop(image: Image.Image, _: np.random.Generator, sides: tuple[float, ...]) -> Image.Image:
    return cropped(image, *sides)


def random_crop(image: Image.Image, generator: np.random.Generator, most: float = 0.05) -> Image.Image:
    return cropped(image, *generator.uniform(0, most, 4))


def brightness(image: Image.Image, _: np.random.Generator, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def mirrored(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def all_at_once(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    small = random_crop(resized(mirrored(image, generator), generator), generator)
    return jpeg(brightness(small, generator, generator.uniform(0.8, 1.2)), generator)


CHANGES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "JPEG again, quality 60": jpeg,
    "half the resolution": resized,
    "5 % cropped, 2.5 % of each side": partial(crop, sides=(0.025,) * 4),
    "5 % of each side cropped": partial(crop, sides=(0.05,) * 4),
    "5 % of two sides cropped": partial(crop, sides=(0.05, 0.05, 0.0, 0.0)),
    "0 to 5 % of each side cropped, at random": random_crop,
    "10 % of each side cropped": partial(crop, sides=(0.1,) * 4),
    "30 % brighter": partial(brightness, factor=1.3),
    "30 % darker": partial(brightness, factor=0.7),
    "mirrored": mirrored,
    "mirrored, half the resolution, cropped at random, brightness by up to 20 %, JPEG": all_at_once,
}

if __name__ == "__main__":
    command.run(main)
