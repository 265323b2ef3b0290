"""The training loop, checked against values computed by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from runs import recipe
from transfer.interface.errors import UserError
from transfer.models.tensorflow import keras
from transfer.training.history import Epoch
from transfer.training.loop import fit, trainable_parameters


def small_model(weight=0.0):
    """One input, two classes; the odds of class 1 over class 0 are exp(2 x weight)."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
    model.layers[0].kernel.assign([[-weight, weight]])
    return model


def batch(value, labels):
    """A batch in which all images have the same single input."""
    return [np.full((len(labels), 1), value)], np.array(labels)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(model, training, validation, **changes):
    """The result, and the epochs that `after_epoch` was called with."""
    epochs: list[Epoch] = []
    result = fit(
        model,
        lambda epoch: iter(training),
        lambda: iter(validation),
        recipe(**changes),
        labels=np.concatenate([labels for _, labels in training]),
        steps_per_epoch=len(training),
        after_epoch=epochs.append,
        description="test",
        state=Path("training.npz"),
    )
    return result, epochs


def test_loss_and_accuracy_are_means_over_images_not_over_batches():
    # A weight of 1/2 and x = 1 give odds of e for class 1: right with e / (1 + e), wrong with 1 / (1 + e).
    right, wrong = -np.log(np.e / (1 + np.e)), -np.log(1 / (1 + np.e))
    three, one = batch(1, [1, 1, 1]), batch(1, [0])
    result, epochs = train(small_model(0.5), [three, one], [one, three])
    assert epochs == result.epochs
    for logs in (result.best.train, result.best.validation):
        assert logs["accuracy"] == pytest.approx(3 / 4)
        assert logs["loss"] == pytest.approx((3 * right + wrong) / 4, rel=1e-4)


def train_in_the_wrong_direction(**changes):
    """The result and the weights of a training on class 1, validated on class 0: every epoch is worse."""
    model = small_model(-0.06)
    result, _ = train(model, [batch(1, [1] * 4)], [batch(1, [0] * 4)], epochs=9, learning_rate=0.05, **changes)
    return result, model.layers[0].kernel.numpy().ravel()


def test_with_patience_the_weights_of_the_best_epoch_are_restored():
    result, weights = train_in_the_wrong_direction(patience=2)
    assert [epoch.validation["accuracy"] for epoch in result.epochs] == [1, 0, 0]
    # Adam's first step is the learning rate itself: the first epoch ends at -0.06 + 0.05.
    assert weights == pytest.approx([0.01, -0.01], abs=1e-5)
    assert result.metrics()["best_epoch"] == 1 and result.metrics()["epochs"] == 3


def test_without_patience_the_weights_of_the_last_epoch_stay():
    result, weights = train_in_the_wrong_direction(patience=None)
    assert [epoch.validation["accuracy"] for epoch in result.epochs] == [1, *[0] * 8]
    assert result.metrics()["best_epoch"] == result.metrics()["epochs"] == 9
    assert result.best is result.epochs[-1]
    # The reported loss is that of these weights, whose odds for class 0 are exp(first - second).
    odds = math.exp(weights[0] - weights[1])
    assert result.best.validation["loss"] == pytest.approx(math.log(1 + 1 / odds), rel=1e-5)
    # Nine steps of Adam in one direction, none longer than the rate apart from rounding.
    assert 0.3 < weights[1] <= -0.06 + 9 * 0.05 + 1e-5


@pytest.mark.parametrize(("class_weights", "weight"), [(None, 0.05), ("balanced", -0.05)])
def test_class_weights_change_what_is_trained_towards_but_not_what_is_reported(class_weights, weight):
    # Three images of class 1 with the input 1, and one of class 0 with the input 2: their pulls are 3 to 2, and with
    # weights of 2/3 and 2 they are 2 to 4.
    images = [np.array([[1.0], [1.0], [1.0], [2.0]])], np.array([1, 1, 1, 0])
    model = small_model()
    result, _ = train(model, [images], [images], learning_rate=0.05, class_weights=class_weights)
    assert result.best.train == pytest.approx({"loss": math.log(2), "accuracy": 0.25}, rel=1e-5)
    # Adam's first step is the learning rate itself, towards the class that pulls more.
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([-weight, weight], abs=1e-5)


def test_a_loss_that_is_not_a_number_ends_the_training_with_a_sentence():
    message = "the loss is not a finite number after epoch 1: lower the learning_rate"
    with pytest.raises(UserError, match=message):
        train(small_model(), [batch(np.nan, [0])], [batch(1, [0])])


def test_a_training_follows_its_whole_schedule():
    # With an input of zero, the gradient is zero, and the kernel changes only by its decay, which shows the rates.
    model = small_model(1.0)
    changes = {"epochs": 2, "schedule": "cosine", "learning_rate": 0.5, "weight_decay": 0.2, "patience": None}
    train(model, [batch(0, [1])] * 2, [batch(0, [1])], **changes)
    # Half of (1 + cosine) of 0, 45, 90 and 135 degrees.
    shares = [1, (2 + math.sqrt(2)) / 4, 1 / 2, (2 - math.sqrt(2)) / 4]
    expected = math.prod(1 - 0.2 * 0.5 * share for share in shares)
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([-expected, expected], rel=1e-5)


@pytest.mark.parametrize(("smoothing", "weight"), [(0.0, 1.05), (0.5, 0.95)])
def test_smoothed_labels_are_trained_on_but_not_reported(smoothing, weight):
    # The model gives class 1 e^2 / (1 + e^2) = 0.88: less than the label's 1, more than the smoothed label's 0.75.
    model = small_model(1.0)
    result, _ = train(model, [batch(1, [1])], [batch(1, [1, 0])], learning_rate=0.05, label_smoothing=smoothing)
    assert result.best.train["loss"] == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)
    # Adam's first step is the learning rate itself.
    assert model.layers[0].kernel.numpy().ravel() == pytest.approx([-weight, weight], abs=1e-5)
    right, wrong = math.log(1 + math.exp(-2 * weight)), math.log(1 + math.exp(2 * weight))
    assert result.best.validation["loss"] == pytest.approx((right + wrong) / 2, rel=1e-4)


def test_only_trained_parameters_are_counted():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    assert trainable_parameters(model) == 5 * 3 + 3 + 2 * 3
