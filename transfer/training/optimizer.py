"""The optimizer and its learning-rate schedule."""

from typing import Any

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
