"""Grad-CAM: heat maps of where in an image a class was seen."""

import numpy as np

from transfer.loading.orientations import orient, restore
from transfer.models.backbone import Backbone
from transfer.models.tensorflow import keras


def heat_maps(backbone: Backbone, head: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The evidence for a class at each place of the backbone's last activations: (images, rows, columns), 0 to 1.

    This is Grad-CAM (Selvaraju et al. 2017). With average pooling and one dense layer, the gradient of a class's score
    is, at every place, the class's column of the kernel divided by the number of places. No backward pass is needed:
    the result is the class activation map of Zhou et al. (2016) without negative evidence. If the features are a mean
    over several orientations of the image, so is the evidence, each orientation turned back.

    Args:
        backbone: with the classifier's weights, fine-tuned or not.
        head: pooled features to probabilities; its last layer is dense.
        images: (images, size, size, 3), 8-bit.
        labels: the class number to look for in each image (images,).
    """
    if not len(images):  # TensorFlow does not always accept an empty batch
        return np.zeros((0, *backbone.model.output_shape[1:3]))
    kernel = head.layers[-1].kernel.numpy()
    of_views = []
    for number in range(backbone.views):
        view = backbone.preprocess(orient(images, number).astype(np.float32))
        activations = keras.ops.cast(backbone.model(view, training=False), "float32")
        values = np.einsum("nijc,cn->nij", keras.ops.convert_to_numpy(activations), kernel[:, labels])
        of_views.append(restore(values, number))
    evidence = np.maximum(np.mean(of_views, axis=0), 0)
    largest = evidence.max(axis=(1, 2), keepdims=True)
    return evidence / np.where(largest > 0, largest, 1)
