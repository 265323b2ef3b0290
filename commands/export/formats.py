"""A classifier as one file that does not need this project: Keras, LiteRT, LiteRT in 8 bits, and ONNX.

The Keras and the ONNX file take images of any height and width and contain the resizing. A LiteRT file takes squares:
its delegates, which run a model on the GPU of a phone, need sizes that are fixed.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from commands.export import square
from transfer.loading.prepared import Resize
from transfer.loading.shards import Shards
from transfer.models.backbone import Backbone
from transfer.models.classifier import Classifier
from transfer.models.tensorflow import freeze, keras, tf

ops = keras.ops

INPUT, OUTPUT = "images", "probabilities"
# How many images determine the value ranges of the 8-bit model: more images change the ranges little.
REPRESENTATIVE = 100
# Supported by every ONNX Runtime since 1.14 (2023); the newest that tf2onnx tests.
OPSET = 18
# Of the members of a zip file that is attached to a model: the same model gives the same bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

Function = Callable[[np.ndarray], list[np.ndarray]]


def core_model(backbone: Backbone, classifier: Classifier) -> keras.Model:
    """Squares (images, size, size, 3) of 0 to 255 to probabilities (images, classes), in float32.

    Args:
        backbone: the one that `classifier` was loaded on, which may have replaced its later layers.
    """
    squares = keras.Input((backbone.image_size, backbone.image_size, 3), dtype="float32")
    # All orientations of the images in one batch: the file then holds the layers once.
    views = [_orient(squares, number) for number in range(backbone.views)]
    images = ops.concatenate(views, axis=0) if len(views) > 1 else squares
    activations = backbone.in_float32()(backbone.preprocess(images), training=False)
    features = keras.layers.GlobalAveragePooling2D(dtype="float32")(activations)
    if len(views) > 1:
        features = ops.mean(ops.reshape(features, (len(views), -1, backbone.channels)), axis=0)
    return keras.Model(squares, classifier.head.layers[-1](features), name=backbone.name)


def _orient(images: Any, number: int) -> Any:
    """What `orientations.orient` does, in Keras' own operations, which a saved model may contain."""
    mirrored = ops.flip(images, axis=2) if number % 2 else images
    return ops.rot90(mirrored, number // 2, axes=(1, 2)) if number > 1 else mirrored


def whole_model(core: keras.Model, resize: Resize) -> keras.Model:
    """8-bit images (images, height, width, 3) of any size to probabilities (images, classes)."""
    images = keras.Input((None, None, 3), dtype="uint8", name=INPUT)
    probabilities = core(square.to_square(images, core.input_shape[1], resize))
    return keras.Model(images, keras.layers.Identity(dtype="float32", name=OUTPUT)(probabilities), name=core.name)


def litert(core: keras.Model, representative: np.ndarray | Shards | None = None) -> bytes:
    """The model as a LiteRT (TensorFlow Lite) file, for one 8-bit square at a time: (1, size, size, 3).

    Args:
        representative: 8-bit images (images, size, size, 3) that determine the ranges of the values. Weights and
            activations then have 8 bits; without these images, 32.
    """
    dtype = tf.uint8 if representative is None else tf.float32
    spec = tf.TensorSpec((1, *core.input_shape[1:]), dtype, name=INPUT)
    traced = tf.function(lambda images: core(tf.cast(images, tf.float32), training=False)).get_concrete_function(spec)
    frozen = freeze(traced)
    # Freezing loses the name of the output, which the file's signature takes from here.
    named = tf.function(lambda images: {OUTPUT: frozen(images)[0]}).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([named], tf.Module())
    if representative is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _one_by_one(representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        # The range of an image is 0 to 255 in steps of 1: the 8 bits are the image itself.
        converter.inference_input_type = tf.uint8
    return converter.convert()


def with_files(model: bytes, files: Mapping[str, str]) -> bytes:
    """A LiteRT model with associated files: the format prescribes a zip file at its end, uncompressed."""
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), text.encode())
    return buffer.getvalue()


def onnx(model: keras.Model, properties: Mapping[str, str]) -> bytes:
    """The model as an ONNX file.

    Args:
        properties: the model's metadata.
    """
    import tf2onnx
    from keras.src.export import tf2onnx_lib
    from onnx import helper

    # What `keras.Model.export(format="onnx")` does, which lets neither the output be named nor metadata be added.
    tf2onnx_lib.patch_tf2onnx()
    spec = tf.TensorSpec((None, None, None, 3), tf.uint8, name=INPUT)
    function = tf.function(lambda images: {OUTPUT: model(images, training=False)}, input_signature=[spec])
    converted, _ = tf2onnx.convert.from_function(function, [spec], opset=OPSET)
    [image], [output] = converted.graph.input, converted.graph.output
    for tensor, names in ((image, ("image", "height", "width")), (output, ("image",))):
        for dimension, name in zip(tensor.type.tensor_type.shape.dim, names, strict=False):
            dimension.dim_param = name
    helper.set_model_props(converted, dict(properties))
    return converted.SerializeToString()


def can_run(file: str) -> bool:
    """Whether the library that runs an exported file is installed; only that of ONNX is not among the requirements."""
    return not file.endswith(".onnx") or find_spec("onnxruntime") is not None


def load(path: Path) -> Function:
    """An exported file as a function: 8-bit squares (images, size, size, 3) to a list of one array, probabilities."""
    if path.suffix == ".keras":
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        return lambda images: [model(images, training=False).numpy()]
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return lambda images: session.run([OUTPUT], {INPUT: images})
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    return lambda images: [np.concatenate([run(**{INPUT: image[None]})[OUTPUT] for image in images])]


def _one_by_one(images: np.ndarray | Shards) -> Iterator[list[Any]]:
    for row in np.linspace(0, len(images) - 1, min(REPRESENTATIVE, len(images))).astype(int):
        yield [images[row : row + 1].astype(np.float32)]
