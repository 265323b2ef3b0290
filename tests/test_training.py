"""The training loop and early stopping, against values worked out by hand and against Keras' own callback."""

from types import SimpleNamespace

import numpy as np
import pytest

from transfer.faults import Fault
from transfer.framework import keras
from transfer.training import EarlyStopping, Epoch, fit, parameters


@pytest.mark.parametrize(
    ("values", "last", "best"),
    [
        ([0.5, 0.6, 0.7, 0.8], 3, 3),
        ([0.5, 0.7, 0.6, 0.65, 0.9], 3, 1),
        # A gain of exactly min_delta is none, but it does not become the bar for the next one either
        ([0.5, 0.501, 0.5015, 0.9], 3, 3),
        ([0.5, 0.501, 0.501, 0.9], 2, 0),
        ([0.7, 0.6, 0.71, 0.6, 0.6, 0.9], 4, 2),
    ],
)
def test_early_stopping_ends_and_remembers_as_worked_out_by_hand(values, last, best):
    stopping = EarlyStopping(patience=2, min_delta=0.001)
    for epoch, value in enumerate(values):
        stopping.improves(epoch, value)
        if stopping.stops:
            break
    assert (epoch, stopping.best_epoch) == (last, best)


def test_early_stopping_agrees_with_keras_on_random_courses():
    chance = np.random.default_rng(0)
    for _ in range(200):
        values = chance.integers(0, 12, size=12) / 12
        patience = int(chance.integers(1, 4))
        theirs = keras.callbacks.EarlyStopping("x", patience=patience, min_delta=0.05, mode="max")
        theirs.set_model(SimpleNamespace(stop_training=False, get_weights=list, set_weights=len))
        theirs.on_train_begin()
        ours = EarlyStopping(patience, 0.05)
        for epoch, value in enumerate(values):
            theirs.on_epoch_end(epoch, {"x": value})
            ours.improves(epoch, value)
            assert ours.stops == bool(theirs.model.stop_training)
            if ours.stops:
                break
        assert ours.best == theirs.best


def small_model(weight=0.0):
    """One input, two classes; the odds of class 1 over class 0 are exp(2 x weight)."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
    model.layers[0].kernel.assign([[-weight, weight]])
    return model


def trained(model, batches, validation, epochs=1, learning_rate=1e-9, patience=2):
    seen: list[Epoch] = []
    result = fit(
        model,
        lambda epoch: iter(batches),
        lambda: iter(validation),
        epochs=epochs,
        learning_rate=learning_rate,
        stopping=EarlyStopping(patience, 0.0),
        after_epoch=seen.append,
        description="test",
    )
    return result, seen


def test_loss_and_accuracy_are_means_over_images_not_over_batches():
    # With the weight at 1/2, x = 1 gives odds of e for class 1: right with e / (1 + e), wrong with 1 / (1 + e)
    right, wrong = -np.log(np.e / (1 + np.e)), -np.log(1 / (1 + np.e))
    three, one = (np.ones((3, 1)), np.array([1, 1, 1])), (np.ones((1, 1)), np.array([0]))
    result, seen = trained(small_model(0.5), [three, one], [one, three])
    assert seen == result.epochs
    for logs in (result.best.train, result.best.validation):
        assert logs["accuracy"] == pytest.approx(3 / 4)
        assert logs["loss"] == pytest.approx((3 * right + wrong) / 4, rel=1e-4)


def test_the_weights_of_the_best_epoch_come_back():
    # Training pushes towards class 1, validation holds class 0: every epoch is worse than the one before
    model = small_model(-0.06)
    batches, validation = [(np.ones((4, 1)), np.ones(4, int))], [(np.ones((4, 1)), np.zeros(4, int))]
    result, _ = trained(model, batches, validation, epochs=9, learning_rate=0.05, patience=2)
    assert [epoch.validation["accuracy"] for epoch in result.epochs] == [1, 0, 0]
    # Adam's first step is the learning rate itself: -0.06 + 0.05 is what the first epoch ended with
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([0.01, -0.01], abs=1e-5)
    assert result.metrics()["best_epoch"] == 1 and result.metrics()["epochs"] == 3


def test_a_loss_that_is_no_number_stops_with_a_sentence():
    with pytest.raises(Fault, match="no number after epoch 1"):
        trained(small_model(), [(np.full((1, 1), np.nan), np.zeros(1, int))], [(np.ones((1, 1)), np.zeros(1, int))])


def test_parameters_counts_only_what_is_trained():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    assert parameters(model) == 5 * 3 + 3 + 2 * 3
