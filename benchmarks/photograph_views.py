"""Photographs as squares, views of them, and what frozen layers make of the views. The test split is not used."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from transfer.common import arrays, parallel
from transfer.common.opencv import cv2
from transfer.dataset import decoding, listing, resizing
from transfer.dataset.params import ResizeParams
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation, apply_transform, draw_transform
from transfer.loading.orientations import NUMBERS, orient
from transfer.loading.prepared import Split
from transfer.models.frozen_layers import FrozenLayers

BATCH_SIZE = 64
# All orientations of an image.
ORIENTATIONS = NUMBERS[-1]

# The row of an image and the number of a view to the view: (size, size, 3), 8-bit.
MakeView = Callable[[int, int], np.ndarray]


def read_pool(folder: Path, size: int, resize: ResizeParams) -> Split:
    """The training and the validation photographs of a dataset as squares, as one split."""
    dataset = listing.list_dataset(folder)
    entries = [entry for entry in dataset.entries if entry.split != "test"]

    def read(entry: listing.ImageEntry) -> tuple[np.ndarray, str]:
        image = decoding.decode(folder / entry.path)
        return resizing.to_square(image.pixels, size, resize.fit, resize.antialias), image.digest

    squares, digests = zip(*parallel.ordered_map(read, entries), strict=True)
    labels = np.array([dataset.classes.index(entry.label) for entry in entries])
    return Split(np.stack(squares), labels, [entry.path for entry in entries], list(digests), dataset.classes)


def augmented(pool: Split, augmentation: Augmentation, further: Sequence[str] = ()) -> MakeView:
    """The views that the pipeline trains on; view 0 is the image itself.

    Args:
        further: what is done to the other views after that; see `FURTHER`.
    """

    def make(row: int, view: int) -> np.ndarray:
        image = apply_transform(pool.images[row], draw_transform(augmentation, pool.digests[row], view))
        if view == 0:
            return image
        for number, name in enumerate(FURTHER):
            generator = np.random.default_rng([augmentation.seed, int(pool.digests[row], 16), view, number])
            if name in further:
                image = FURTHER[name](image, generator)
        return image

    return make


def zoom(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A square of 0.7 to 1 of the area, anywhere in the image, enlarged to its size."""
    size = len(image)
    side = round(size * np.sqrt(generator.uniform(0.7, 1)))
    top, left = generator.integers(0, size - side, 2, endpoint=True)
    part = np.ascontiguousarray(image[top : top + side, left : left + side])
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)


def change_colours(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation times 0.7 to 1.3."""
    brightness, contrast, saturation = generator.uniform(0.7, 1.3, 3)
    pixels = image.astype(np.float32) * brightness
    pixels = pixels.mean() + contrast * (pixels - pixels.mean())
    grey = pixels.mean(axis=2, keepdims=True)
    return np.clip(grey + saturation * (pixels - grey), 0, 255).round().astype(np.uint8)


def erase(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A square of 2 to 20 % of the area, anywhere in the image, becomes grey."""
    size = len(image)
    side = round(size * np.sqrt(generator.uniform(0.02, 0.2)))
    top, left = generator.integers(0, size - side, 2, endpoint=True)
    image = image.copy()
    image[top : top + side, left : left + side] = resizing.GROUND
    return image


FURTHER = {"zoom": zoom, "colours": change_colours, "erasing": erase}


def symmetric(pool: Split) -> MakeView:
    """The orientations of an image as views, the first of them the image itself."""
    return lambda row, view: orient(pool.images[[row]], view)[0]


def mean_over_views(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities (images, classes) for the mean of the logits of all views (images, views, classes).

    The pipeline takes the mean of the features, of which the logits are linear functions.
    """
    return softmax(np.log(probabilities).mean(axis=1), axis=-1)


def compute(layers: FrozenLayers, pool: Split, make: MakeView, views: int, path: Path) -> np.ndarray:
    """The output of frozen layers for so many views of all images (images, views, ...).

    Args:
        path: the file to keep it in. If it exists, it is used, and nothing is computed.
    """
    if not path.exists():
        [(shape, dtype)] = layers.outputs
        partial = path.with_name(f".{path.stem}-{os.getpid()}.npy")
        outputs = arrays.create_npy(partial, (len(pool), views, *shape), dtype)
        pairs = np.stack(np.unravel_index(np.arange(len(pool) * views), (len(pool), views)), axis=1)
        order = [pairs[start : start + BATCH_SIZE] for start in range(0, len(pairs), BATCH_SIZE)]

        def read(batch: np.ndarray) -> np.ndarray:
            return np.stack([make(row, view) for row, view in batch.tolist()])

        for batch, [output] in batches.map_batches(layers, read, order, BATCH_SIZE, path.stem):
            outputs[batch[:, 0], batch[:, 1]] = output
        outputs.flush()
        partial.replace(path)
    return arrays.open_npy(path)
