"""The classifier: what is trained on a backbone, its checkpoint, and both put together again.

A checkpoint is a folder with what was trained, never another copy of the backbone:

    trained.weights.h5   the head, and the backbone's layers from the cut on if they were trained too
    model.json           what is needed to rebuild and use it
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer.common import atomic, io
from transfer.interface.errors import UserError
from transfer.loading.batches import model_inputs
from transfer.loading.prepared import Resize
from transfer.models import checkpoint
from transfer.models.backbone import Backbone
from transfer.models.frozen_layers import FrozenLayers, pool
from transfer.models.tensorflow import keras, tf

WEIGHTS = "trained.weights.h5"


class Dropout(keras.layers.Dropout):
    """Keras' dropout. On several devices, it drops the features of each image that one device would drop."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        context = tf.distribute.get_replica_context()
        if not (training and self.rate) or context is None or context.num_replicas_in_sync == 1:
            return super().call(inputs, training=training)
        # The images of a batch are dealt to the devices in turn, and the random numbers of a batch begin with those of
        # any smaller one. So each device draws those of all images, and keeps its own.
        devices, number = context.num_replicas_in_sync, context.replica_id_in_sync_group
        images, channels = tf.shape(inputs)[0], inputs.shape[1]
        factors = super().call(tf.ones((images * devices, channels), inputs.dtype), training=True)
        return inputs * factors[number::devices]


def new_head(channels: int, classes: int, dropout: float, seed: int) -> keras.Model:
    """Pooled features (images, channels) to probabilities (images, classes): dropout, then softmax, in float32."""
    return keras.Sequential(
        [
            keras.Input((channels,)),
            Dropout(dropout, seed=seed, dtype="float32"),
            keras.layers.Dense(
                classes,
                activation="softmax",
                kernel_initializer=keras.initializers.GlorotUniform(seed),
                dtype="float32",
            ),
        ]
    )


class Tail(keras.Model):
    """The backbone's layers after the cut, always in inference mode, and the head: from the cut to probabilities.

    Its inputs may have a further axis after that of the images, for several orientations of each image. The head then
    takes the mean of their features.
    """

    def __init__(self, rest: keras.Model, head: keras.Model):
        super().__init__()
        self.rest = rest
        self.head = head
        self(model_inputs([keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in rest.inputs]))

    def call(self, frontier: Any, training: bool = False) -> Any:
        tensors = keras.tree.flatten(frontier)
        if len(tensors[0].shape) == len(self.rest.inputs[0].shape):
            return self.head(pool(self.rest(frontier, training=False)), training=training)
        views = tensors[0].shape[1]
        apart = [keras.ops.reshape(tensor, (-1, *tensor.shape[2:])) for tensor in tensors]
        features = pool(self.rest(model_inputs(apart), training=False))
        of_views = keras.ops.reshape(features, (-1, views, features.shape[-1]))
        return self.head(keras.ops.mean(of_views, axis=1), training=training)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.head.output_shape


@dataclass(frozen=True)
class Classifier:
    """8-bit images (images, size, size, 3) to a list of one array, the probabilities (images, classes).

    Attributes:
        feature_extractor: the backbone, fine-tuned or not, and pooling; its weights do not change any more.
        head: pooled features to probabilities.
    """

    feature_extractor: FrozenLayers
    head: keras.Model

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        [features] = self.feature_extractor(images)
        return head_function(self.head)(features)


def head_function(head: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A head in inference mode as a function: features (images, channels) to a list of one array, probabilities."""
    return lambda features: [head(features, training=False).numpy()]


def head_metadata(
    backbone: dict[str, Any],
    classes: list[str],
    resize: Resize,
    dropout: float,
    batch_size: int,
    validation: dict[str, float],
) -> dict[str, Any]:
    """The metadata of a classifier of which only the head was trained.

    `frozen_layers` is the cut at which the trained part begins: here, after the last layer.

    Args:
        backbone: the backbone's description.
        resize: how the training images became squares.
    """
    return {
        "classes": classes,
        "image_size": backbone["image_size"],
        "resize": resize,
        "frozen_layers": backbone["layers"],
        "dropout": dropout,
        "batch_size": batch_size,
        "validation": validation,
        "backbone": backbone,
    }


def save(folder: Path, trained: keras.Model, metadata: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    with atomic.folder(folder) as partial:
        checkpoint.save_weights(trained, partial / WEIGHTS)
        io.write_json(partial / checkpoint.METADATA, metadata)


def load_head(folder: Path, seed: int, backbone: Mapping[str, Any], classes: Sequence[str]) -> keras.Model:
    """The head of a checkpoint of which only the head was trained.

    Args:
        seed: of dropout, if the head is trained further.
        backbone: the backbone's description.

    Raises:
        UserError: a file is missing or does not fit, or the head was trained on another backbone or on other classes.
    """
    metadata = checkpoint.read_metadata(folder)
    _check_compatible(metadata, folder, backbone, classes)
    head = _new_head(metadata, seed)
    checkpoint.load_weights(head, folder / WEIGHTS)
    return head


def load(folder: Path, backbone: Backbone, classes: Sequence[str]) -> Classifier:
    """The classifier of a checkpoint. Later layers that the checkpoint holds replace those of `backbone`.

    Raises:
        UserError: a file is missing or does not fit, or the classifier was trained on another backbone or on other
            classes.
    """
    metadata = checkpoint.read_metadata(folder)
    _check_compatible(metadata, folder, backbone.description(), classes)
    trained = head = _new_head(metadata, seed=0)
    if metadata["frozen_layers"] < backbone.layers:
        trained = Tail(backbone.cut(metadata["frozen_layers"])[1], head)
    checkpoint.load_weights(trained, folder / WEIGHTS)
    # Not `backbone.feature_extractor`: it may have run already, with the weights that were just replaced.
    return Classifier(backbone.new_extractor(), head)


def _check_compatible(
    metadata: dict[str, Any], folder: Path, backbone: Mapping[str, Any], classes: Sequence[str]
) -> None:
    if {**metadata["backbone"], "versions": None} != {**backbone, "versions": None}:
        raise UserError(f"{folder}/ was trained on another backbone than the one in models/backbone/: run `dvc repro`.")
    if metadata["classes"] != list(classes):
        theirs, ours = (", ".join(map(str, names)) for names in (metadata["classes"], classes))
        raise UserError(f"{folder}/ was trained on the classes {theirs}, but the dataset has {ours}: run `dvc repro`.")


def _new_head(metadata: dict[str, Any], seed: int) -> keras.Model:
    return new_head(metadata["backbone"]["channels"], len(metadata["classes"]), metadata["dropout"], seed)
