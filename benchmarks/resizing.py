"""Ways to make an image a square, compared on photographs: `python -m benchmarks.resizing OUTPUT.json`.

It cross-validates a head on the features of MobileNetV2 with ImageNet weights, over the training and validation images
of a dataset, for each fit with and without antialiasing; the test split is not used. It does the same with some of the
photographs enlarged to 12 megapixels, as a phone stores them. An enlarged photograph has no fine detail, which is what
plain interpolation turns into noise, so they are measured a second time with noise like that of a phone's sensor.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import folds
from transfer import command, params_file
from transfer.common import arrays, io, parallel
from transfer.dataset import decoding, listing, resizing
from transfer.evaluation import significance
from transfer.interface.progress import progress_bar
from transfer.interface.schema import FITS
from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split
from transfer.models import pretrained, tensorflow

FOLDS = 8
SIZES = (224, 320)
# The first is the study's way, with which the others are compared.
WAYS = [prepared.Resize(fit=fit, antialias=antialias) for antialias, fit in product((False, True), FITS)]
LONGER_SIDE = 4000
QUALITY = 90
# Standard deviation of the noise, in steps of 8 bits: about that of a phone indoors.
NOISE = 8
BATCH_SIZE = 64

Read = Callable[[int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resizing", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--folder", type=Path, default=Path("dataset_images"), help="default: dataset_images")
    parser.add_argument("--enlarged", type=int, default=120, help="how many photographs to enlarge (default: 120)")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    dataset = listing.list_dataset(arguments.folder)
    entries = [entry for entry in dataset.entries if entry.split != "test"]
    # As many of each class as it has among all images.
    every = len(entries) / min(arguments.enlarged, len(entries))
    some = [entries[int(number * every)] for number in range(min(arguments.enlarged, len(entries)))]

    def pool_of(chosen: Sequence[listing.ImageEntry]) -> Split:
        labels = np.array([dataset.classes.index(entry.label) for entry in chosen])
        return Split(np.empty(0), labels, [entry.path for entry in chosen], [""] * len(chosen), dataset.classes)

    def reader(chosen: Sequence[listing.ImageEntry]) -> Read:
        return lambda number: decoding.decode(arguments.folder / chosen[number].path).pixels

    measurements: dict[str, tuple[Split, Read]] = {
        "photographs": (pool_of(entries), reader(entries)),
        "enlarged": (pool_of(some), enlarged(reader(some), noise=0)),
        "enlarged_with_noise": (pool_of(some), enlarged(reader(some), NOISE)),
    }
    results: dict[str, Any] = {"folds": FOLDS, "longer_side": LONGER_SIDE, "noise": NOISE}
    for name, (pool, read) in measurements.items():
        with tempfile.TemporaryDirectory(dir=".") as temporary:
            rows = measure(pool, read, settings, Path(temporary), name)
        results[name] = {"images": len(pool), "rows": rows}
        io.write_json(arguments.output, results)


def enlarged(read: Read, noise: float) -> Read:
    """A function that reads images as a phone would store them: 4,000 pixels along the longer side, as JPEG.

    Args:
        noise: standard deviation of Gaussian noise in the brightness, in steps of 8 bits.
    """

    def read_enlarged(number: int) -> np.ndarray:
        image = Image.fromarray(read(number))
        factor = LONGER_SIDE / max(image.size)
        width, height = (round(length * factor) for length in image.size)
        pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        if noise:
            generator = np.random.default_rng(number)
            grain = noise * generator.standard_normal((height, width, 1), np.float32)
            pixels = np.clip(pixels + grain, 0, 255).round().astype(np.uint8)
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
            file.flush()
            return decoding.decode(Path(file.name)).pixels

    return read_enlarged


def measure(pool: Split, read: Read, settings: params_file.Params, folder: Path, title: str) -> list[dict[str, Any]]:
    """The accuracy of each way at each size; McNemar's test compares it with the study's way at the same size."""
    squares = {
        (size, number): arrays.create_npy(folder / f"{size}-{number}.npy", (len(pool), size, size, 3), np.uint8)
        for size, number in product(SIZES, range(len(WAYS)))
    }

    def resize(row: int) -> list[np.ndarray]:
        pixels = read(row)
        return [resizing.to_square(pixels, size, **WAYS[number]) for size, number in squares]

    results = parallel.ordered_map(resize, range(len(pool)))
    for row, of_image in enumerate(progress_bar(results, title, len(pool))):
        for array, square in zip(squares.values(), of_image, strict=True):
            array[row] = square

    fold = folds.assign_folds(len(pool), FOLDS, settings.seed)
    augmentation = Augmentation(flip=None, rotation=0, views=1, seed=settings.seed)
    rows = []
    for size in SIZES:
        extractor = pretrained.build("MobileNetV2", "imagenet", size, "float32").feature_extractor
        right: list[np.ndarray] = []
        for number, way in enumerate(WAYS):
            name = f"{title}, {size} px, way {number + 1} of {len(WAYS)}"
            images = Split(squares[size, number], pool.labels, pool.paths, pool.digests, pool.classes)
            features = folds.compute_features(extractor, images, augmentation, BATCH_SIZE, folder, name)
            states = folder / f"heads-{size}-{number}"
            probabilities = folds.held_out_probabilities(features, images, fold, augmentation, settings, states)
            right.append(probabilities.argmax(1) == pool.labels)
            comparison = significance.compare_paired(right[0], right[-1])
            rows.append({"size": size, **way, "accuracy": float(right[-1].mean()), "p_value": comparison.p_value})
    return rows


if __name__ == "__main__":
    command.run(main)
