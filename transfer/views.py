"""Augmentation: the views of a training image, each drawn from the seed, the image's pixels and the view's number.

A view depends on nothing else, neither on the other images nor on their order: the same view is the same bytes in
every stage, and a dataset that grows keeps the views that it had.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from transfer.prepared import Split

# More than any training has epochs: what keeps the fresh views of two trainings apart.
_TRAINING = 1_000_000


@dataclass(frozen=True)
class Augmentation:
    """What a view may be: mirrored or not, and turned by up to `rotation` of a full turn either way.

    `views` is how many views of each image are cached; 0 means that every epoch draws a view of its own.
    """

    flip: str | None
    rotation: float
    views: int
    seed: int


@dataclass(frozen=True)
class Draw:
    """One draw: mirrored left to right or not, then turned anticlockwise by a share of a full turn."""

    mirrored: bool = False
    turn: float = 0.0


def of_epoch(epoch: int, views: int, training: int = 0) -> int:
    """The view that every training image is seen in, in an epoch counted from 0.

    With `views` cached views, their cycle. With none, a view that no other epoch of any training has, and never view 0,
    the photograph itself: the study drew anew each epoch.
    """
    return epoch % views if views else 1 + epoch + training * _TRAINING


def draw(augmentation: Augmentation, digest: str, view: int) -> Draw:
    """What view number `view` of the image with this digest is; view 0 is the image itself."""
    if view == 0:
        return Draw()
    chance = np.random.default_rng([augmentation.seed, int(digest, 16), view])
    mirrored, turn = chance.random(), chance.uniform(-augmentation.rotation, augmentation.rotation)
    return Draw(augmentation.flip == "horizontal" and mirrored < 0.5, turn)


def apply(image: np.ndarray, what: Draw) -> np.ndarray:
    """(size, size, 3) 8-bit to the same: bilinear, the corners filled with the image's own reflection.

    The geometry of Keras' `RandomFlip` and `RandomRotation` with `fill_mode="reflect"`.
    """
    if what.mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    if what.turn:
        size = image.shape[0]
        middle = ((size - 1) / 2, (size - 1) / 2)
        turned = cv2.getRotationMatrix2D(middle, 360 * what.turn, 1.0)
        image = cv2.warpAffine(image, turned, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return image


def batch(split: Split, augmentation: Augmentation, view: int, rows: np.ndarray) -> np.ndarray:
    """The given rows of a split, each in its own draw of `view`: (rows, size, size, 3), 8-bit."""
    return np.stack([apply(split.images[row], draw(augmentation, split.digests[row], view)) for row in rows])
