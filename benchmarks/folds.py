"""Cross-validation of heads on features: training and validation images pooled, the test split not looked at."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from transfer.loading import batches, prepared
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split
from transfer.models import classifier
from transfer.models.tensorflow import keras
from transfer.params_file import Params
from transfer.training import history, loop


def pooled() -> Split:
    """The training and the validation images as one split."""
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    return replace(
        train,
        images=np.concatenate([train.images, validation.images]),
        labels=np.concatenate([train.labels, validation.labels]),
        paths=train.paths + validation.paths,
        digests=train.digests + validation.digests,
    )


def drawn(images: int, folds: int, seed: int) -> np.ndarray:
    """(images,) the part that each image is held out with."""
    return np.random.default_rng(seed).permutation(images) % folds


def held_out_probabilities(
    features: np.ndarray, pool: Split, fold: np.ndarray, augmentation: Augmentation, settings: Params, folder: Path
) -> np.ndarray:
    """(images, classes) probabilities of each image itself, by a head that has not seen it.

    Args:
        features: (images, views, channels) of the pool.
        fold: (images,) the part that each image is held out with.
        folder: for the trainings' states; another for each recipe.
    """
    folder.mkdir()
    found = np.zeros((len(pool), len(pool.classes)))
    for held in np.unique(fold):
        unseen = fold == held
        head, _ = trained_head(features, pool, unseen, augmentation, settings, folder / f"{held}.npz")
        found[unseen] = head(features[unseen, 0], training=False).numpy()
    return found


def trained_head(
    features: np.ndarray, pool: Split, unseen: np.ndarray, augmentation: Augmentation, settings: Params, state: Path
) -> tuple[keras.Model, history.Fit]:
    """A head trained on the features (images, views, channels) of a split but for those that `unseen` (images,) says.

    Those are what it is validated on.
    """
    head = classifier.new_head(features.shape[-1], len(pool.classes), settings.train_tl.dropout, settings.seed)
    seen = pool.labels[~unseen]
    fit = loop.fit(
        head,
        batches.training_from_cache([features[~unseen]], seen, augmentation, settings.batch_size),
        batches.validation_from_cache([features[unseen]], pool.labels[unseen], settings.batch_size),
        settings.train_tl,
        steps_per_epoch=batches.batches_per_epoch(len(seen), settings.batch_size),
        after_epoch=lambda _: None,
        description=f"{augmentation.views} views",
        state=state,
    )
    return head, fit
