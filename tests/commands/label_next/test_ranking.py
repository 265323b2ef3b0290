"""The order of images to label, on features in a plane, worked out by hand."""

import numpy as np
import pytest

from commands.label_next import ranking


def directions(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def margins(*values):
    """Probabilities of three classes whose two highest differ by these values."""
    return np.array([[0.45 + value / 2, 0.45 - value / 2, 0.1] for value in values])


# Around the origin, so that their mean is 0: images at 0 and at 180 degrees.
AROUND = [directions(0), directions(180)]


def test_of_equally_different_images_the_most_uncertain_comes_first():
    features = directions(90, 90.001, -90)
    assert ranking.rank(features, margins(0.5, 0.8, 0.1), AROUND, 2) == [2, 0]


def test_of_equally_uncertain_images_the_most_different_comes_first():
    # From 0 and 180 degrees, the distances are 1 - cos: 0.5, 1.0, 0.83.
    features = directions(60, 90, -80)
    assert ranking.rank(features, margins(0.2, 0.2, 0.2), AROUND, 3) == [1, 2, 0]
    # After 90 degrees was taken, 80 degrees is near it.
    features = directions(-60, 90, 80)
    assert ranking.rank(features, margins(0.2, 0.2, 0.2), AROUND, 3) == [1, 0, 2]


def test_what_all_images_have_in_common_makes_no_difference():
    features, common = directions(-60, 90, 80), np.array([[50, 70]], np.float32)
    dataset = [of_split + common for of_split in AROUND]
    assert ranking.rank(features + common, margins(0.2, 0.2, 0.2), dataset, 3) == [1, 0, 2]


def test_the_length_of_a_feature_and_the_arrays_of_the_dataset_make_no_difference():
    features = directions(60, 90, -80)
    scaled = features * np.array([[7], [0.1], [3]])
    dataset = [directions(0, 180), directions(5, 185)]
    order = ranking.rank(features, margins(0.1, 0.2, 0.3), dataset, 3)
    assert ranking.rank(scaled, margins(0.1, 0.2, 0.3), [np.concatenate(dataset) * 2], 3) == order


@pytest.mark.parametrize("block", [1, 2, 1000])
def test_the_size_of_the_blocks_makes_no_difference(block, monkeypatch):
    rng = np.random.default_rng(0)
    features, dataset = rng.random((30, 5)), [rng.random((20, 5)), rng.random((7, 5))]
    probabilities = rng.dirichlet(np.ones(4), 30)
    order = ranking.rank(features, probabilities, dataset, 30)
    assert sorted(order) == list(range(30))
    monkeypatch.setattr(ranking, "BLOCK", block)
    assert ranking.rank(features, probabilities, dataset, 30) == order


def test_an_image_without_features_and_one_like_the_dataset_come_but_last():
    features = np.concatenate([directions(0), np.zeros((1, 2)), directions(90)])
    order = ranking.rank(features, margins(0, 0.2, 0.2), AROUND, 5)
    assert len(order) == 3 and order[-1] == 0
