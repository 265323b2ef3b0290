"""The optimizer: the learning rate of each step, and what weight decay shrinks, checked by hand."""

import math

import numpy as np
import pytest

from runs import recipe
from transfer.models.tensorflow import keras
from transfer.training.optimizer import class_weights, make_optimizer

# Half of (1 + cosine) of 0, 30, 60 ... 180 degrees, and of 0, 45 ... 180 degrees.
SIXTHS = [1, (2 + math.sqrt(3)) / 4, 3 / 4, 1 / 2, 1 / 4, (2 - math.sqrt(3)) / 4, 0]
QUARTERS = [1, (2 + math.sqrt(2)) / 4, 1 / 2, (2 - math.sqrt(2)) / 4, 0]


def learning_rates(params, steps_per_epoch, steps):
    """The learning rate of each of the first steps."""
    adam = make_optimizer(params, steps_per_epoch)
    rates = []
    for step in range(steps):
        adam.iterations.assign(step)
        rates.append(float(adam.learning_rate))
    return rates


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epochs": 2}, QUARTERS),
        # Two steps of warm-up from zero, then six steps down to zero, and never below zero.
        ({"epochs": 4, "warmup_epochs": 1}, [0, 1 / 2, *SIXTHS, 0, 0]),
        # A warm-up as long as the training, or longer, leaves the last epoch to the cosine.
        ({"epochs": 2, "warmup_epochs": 5}, [0, 1 / 2, 1, 1 / 2, 0]),
        ({"epochs": 1, "warmup_epochs": 2}, [1, 1 / 2, 0]),
    ],
)
def test_a_cosine_schedule_has_the_rates_computed_by_hand(changes, expected):
    rates = learning_rates(recipe(schedule="cosine", learning_rate=0.8, **changes), 2, len(expected))
    assert rates == pytest.approx([0.8 * share for share in expected], abs=1e-7)


def test_a_constant_schedule_has_neither_a_warm_up_nor_an_end():
    assert learning_rates(recipe(epochs=2, warmup_epochs=1, learning_rate=0.5), 2, 9) == [0.5] * 9


@pytest.mark.parametrize(("decay", "remaining"), [(0.3, 1 - 0.1 * 0.3), (0.0, 1.0)])
def test_weight_decay_shrinks_only_kernels(decay, remaining):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.Conv2D(2, 1),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2),
            layers.SeparableConv2D(2, 2),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 2.0))
    adam = make_optimizer(recipe(learning_rate=0.1, weight_decay=decay), 1)
    gradients = [np.zeros(variable.shape, np.float32) for variable in model.trainable_variables]
    adam.apply(gradients, model.trainable_variables)
    kernels = {"kernel", "depthwise_kernel", "pointwise_kernel"}
    assert {variable.name for variable in model.trainable_variables} == kernels | {"bias", "gamma", "beta"}
    for variable in model.trainable_variables:
        expected = 2 * remaining if variable.name in kernels else 2
        assert variable.numpy() == pytest.approx(np.full(variable.shape, expected), rel=1e-6), variable.path


def test_balanced_classes_weigh_alike_in_total_and_an_image_weighs_1_on_average():
    # 12 images of 3 classes: 4 of each would be even. A class without images counts nothing, and the others share.
    images = np.array([[8, 3, 1], [9, 3, 0]])
    expected = [[4 / 8, 4 / 3, 4 / 1], [6 / 9, 6 / 3, 0]]
    assert class_weights(recipe(class_weights="balanced"), images) == pytest.approx(np.array(expected))
    assert (class_weights(recipe(), images) == 1).all()
