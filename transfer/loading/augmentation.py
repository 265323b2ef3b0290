"""Augmentation: the views of a training image, each determined by the seed, the image's pixels and the view's number.

A view depends on nothing else, neither on the other images nor on their order. The same view is the same bytes in every
stage, and the views of an image stay the same when the dataset grows.
"""

from dataclasses import dataclass

import numpy as np

from transfer.common.opencv import cv2
from transfer.loading.prepared import Split

# More than the epochs of any training: keeps the fresh views of two trainings apart.
_TRAINING = 1_000_000


@dataclass(frozen=True)
class Augmentation:
    """How views are made.

    Attributes:
        flip: `horizontal`, or None.
        rotation: largest rotation either way, as a share of a full turn.
        views: how many views of each image are cached; with 0, every epoch draws new views.
    """

    flip: str | None
    rotation: float
    views: int
    seed: int


@dataclass(frozen=True)
class Transform:
    """What makes a view of an image: mirrored left to right or not, then rotated anticlockwise by a share of a turn."""

    mirrored: bool = False
    turn: float = 0.0


def view_of_epoch(epoch: int, views: int, training: int = 0) -> int:
    """The number of the view in which an epoch, counted from 0, sees every training image.

    With cached views, epochs cycle through them. Without, each epoch of each training has a view of its own, never
    view 0, which is the photograph itself: the study drew new views in every epoch.
    """
    return epoch % views if views else 1 + epoch + training * _TRAINING


def draw_transform(augmentation: Augmentation, digest: str, view: int) -> Transform:
    """The transform of view number `view` of the image with this digest; view 0 is the image itself."""
    if view == 0:
        return Transform()
    generator = np.random.default_rng([augmentation.seed, int(digest, 16), view])
    mirrored, turn = generator.random(), generator.uniform(-augmentation.rotation, augmentation.rotation)
    return Transform(augmentation.flip == "horizontal" and mirrored < 0.5, turn)


def apply_transform(image: np.ndarray, transform: Transform) -> np.ndarray:
    """(size, size, 3), 8-bit, to the same: bilinear, the corners filled with the image's reflection.

    The geometry of Keras' `RandomFlip` and `RandomRotation` with `fill_mode="reflect"`.
    """
    if transform.mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    if transform.turn:
        size = image.shape[0]
        center = ((size - 1) / 2, (size - 1) / 2)
        rotation = cv2.getRotationMatrix2D(center, 360 * transform.turn, 1.0)
        image = cv2.warpAffine(image, rotation, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return image


def augment_batch(split: Split, augmentation: Augmentation, view: int | np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Views of the given rows of a split: (rows, size, size, 3), 8-bit.

    Args:
        view: the number of the view, one for all rows or one for each (rows,).
    """
    views = np.broadcast_to(view, len(rows)).tolist()
    return np.stack(
        [
            apply_transform(split.images[row], draw_transform(augmentation, split.digests[row], number))
            for row, number in zip(rows, views, strict=True)
        ]
    )
