"""Unknown images: cosines and thresholds by hand, and the rate of false alarms by simulation."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.uncertainty import novelty


def test_the_nearest_reference_is_that_of_the_smallest_angle_whatever_the_lengths(monkeypatch):
    monkeypatch.setattr(novelty, "BLOCK", 2)
    references = novelty.references(np.array([[1.0, 0], [0, 5]]))
    features = np.array([[3.0, 4], [2, 2], [-1, 0], [0, 0]])
    expected = [4 / 5, np.sqrt(1 / 2), 0, 0]
    assert novelty.nearest_cosines(features, references).tolist() == pytest.approx(expected)


def test_an_image_is_compared_with_images_of_other_folds_only():
    features = np.array([[1.0, 0], [1, 0], [0, 1], [3, 4]])
    expected = [3 / 5, 3 / 5, 4 / 5, 4 / 5]
    assert novelty.held_out_cosines(features, np.array([0, 0, 1, 2])).tolist() == pytest.approx(expected)


def test_five_of_a_hundred_ranks_are_false_alarms():
    cosines = np.arange(1, 100) / 100
    assert novelty.threshold(cosines) == pytest.approx(0.05)
    with pytest.raises(UserError, match="at least 19 images; this one was calibrated on 18"):
        novelty.threshold(cosines[:18])
    assert novelty.threshold(cosines[:19]) == pytest.approx(0.01)


def test_the_references_of_a_large_dataset_are_evenly_spread(monkeypatch):
    monkeypatch.setattr(novelty, "MOST_REFERENCES", 3)
    assert novelty.sample(2).tolist() == [0, 1]
    assert novelty.sample(9).tolist() == [0, 4, 8]
    assert len(novelty.references(np.ones((9, 2)))) == 3


def test_images_like_those_of_the_dataset_are_rarely_unknown_and_others_are():
    generator = np.random.default_rng(2)
    centres = generator.normal(size=(4, 30))

    def draw(number, images):
        return centres[number] + 0.3 * generator.normal(size=(images, 30))

    dataset = np.concatenate([draw(number, 100) for number in range(3)])
    cosines = np.sort(novelty.held_out_cosines(dataset, generator.permutation(300) % 10))
    lowest, references = novelty.threshold(cosines), novelty.references(dataset)
    alike = np.concatenate([draw(number, 700) for number in range(3)])
    assert 0.02 < (novelty.nearest_cosines(alike, references) < lowest).mean() < 0.08
    assert (novelty.nearest_cosines(draw(3, 200), references) < lowest).mean() > 0.95
