"""Small networks with random weights that behave like trained ones."""

import numpy as np

from transfer.models import backbone as backbones
from transfer.models import pretrained, tensorflow
from transfer.models.tensorflow import keras


def lively(images: np.ndarray, precision: str = "float32", views: int = 1) -> backbones.Backbone:
    """MobileNetV2 with random weights, its BatchNormalization adapted to these images (images, size, size, 3).

    With the statistics that a new model has, activations vanish or explode on their way through the layers.
    """
    tensorflow.start(0)
    backbone = pretrained.build("MobileNetV2", None, images.shape[1], precision, views)
    for layer in backbone.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone.model(backbone.preprocess(images.astype(np.float32)), training=True)
    return backbone
