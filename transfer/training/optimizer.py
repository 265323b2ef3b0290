"""What a training makes small, and how: class weights of the loss, the optimizer and its learning-rate schedule."""

from typing import Any

import numpy as np

from transfer.models.tensorflow import keras
from transfer.training.params import TrainingParams


def make_optimizer(recipe: TrainingParams, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam with a constant learning rate, or with a linear warm-up followed by half a cosine down to zero.

    The warm-up leaves at least one epoch for the cosine, however few epochs there are. With `weight_decay` it is AdamW
    (Loshchilov and Hutter 2019), applied to kernels only.
    """
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = min(recipe.warmup_epochs, recipe.epochs - 1) * steps_per_epoch
        steps = recipe.epochs * steps_per_epoch - warmup
        start = 0.0 if warmup else rate
        rate = keras.optimizers.schedules.CosineDecay(
            start, steps, warmup_target=rate if warmup else None, warmup_steps=warmup
        )
    adam = keras.optimizers.Adam(rate, weight_decay=recipe.weight_decay or None)
    if recipe.weight_decay:
        adam.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adam


def class_weights(recipe: TrainingParams, images: np.ndarray) -> np.ndarray:
    """How much an image of each class counts in the loss (..., classes).

    With `balanced`, every class counts alike in total, and an image counts 1 on average (King and Zeng 2001; the
    `balanced` of scikit-learn). A class without images has the weight 0. With null, every image counts 1.

    Args:
        images: the number of training images of each class (..., classes).
    """
    if recipe.class_weights is None:
        return np.ones(images.shape, np.float32)
    present = np.maximum((images > 0).sum(axis=-1, keepdims=True), 1)
    weights = images.sum(axis=-1, keepdims=True) / (present * np.maximum(images, 1))
    return np.where(images > 0, weights, 0).astype(np.float32)
