"""A classifier as one file that does not need this project: Keras, LiteRT, and LiteRT in 8 bits."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from transfer.models.backbone import Backbone
from transfer.models.classifier import Classifier
from transfer.models.tensorflow import convert_variables_to_constants_v2, keras, tf

# How many images determine the value ranges of the 8-bit model: more images change the ranges little.
REPRESENTATIVE = 100


def keras_model(backbone: Backbone, classifier: Classifier) -> keras.Model:
    """Images (images, size, size, 3) of 0 to 255 to probabilities (images, classes), preprocessing inside, in float32.

    Args:
        backbone: the one that `classifier` was loaded on, which may have replaced its later layers.
    """
    images = keras.Input((backbone.image_size, backbone.image_size, 3), dtype="float32", name="images")
    activations = backbone.in_float32()(backbone.preprocess(images), training=False)
    features = keras.layers.GlobalAveragePooling2D(dtype="float32")(activations)
    return keras.Model(images, classifier.head.layers[-1](features), name=backbone.name)


def litert(model: keras.Model, representative: np.ndarray | None = None) -> bytes:
    """The model as a LiteRT (TensorFlow Lite) file, for one 8-bit image at a time: (1, size, size, 3).

    Args:
        representative: 8-bit images (images, size, size, 3) that determine the ranges of the values. Weights and
            activations then have 8 bits; without these images, 32.
    """
    dtype = tf.uint8 if representative is None else tf.float32
    image = tf.TensorSpec((1, *model.input_shape[1:]), dtype)
    traced = tf.function(lambda image: model(tf.cast(image, tf.float32), training=False)).get_concrete_function(image)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(traced)], model)
    if representative is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _one_by_one(representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        # The range of an image is 0 to 255 in steps of 1: the 8 bits are the image itself.
        converter.inference_input_type = tf.uint8
    return converter.convert()


def load(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """An exported file as a function: 8-bit images (images, size, size, 3) to a list of one array, probabilities."""
    if path.suffix == ".keras":
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        return lambda images: [model(images.astype(np.float32), training=False).numpy()]
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    [image_tensor], [output_tensor] = interpreter.get_input_details(), interpreter.get_output_details()

    def probabilities(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(image_tensor["index"], image[None])
        interpreter.invoke()
        return interpreter.get_tensor(output_tensor["index"])[0]

    return lambda images: [np.stack([probabilities(image) for image in images])]


def _one_by_one(images: np.ndarray) -> Iterator[list[np.ndarray]]:
    for row in np.linspace(0, len(images) - 1, min(REPRESENTATIVE, len(images))).astype(int):
        yield [images[row : row + 1].astype(np.float32)]
