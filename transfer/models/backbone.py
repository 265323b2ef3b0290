"""The backbone: a model of `keras.applications` without its top, and the cut between frozen and trained layers.

A backbone always runs in inference mode, whichever of its layers are trained: BatchNormalization uses the moving
statistics of its weights and never updates them. `training=False` is given where the frozen and the trained part are
called, because Keras 3 overrides a `training=False` inside a Functional model during training.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from transfer.common import atomic, io
from transfer.interface.errors import UserError
from transfer.loading import orientations
from transfer.models import applications, checkpoint
from transfer.models.frozen_layers import FrozenLayers, runtime_of
from transfer.models.tensorflow import keras, layer_precision, library_versions, supported_precision

DESCRIPTION = "backbone.json"
WEIGHTS = "backbone.weights.h5"
REQUIRED_KEYS: io.RequiredKeys = {
    "name": str,
    "arguments": dict,
    "image_size": int,
    "precision": str,
    "weights": str,
    "layers": int,
    "channels": int,
    "parameters": int,
    "views": int,
}


@dataclass(frozen=True)
class Backbone:
    """A backbone with its weights.

    Attributes:
        name: class of `keras.applications`.
        arguments: constructor arguments that differ from Keras' defaults, such as `{"alpha": 0.35}`.
        image_size: side of the square images, in pixels.
        precision: `float32` or `bfloat16`, in which its layers compute.
        source: where the weights came from: `imagenet`, `random`, or the path of a file.
        model: the Functional model, (images, size, size, 3) to (images, rows, columns, channels).
        views: how many orientations of an image its features are the mean of; see `orientations`.
    """

    name: str
    arguments: dict[str, Any]
    image_size: int
    precision: str
    source: str
    model: keras.Model = field(repr=False)
    views: int = 1

    @property
    def layers(self) -> int:
        """How many layers can be frozen; the input layer counts, as in Keras."""
        return len(self.model.layers)

    @property
    def channels(self) -> int:
        return int(self.model.output_shape[-1])

    @property
    def parameters(self) -> int:
        return int(self.model.count_params())

    @cached_property
    def preprocess(self) -> Any:
        """The scaling of 0 to 255 that the weights were trained with."""
        return getattr(keras.applications, applications.preprocessing_modules()[self.name]).preprocess_input

    @property
    def runtime(self) -> str:
        """What runs its frozen layers."""
        return runtime_of(self.name, self.precision)

    @cached_property
    def feature_extractor(self) -> FrozenLayers:
        """(images, size, size, 3), 8-bit, to the pooled output (images, channels) of the whole backbone, float32."""
        return self.new_extractor()

    def new_extractor(self) -> FrozenLayers:
        """The same, with the weights that the backbone has now."""
        return FrozenLayers(self.preprocess, self.model, self.layers, self.runtime, pooling=True, views=self.views)

    def cut(self, frozen_layers: int) -> tuple[FrozenLayers, keras.Model]:
        """Cut the backbone before layer number `frozen_layers`.

        The tensors at the cut are those that a layer before the cut makes and a layer after it uses. `layers` is sorted
        by depth, so no layer before the cut needs one after it.

        Returns:
            `layers[:frozen_layers]` with preprocessing, and the rest as a model of its own on the same variables.
        """
        check_frozen_layers([frozen_layers], self.layers)
        if frozen_layers == 0:
            return FrozenLayers(self.preprocess, self.model, 0, "tensorflow", views=self.views), self.model
        early = {id(layer) for layer in self.model.layers[:frozen_layers]}
        # Only the nodes of this graph: a layer also remembers its calls in models of earlier cuts.
        nodes = [node for nodes in self.model._nodes_by_depth.values() for node in nodes if not node.is_input]
        frontier = {
            id(tensor): tensor
            for node in nodes
            if id(node.operation) not in early
            for tensor in node.input_tensors
            if id(tensor._keras_history.operation) in early
        }
        tensors = list(frontier.values())
        before = keras.Model(self.model.inputs[0], tensors)
        after = keras.Model(tensors, self.model.outputs[0])
        return FrozenLayers(self.preprocess, before, frozen_layers, self.runtime, views=self.views), after

    def in_float32(self) -> keras.Model:
        """The model with its present weights, its layers computing in float32."""
        if self.precision == "float32":
            return self.model
        model = new_model(self.name, self.arguments, self.image_size, "float32")
        model.set_weights(self.model.get_weights())
        return model

    def save(self, folder: Path) -> None:
        """Write the weights and what is needed to rebuild the backbone, atomically."""
        with atomic.folder(folder) as partial:
            checkpoint.save_weights(self.model, partial / WEIGHTS)
            io.write_json(partial / DESCRIPTION, self.description())

    def description(self) -> dict[str, Any]:
        """What is needed to rebuild the backbone, for JSON."""
        return {
            "name": self.name,
            "arguments": self.arguments,
            "image_size": self.image_size,
            "preprocessing": f"keras.applications.{applications.preprocessing_modules()[self.name]}.preprocess_input",
            "precision": self.precision,
            "weights": self.source,
            "layers": self.layers,
            "channels": self.channels,
            "parameters": self.parameters,
            "views": self.views,
            "versions": library_versions(),
        }


def new_model(
    name: str, arguments: dict[str, Any], image_size: int, precision: str, weights: str | None = None
) -> keras.Model:
    """Build the model of `keras.applications` without its top; `weights` is `imagenet`, or None for random weights.

    Raises:
        UserError: the model cannot be built at this size or with these arguments.
    """
    constructor = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    # Keras warns that ImageNet weights were trained at another size, which is what the user has asked for.
    with layer_precision(precision), warnings.catch_warnings(action="ignore", category=UserWarning):
        try:
            return constructor(include_top=False, weights=weights, input_shape=shape, **arguments)
        except (ValueError, TypeError, ArithmeticError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{name} cannot be built at image_size {image_size} with {arguments or 'no arguments'}: {reason}"
            ) from None


def read_description(folder: Path) -> dict[str, Any]:
    """The description of a saved backbone, without building it.

    Raises:
        UserError: the description is missing or broken.
    """
    description = io.read_json(folder / DESCRIPTION, REQUIRED_KEYS)
    if description["name"] not in applications.preprocessing_modules():
        raise UserError(
            f"{folder / DESCRIPTION} names {description['name']}, which Keras does not have: run `dvc repro`."
        )
    if description["views"] not in orientations.NUMBERS:
        raise UserError(
            f"{folder / DESCRIPTION} has {description['views']} views; allowed: 1, 2, 4 or 8: run `dvc repro`."
        )
    return description


def load(folder: Path) -> Backbone:
    """Rebuild a saved backbone. Raises UserError if a file is missing or does not fit."""
    description = read_description(folder)
    # A backbone saved on a machine with bfloat16 computes in float32 on a machine without.
    precision = supported_precision(description["precision"])
    name, arguments, size = (description[key] for key in ("name", "arguments", "image_size"))
    model = new_model(name, arguments, size, precision)
    checkpoint.load_weights(model, folder / WEIGHTS)
    own = description["precision"], description["weights"], model, description["views"]
    return Backbone(name, arguments, size, *own)


def check_frozen_layers(rounds: Sequence[int], layers: int) -> None:
    """Raises UserError if a round would freeze more layers than there are, or leave none to train."""
    for frozen_layers in rounds:
        if frozen_layers >= layers:
            raise UserError(
                f"params.yaml: finetune.frozen_layers has {frozen_layers}, but the backbone has {layers} layers; "
                f"allowed: 0 to {layers - 1}."
            )
