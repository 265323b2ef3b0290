"""The state of a training: an interrupted training ends exactly as it would have without the interruption."""

import numpy as np
import pytest

from runs import recipe
from transfer.caching import state_file
from transfer.models.tensorflow import keras
from transfer.training.loop import fit
from transfer.training.state import state_bytes

# No recipe here has class weights.
LABELS = np.array([0, 1, 2])


@pytest.fixture(autouse=True)
def _save_after_every_epoch(monkeypatch):
    # test_state_file tests when a save is due.
    monkeypatch.setattr(state_file, "MAX_LOSS", -1)


def with_dropout():
    """A model with a random generator, training batches that depend on the epoch, and validation batches."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5, seed=1), layers.Dense(3, activation="softmax")])
    kernel = model.layers[-1].kernel
    kernel.assign(np.random.default_rng(1).normal(size=kernel.shape))

    def training(epoch):
        generator = np.random.default_rng(epoch)
        return iter([([generator.normal(size=(4, 6))], generator.integers(0, 3, 4)) for _ in range(2)])

    generator = np.random.default_rng(100)
    validation = [([generator.normal(size=(9, 6))], generator.integers(0, 3, 9))]
    return model, training, lambda: iter(validation)


def eight_epochs(**changes):
    return recipe(epochs=8, learning_rate=0.3, schedule="cosine", warmup_epochs=1, weight_decay=0.1, **changes)


def train(interrupted_after, state, **changes):
    """The weights, the result and the epochs that `after_epoch` was called with; None after the interruption."""
    model, training, validation = with_dropout()
    epochs = []

    def after_epoch(epoch):
        epochs.append(epoch)
        if epoch.number == interrupted_after:
            raise KeyboardInterrupt

    try:
        result = fit(
            model,
            training,
            validation,
            eight_epochs(**changes),
            labels=LABELS,
            steps_per_epoch=2,
            after_epoch=after_epoch,
            description="test",
            state=state,
        )
    except KeyboardInterrupt:
        return None
    return [value.numpy().tobytes() for value in model.variables], result, epochs


@pytest.mark.parametrize("patience", [None, 3])
@pytest.mark.parametrize("interrupted_after", [0, 1, 4, 6, 7])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(patience, interrupted_after, tmp_path):
    uninterrupted = train(None, tmp_path / "uninterrupted.npz", patience=patience)
    epochs = len(uninterrupted[1].epochs)
    # With patience, the best epoch is not the last, so its weights are part of the state.
    assert uninterrupted[1].best_epoch == epochs - 1 - (patience or 0)
    training = train(interrupted_after, tmp_path / "interrupted.npz", patience=patience)
    if interrupted_after < epochs:
        assert training is None
        training = train(None, tmp_path / "interrupted.npz", patience=patience)
    assert training == uninterrupted


def test_only_epochs_that_were_not_saved_are_trained_again(tmp_path):
    trained_epochs = []
    model, training, validation = with_dropout()

    def recorded(epoch):
        trained_epochs.append(epoch)
        return training(epoch)

    train(4, tmp_path / "state.npz", patience=None)
    params = eight_epochs(patience=None)
    options = {"labels": LABELS, "steps_per_epoch": 2, "description": "test", "state": tmp_path / "state.npz"}
    epochs = []
    fit(model, recorded, validation, params, after_epoch=epochs.append, **options)
    # The fifth epoch was interrupted before it was saved.
    assert trained_epochs == [4, 5, 6, 7]
    assert [epoch.number for epoch in epochs] == list(range(8))
    # A complete training trains no epoch again.
    fit(with_dropout()[0], recorded, validation, params, after_epoch=epochs.append, **options)
    assert trained_epochs == [4, 5, 6, 7] and len(epochs) == 16


def test_a_damaged_state_is_not_used(tmp_path):
    uninterrupted = train(None, tmp_path / "uninterrupted.npz", patience=None)
    train(4, tmp_path / "state.npz", patience=None)
    (tmp_path / "state.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:-100])
    assert train(None, tmp_path / "state.npz", patience=None) == uninterrupted


def test_a_state_takes_the_announced_bytes(tmp_path):
    images, labels = np.zeros((2, 1000), np.float32), np.array([0, 1])
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(100, activation="softmax")])
    batches = [([images], labels)]
    options = {"labels": labels, "steps_per_epoch": 1, "description": "test", "state": tmp_path / "state.npz"}
    fit(model, lambda epoch: batches, lambda: batches, recipe(patience=1), after_epoch=lambda epoch: None, **options)
    announced = state_bytes(1000 * 100 + 100)
    # The archive adds a few bytes for each array.
    assert 0.99 * announced < (tmp_path / "state.npz").stat().st_size < 1.01 * announced
