"""A large population of images drawn by the sample's generator, with features of every view by the sample's backbone.

Everything is kept in a folder, chunk by chunk, so that the next process continues where one was stopped.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from sample.draw import QUALITY, SPLITS
from sample.render import CLASSES, render_waste
from transfer.common import arrays, atomic
from transfer.dataset import decoding, resizing
from transfer.interface.progress import progress_bar
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation, augment_batch
from transfer.loading.prepared import Split
from transfer.models import pretrained
from transfer.models.frozen_layers import FrozenLayers
from transfer.params_file import Params

CHUNK = 500
# Far from the seeds of the sample itself.
SEED = 1_000


def load(folder: Path, images: int, settings: Params) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Class numbers (images,), digests of the pixels, and features (images, views, channels); what is missing is made.

    Classes are drawn at random, as frequent as in the sample.
    """
    usual, rare = (sum(counts) for counts in zip(*SPLITS.values(), strict=True))
    frequencies = np.array([rare if name == "trash" else usual for name in CLASSES], float)
    labels = np.random.default_rng(SEED).choice(len(CLASSES), images, p=frequencies / frequencies.sum())
    chosen, views = settings.backbone, settings.evaluate.views
    backbone = pretrained.build(chosen.name, chosen.weights, settings.image_size, settings.precision, views)
    digests, features = [], []
    starts = range(0, images, CHUNK)
    for start in progress_bar(starts, "population", len(starts), unit="chunk"):
        rows = range(start, min(start + CHUNK, images))
        chunk = folder / f"{rows.start}-{rows.stop}-{views}"
        if not chunk.exists():
            with atomic.folder(chunk) as unfinished:
                _make_chunk(unfinished, rows, labels, backbone.feature_extractor, settings)
        digests += (chunk / "digests.txt").read_text().split()
        features.append(arrays.open_npy(chunk / "features.npy"))
    return labels, digests, np.concatenate(features)


def _make_chunk(folder: Path, rows: range, labels: np.ndarray, extractor: FrozenLayers, settings: Params) -> None:
    """Draw the images of these rows, and compute their features."""
    drawn = [_draw(CLASSES[labels[row]], row, settings.image_size) for row in rows]
    squares, digests = zip(*drawn, strict=True)
    split = Split(np.stack(squares), labels[rows], [""] * len(rows), list(digests), list(CLASSES))
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    features = []
    for view in range(augmentation.views):
        images = augment_batch(split, augmentation, view, np.arange(len(rows)))
        function = extractor.one_view if view else extractor
        features.append(batches.map_split(function, images, settings.batch_size, f"view {view}"))
    np.save(folder / "features.npy", np.stack(features, axis=1))
    (folder / "digests.txt").write_text("\n".join(digests))


def _draw(name: str, row: int, size: int) -> tuple[np.ndarray, str]:
    """One image as a square, and the digest of its pixels before that; written as JPEG in between, as in the sample."""
    file = io.BytesIO()
    Image.fromarray(render_waste(name, np.random.default_rng([SEED, row]))).save(file, "JPEG", quality=QUALITY)
    pixels = np.asarray(Image.open(file))
    return resizing.to_square(pixels, size, fit="squash", antialias=False), decoding.pixel_digest(pixels)
