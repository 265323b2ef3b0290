"""Small models that behave like trained ones."""

import numpy as np
from transfer.models.tensorflow import keras

from transfer.models import backbone as backbones
from transfer.models import pretrained
from transfer.models import tensorflow


def lively(images: np.ndarray, precision: str = "float32") -> backbones.Backbone:
    """MobileNetV2 of random weights, with the statistics of these images (images, size, size, 3).

    With those that it is made with, every image would fade to nothing on its way, or blow up.
    """
    tensorflow.start(0)
    backbone = pretrained.build("MobileNetV2", None, images.shape[1], precision)
    for layer in backbone.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone.model(backbone.preprocess(images.astype(np.float32)), training=True)
    return backbone
