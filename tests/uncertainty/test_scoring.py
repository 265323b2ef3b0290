"""Heads with a temperature, and both models on a small dataset."""

import numpy as np
import pytest

from transfer.models import classifier
from transfer.uncertainty import scoring, temperature
from transfer.uncertainty.calibration import Calibration

FEATURES = np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32)


@pytest.fixture
def head():
    return classifier.new_head(5, 3, 0.5, seed=1)


@pytest.fixture
def model(head):
    return scoring.Model(None, head, {"test": FEATURES}, 4)


def test_a_scaled_head_has_divided_logits_and_leaves_the_head_as_it_is(head):
    before = [weights.copy() for weights in head.get_weights()]
    [raw], [scaled] = (
        classifier.head_function(of_head)(FEATURES) for of_head in (head, scoring.scaled_head(head, 2.5))
    )
    logits = FEATURES.astype(np.float64) @ before[0] + before[1]
    odds = np.exp(logits / 2.5)
    assert scaled == pytest.approx(odds / odds.sum(axis=1, keepdims=True), abs=1e-6)
    assert scaled == pytest.approx(temperature.scale(raw, 2.5), abs=1e-6)
    assert all((now == then).all() for now, then in zip(head.get_weights(), before, strict=True))


def test_a_temperature_of_1_changes_no_bit(model, head):
    [raw] = classifier.head_function(head)(FEATURES)
    assert (
        model.test_probabilities()
        == np.concatenate([model.probabilities(FEATURES[:4]), model.probabilities(FEATURES[4:])])
    ).all()
    assert model.test_probabilities() == pytest.approx(raw, abs=1e-7)


def test_a_classifier_without_a_calibration_stays_as_it_is(head):
    original = classifier.Classifier(None, head)
    assert scoring.calibrated(original, None) is original
    nothing = np.zeros(1)
    scaled = scoring.calibrated(original, Calibration(1, 2.0, nothing, nothing, nothing[None]))
    assert scaled.head.get_weights()[0] == pytest.approx(head.get_weights()[0] / 2)


def test_the_effect_has_the_scores_before_calibration(model):
    nothing = np.zeros(1)
    labels = np.array([0, 1, 2] * 3)
    effects = scoring.effects(
        {"train_tl": model}, {"train_tl": Calibration(7, 2.0, nothing, nothing, nothing[None])}, labels
    )
    before = model.test_probabilities().astype(np.float64)
    assert effects["train_tl"]["before"]["loss"] == pytest.approx(-np.log(before[np.arange(9), labels]).mean())
    assert (effects["train_tl"]["images"], effects["train_tl"]["temperature"]) == (7, 2)
