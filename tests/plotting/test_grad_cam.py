"""Grad-CAM: heat maps are computed without a backward pass, and checked against the gradient."""

from dataclasses import replace

import numpy as np
import pytest

from networks import lively
from transfer.loading.orientations import orient
from transfer.models import classifier
from transfer.models.tensorflow import tf
from transfer.plotting import grad_cam

IMAGES = np.random.default_rng(1).integers(0, 256, (4, 96, 96, 3), np.uint8)


@pytest.fixture(scope="module")
def backbone():
    return lively(IMAGES)


def test_a_heat_map_follows_from_the_gradient_of_the_class(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    labels = np.array([0, 2, 1, 2])
    heat = grad_cam.heat_maps(backbone, head, IMAGES, labels)
    assert heat.shape == (4, 3, 3)
    # Grad-CAM as published: channels weighted by the mean gradient of the class's score, without negative values.
    activations = backbone.model(backbone.preprocess(IMAGES.astype(np.float32)), training=False)
    with tf.GradientTape() as tape:
        tape.watch(activations)
        dense = head.layers[-1]
        scores = tf.matmul(tf.reduce_mean(activations, (1, 2)), dense.kernel) + dense.bias
        of_label = tf.gather(scores, labels, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(of_label, activations), (1, 2), keepdims=True)
    expected = tf.nn.relu(tf.reduce_sum(weights * activations, -1)).numpy()
    expected /= expected.max(axis=(1, 2), keepdims=True)
    assert heat == pytest.approx(expected, abs=1e-4)
    assert heat.max(axis=(1, 2)) == pytest.approx(np.ones(4))
    assert heat.min() >= 0 and heat.std() > 0.05


def test_with_all_orientations_a_map_turns_with_its_image(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    labels = np.array([0, 2, 1, 2])
    own, all_views = (grad_cam.heat_maps(replace(backbone, views=views), head, IMAGES, labels) for views in (1, 8))
    assert np.abs(own - all_views).max() > 0.05
    for number in range(8):
        heat = grad_cam.heat_maps(replace(backbone, views=8), head, orient(IMAGES, number), labels)
        assert heat == pytest.approx(orient(all_views, number), abs=1e-4)


def test_a_class_without_evidence_has_an_empty_map(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    head.layers[-1].kernel.assign(-np.ones(head.layers[-1].kernel.shape, np.float32))
    assert not grad_cam.heat_maps(backbone, head, IMAGES, np.zeros(4, int)).any()


def test_no_images_give_no_maps(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    assert grad_cam.heat_maps(backbone, head, IMAGES[:0], np.zeros(0, int)).shape == (0, 3, 3)
