"""Heat maps are Grad-CAM: checked against the gradient that they are said to need no pass for."""

import numpy as np
import pytest
from transfer.models.tensorflow import tf

from networks import lively
from transfer.evaluation import grad_cam
from transfer.models import classifier


@pytest.fixture(scope="module")
def backbone():
    return lively(images())


def images():
    return np.random.default_rng(1).integers(0, 256, (4, 96, 96, 3), np.uint8)


def test_a_heat_map_is_what_the_gradient_of_the_class_gives(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    labels = np.array([0, 2, 1, 2])
    found = grad_cam.heat_maps(backbone, head, images(), labels)
    assert found.shape == (4, 3, 3)
    # Grad-CAM as its authors put it: channels weighted by the mean gradient of the class's score, what is negative cut
    activations = backbone.model(backbone.preprocess(images().astype(np.float32)), training=False)
    with tf.GradientTape() as tape:
        tape.watch(activations)
        dense = head.layers[-1]
        scores = tf.matmul(tf.reduce_mean(activations, (1, 2)), dense.kernel) + dense.bias
        chosen = tf.gather(scores, labels, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(chosen, activations), (1, 2), keepdims=True)
    expected = tf.nn.relu(tf.reduce_sum(weights * activations, -1)).numpy()
    expected /= expected.max(axis=(1, 2), keepdims=True)
    assert found == pytest.approx(expected, abs=1e-4)
    assert found.max(axis=(1, 2)) == pytest.approx(np.ones(4))
    assert found.min() >= 0 and found.std() > 0.05


def test_a_class_that_nothing_speaks_for_has_an_empty_map(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    head.layers[-1].kernel.assign(-np.ones(head.layers[-1].kernel.shape, np.float32))
    assert not grad_cam.heat_maps(backbone, head, images(), np.zeros(4, int)).any()


def test_a_gallery_without_images_has_no_maps(backbone):
    head = classifier.new_head(backbone.channels, 3, 0.2, seed=1)
    assert grad_cam.heat_maps(backbone, head, images()[:0], np.zeros(0, int)).shape == (0, 3, 3)
