"""Where on an image a class was seen."""

import numpy as np

from transfer.backbone import Backbone
from transfer.framework import keras


def maps(backbone: Backbone, head: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What spoke for a class at each place of the backbone's last activations: (images, rows, columns), 0 to 1.

    This is Grad-CAM (Selvaraju et al. 2017). Behind an average over all places and one dense layer the gradient of a
    class's score is, at every place, that class's column of the kernel over the number of places, so it needs no
    backward pass: it is the class activation map of Zhou et al. (2016), without what spoke against.

    Args:
        backbone: with the weights that the classifier has, fine-tuned or not.
        head: pooled features to probabilities, a dense layer last.
        images: (images, size, size, 3), 8-bit.
        labels: the class number to look for on each image (images,).
    """
    if not len(images):  # TensorFlow does not always take a batch of none
        return np.zeros((0, *backbone.model.output_shape[1:3]))
    activations = backbone.model(backbone.preprocess(images.astype(np.float32)), training=False)
    activations = keras.ops.convert_to_numpy(keras.ops.cast(activations, "float32"))
    kernel = head.layers[-1].kernel.numpy()
    spoke_for = np.maximum(np.einsum("nijc,cn->nij", activations, kernel[:, labels]), 0)
    most = spoke_for.max(axis=(1, 2), keepdims=True)
    return spoke_for / np.where(most > 0, most, 1)
