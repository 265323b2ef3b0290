"""Conformal sets: thresholds by hand, and the coverage that theory promises, by simulation."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.uncertainty import conformal


def test_the_threshold_is_the_probability_of_the_rank_that_the_coverage_allows_to_miss():
    of_true = np.arange(1, 20) / 20
    # 19 images and a new one: at 0.9, two of twenty ranks may miss, so the second lowest is the threshold.
    assert conformal.threshold(of_true, 19, 0.9) == pytest.approx(2 / 20)
    assert conformal.threshold(of_true, 19, 0.95) == pytest.approx(1 / 20)
    # Three repeats of the same images: the same rank of images.
    assert conformal.threshold(np.sort(np.tile(of_true, 3)), 19, 0.9) == pytest.approx(2 / 20)


@pytest.mark.parametrize(("images", "coverage", "highest"), [(19, 0.96, 0.95), (123, 0.995, 0.991), (2, 0.9, 0.666)])
def test_a_coverage_that_the_images_cannot_give_is_refused(images, coverage, highest):
    with pytest.raises(UserError, match=f"calibrated on {images} images: choose at most {highest}"):
        conformal.threshold(np.linspace(0, 1, images), images, coverage)
    conformal.threshold(np.linspace(0, 1, images), images, highest)


def test_the_set_holds_the_classes_from_the_threshold_on_and_always_the_predicted_one():
    assert conformal.prediction_set(np.array([0.25, 0.5, 0.05, 0.2]), 0.2).tolist() == [0, 1, 3]
    assert conformal.prediction_set(np.array([0.25, 0.5, 0.05, 0.2]), 0.6).tolist() == [1]


def test_the_probabilities_of_the_true_classes_are_those_of_all_repeats():
    probabilities = np.array([[[0.9, 0.1], [0.7, 0.3]], [[0.2, 0.8], [0.5, 0.5]]])
    assert conformal.true_class_probabilities(probabilities, np.array([0, 1])).tolist() == pytest.approx(
        [0.2, 0.3, 0.5, 0.9]
    )


def test_sets_hold_the_true_class_at_the_rate_asked_for():
    # Probabilities from a model that is far too sure: only their order matters.
    generator = np.random.default_rng(1)

    def draw(images):
        labels = generator.integers(0, 4, images)
        logits = 4 * (generator.normal(size=(images, 4)) + 1.5 * np.eye(4)[labels])
        odds = np.exp(logits)
        return odds / odds.sum(axis=1, keepdims=True), labels

    covered = []
    for _ in range(200):
        probabilities, labels = draw(100)
        of_true = conformal.true_class_probabilities(probabilities[None], labels)
        threshold = conformal.threshold(of_true, 100, 0.8)
        new, actual = draw(100)
        covered.append(
            np.mean([label in conformal.prediction_set(row, threshold) for row, label in zip(new, actual, strict=True)])
        )
    # 20,000 new images, of which 81 of 101 ranks are covered; the predicted class adds a little.
    assert 0.79 < np.mean(covered) < 0.83
