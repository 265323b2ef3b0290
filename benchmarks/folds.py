"""Cross-validation of heads on features. Training and validation images are pooled; the test split is not used."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from transfer.caching import activations
from transfer.loading import batches, prepared
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split
from transfer.models import classifier
from transfer.models.frozen_layers import FrozenLayers
from transfer.models.tensorflow import keras
from transfer.params_file import Params
from transfer.training import history, loop


def load_pool() -> Split:
    """The training and the validation images as one split."""
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    return replace(
        train,
        images=np.concatenate([train.images[:], validation.images[:]]),
        labels=np.concatenate([train.labels, validation.labels]),
        paths=train.paths + validation.paths,
        digests=train.digests + validation.digests,
    )


def assign_folds(images: int, folds: int, seed: int) -> np.ndarray:
    """The number of the fold in which each image is held out (images,)."""
    return np.random.default_rng(seed).permutation(images) % folds


def compute_features(
    extractor: FrozenLayers, pool: Split, augmentation: Augmentation, batch_size: int, folder: Path, name: str
) -> np.ndarray:
    """The features of every view of the pool (images, views, channels), in a file of this name in `folder`."""
    [features] = activations.open_arrays(extractor, len(pool), augmentation.views, folder, name)
    views = activations.by_orientations([activations.all_views(pool, [features], "pool")], extractor)
    completed = folder / f"{name}-completed"
    completed.mkdir()
    activations.fill_each(views, augmentation, batch_size, name, completed)
    return features


def held_out_probabilities(
    features: np.ndarray, pool: Split, fold: np.ndarray, augmentation: Augmentation, settings: Params, folder: Path
) -> np.ndarray:
    """The probabilities (images, classes) of each image itself, by a head that was not trained on it.

    Args:
        features: (images, views, channels) of the pool.
        fold: the number of the fold in which each image is held out (images,).
        folder: a new folder for the states of the trainings.
    """
    folder.mkdir()
    probabilities = np.zeros((len(pool), len(pool.classes)))
    for number in np.unique(fold):
        held_out = fold == number
        head, _ = train_head(features, pool, held_out, augmentation, settings, folder / f"{number}.npz")
        probabilities[held_out] = head(features[held_out, 0], training=False).numpy()
    return probabilities


def train_head(
    features: np.ndarray, pool: Split, held_out: np.ndarray, augmentation: Augmentation, settings: Params, state: Path
) -> tuple[keras.Model, history.Fit]:
    """Train a head on all images of the pool except those that are held out; validate it on the latter.

    Args:
        features: (images, views, channels) of the pool.
        held_out: booleans (images,).
        state: the file for the state of the training.
    """
    head = classifier.new_head(features.shape[-1], len(pool.classes), settings.train_tl.dropout, settings.seed)
    labels = pool.labels[~held_out]
    fit = loop.fit(
        head,
        batches.training_from_cache([features[~held_out]], labels, augmentation, settings.batch_size),
        batches.validation_from_cache([features[held_out]], pool.labels[held_out], settings.batch_size),
        settings.train_tl,
        labels=labels,
        steps_per_epoch=batches.batches_per_epoch(len(labels), settings.batch_size),
        after_epoch=lambda _: None,
        description=f"{augmentation.views} views",
        state=state,
    )
    return head, fit
