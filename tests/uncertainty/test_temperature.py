"""Temperature scaling: by hand, against a search of the whole range, and on a model whose temperature is given."""

import numpy as np
import pytest

from transfer.uncertainty import temperature


def loss(probabilities, labels):
    return -np.log(probabilities[:, np.arange(len(labels)), labels]).mean()


def draw(images, true_temperature, generator):
    """Images whose classes follow the probabilities, which a model makes surer by dividing by the temperature."""
    logits = 2 * generator.normal(size=(images, 4))
    odds = np.exp(logits)
    labels = [generator.choice(4, p=of_image / of_image.sum()) for of_image in odds]
    seen = np.exp(logits * true_temperature)
    return (seen / seen.sum(axis=1, keepdims=True))[None], np.array(labels)


def test_two_classes_by_hand():
    # All images have 0.9 for class 0, and three of four are of class 0. The best probability is therefore 3/4: the
    # logit falls from log(9) to log(3), which is one half.
    probabilities = np.tile([0.9, 0.1], (1, 4, 1))
    assert temperature.fit(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(2, abs=1e-4)
    assert temperature.scale(probabilities, 2)[0, 0] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("true_temperature", [0.5, 1, 2.5])
def test_the_temperature_of_a_model_is_recovered(true_temperature):
    probabilities, labels = draw(20_000, true_temperature, np.random.default_rng(1))
    assert temperature.fit(probabilities, labels) == pytest.approx(true_temperature, rel=0.04)


def test_no_other_temperature_has_a_smaller_loss_over_all_repeats():
    generator = np.random.default_rng(2)
    first, labels = draw(60, 3, generator)
    second = temperature.scale(first, 0.7)
    repeats = np.concatenate([first, second])
    best = temperature.fit(repeats, labels)
    losses = {other: loss(temperature.scale(repeats, other), labels) for other in np.geomspace(0.05, 20, 400)}
    assert loss(temperature.scale(repeats, best), labels) <= min(losses.values()) + 1e-9
    assert best == pytest.approx(min(losses, key=losses.get), rel=0.02)


def test_probabilities_keep_their_order_and_sum_and_1_changes_nothing():
    probabilities = np.random.default_rng(3).dirichlet(np.ones(5), 50).astype(np.float32)
    for value in (0.05, 0.6, 1, 20):
        scaled = temperature.scale(probabilities, value)
        assert (scaled.argsort(axis=1) == probabilities.argsort(axis=1)).all()
        assert scaled.sum(axis=1) == pytest.approx(np.ones(50))
    assert temperature.scale(probabilities, 1) == pytest.approx(probabilities, abs=1e-7)


def test_images_that_are_all_right_say_nothing_about_the_temperature():
    assert temperature.fit(np.array([[[0.6, 0.4], [0.2, 0.8]]]), np.array([0, 1])) == 1


def test_a_model_that_is_worse_than_chance_gets_the_highest_temperature():
    probabilities = np.array([[[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]])
    assert temperature.fit(probabilities, np.array([1, 1, 0])) == pytest.approx(20, rel=1e-3)


def test_a_probability_of_zero_is_a_small_one():
    probabilities = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]], np.float32)
    fitted = temperature.fit(probabilities, np.array([0, 1, 1]))
    assert 0.05 <= fitted <= 20 and np.isfinite(temperature.scale(probabilities, fitted)).all()
