"""Early stopping, checked against values computed by hand and against Keras' callback."""

from types import SimpleNamespace

import numpy as np
import pytest

from transfer.models.tensorflow import keras
from transfer.training.early_stopping import EarlyStopping


@pytest.mark.parametrize(
    ("values", "last", "best"),
    [
        ([0.5, 0.6, 0.7, 0.8], 3, 3),
        ([0.5, 0.7, 0.6, 0.65, 0.9], 3, 1),
        # A gain of exactly min_delta is no improvement, and does not raise the bar for the next epoch.
        ([0.5, 0.501, 0.5015, 0.9], 3, 3),
        ([0.5, 0.501, 0.501, 0.9], 2, 0),
        ([0.7, 0.6, 0.71, 0.6, 0.6, 0.9], 4, 2),
    ],
)
def test_the_last_and_the_best_epoch_are_those_computed_by_hand(values, last, best):
    stopping = EarlyStopping(patience=2, min_delta=0.001)
    for epoch, value in enumerate(values):
        stopping.update(epoch, value)
        if stopping.should_stop:
            break
    assert (epoch, stopping.best_epoch) == (last, best)


def test_it_agrees_with_keras_on_random_trainings():
    generator = np.random.default_rng(0)
    for _ in range(200):
        values = generator.integers(0, 12, size=12) / 12
        patience = int(generator.integers(1, 4))
        theirs = keras.callbacks.EarlyStopping("x", patience=patience, min_delta=0.05, mode="max")
        theirs.set_model(SimpleNamespace(stop_training=False, get_weights=list, set_weights=len))
        theirs.on_train_begin()
        ours = EarlyStopping(patience, 0.05)
        for epoch, value in enumerate(values):
            theirs.on_epoch_end(epoch, {"x": value})
            ours.update(epoch, value)
            assert ours.should_stop == bool(theirs.model.stop_training)
            if ours.should_stop:
                break
        assert ours.best == theirs.best


def test_without_patience_it_never_stops_and_the_last_epoch_is_the_best():
    stopping = EarlyStopping(patience=None, min_delta=0.001)
    for epoch, value in enumerate([0.9, 0.1, 0.1, 0.1, 0.05]):
        assert stopping.update(epoch, value)
        assert not stopping.should_stop
    assert (stopping.best_epoch, stopping.best) == (4, 0.05)
