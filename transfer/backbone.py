"""The backbone: a model of `keras.applications` without its top, its weights, and the cut between frozen and trained.

A backbone always runs in inference mode, whatever is trained of it: BatchNormalization uses the moving statistics that
it came with and never moves them. Said once, where the frozen part and the trained part are called, because a
`training=False` inside a Functional model is overridden by Keras 3 during training.
"""

import contextlib
import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from transfer import applications, files, runtime
from transfer import weights as weights_file
from transfer.faults import Fault
from transfer.framework import convert_variables_to_constants_v2, keras, tf

DESCRIPTION = "backbone.json"
WEIGHTS = "backbone.weights.h5"
NEEDED: files.Needed = {
    "name": str,
    "arguments": dict,
    "image_size": int,
    "precision": str,
    "weights": str,
    "layers": int,
    "channels": int,
    "parameters": int,
}
# Set by this project, so not free for the JSON beside a file of weights.
OWN_ARGUMENTS = ("include_top", "weights", "input_shape", "input_tensor", "pooling", "classes", "classifier_activation")


class Frozen:
    """Preprocessing and the layers before the cut, in inference mode: 8-bit images to what the other layers need.

    Attributes:
        layers: how many layers it runs, with the weights that they have when it first does.
        pooling: whether the output is pooled, in float32.
    """

    def __init__(self, preprocess: Any, model: keras.Model, layers: int, pooling: bool = False):
        self.preprocess = preprocess
        self.model = model
        self.layers = layers
        self.pooling = pooling

    @cached_property
    def outputs(self) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Shape and type of each tensor at the cut, for one image. To ask runs nothing, and settles no weights."""
        if self.pooling:
            return [((int(self.model.output_shape[-1]),), np.dtype(np.float32))]
        tensors = self.model.outputs if self.layers else self.model.inputs
        return [(tuple(tensor.shape[1:]), np.dtype(tf.as_dtype(tensor.dtype).as_numpy_dtype)) for tensor in tensors]

    @cached_property
    def _compiled(self) -> Any:
        def call(images: tf.Tensor) -> list[tf.Tensor]:
            scaled = self.preprocess(tf.cast(images, tf.float32))
            found = keras.tree.flatten(self.model(scaled, training=False)) if self.layers else [scaled]
            return [pooled(found[0])] if self.pooling else found

        images = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.uint8)
        traced = tf.function(call, jit_compile=False).get_concrete_function(images)
        # With constants for variables TensorFlow folds BatchNormalization into the convolutions: a pass of MobileNetV2
        # takes three quarters of the time. What is frozen never changes again, so nothing is lost by it. For a large
        # backbone this takes seconds itself: who asks for nothing, as a round that is finished, does not pay for it.
        return convert_variables_to_constants_v2(traced)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """(images, size, size, 3) 8-bit to the tensors at the cut, as arrays."""
        return [tensor.numpy() for tensor in self._compiled(tf.constant(images))]


@dataclass(frozen=True)
class Backbone:
    """A backbone with its weights.

    Attributes:
        name: class of `keras.applications`.
        arguments: constructor arguments that are not Keras' defaults, such as `{"alpha": 0.35}`.
        image_size: side of the square images, in pixels.
        precision: `float32` or `bfloat16`, what its layers were made to compute in.
        source: where the weights came from: `imagenet`, `random`, or the path of a file.
        model: the Functional model, (images, size, size, 3) to (images, rows, columns, channels).
    """

    name: str
    arguments: dict[str, Any]
    image_size: int
    precision: str
    source: str
    model: keras.Model = field(repr=False)

    @property
    def layers(self) -> int:
        """How many layers can be frozen, the input layer counted, as Keras does."""
        return len(self.model.layers)

    @property
    def channels(self) -> int:
        return int(self.model.output_shape[-1])

    @property
    def parameters(self) -> int:
        return int(self.model.count_params())

    @cached_property
    def preprocess(self) -> Any:
        """The scaling of 0 to 255 that this backbone was trained with."""
        return getattr(keras.applications, applications.modules()[self.name]).preprocess_input

    @cached_property
    def features(self) -> Frozen:
        """(images, size, size, 3) 8-bit to the pooled output (images, channels) of the whole backbone, float32."""
        return Frozen(self.preprocess, self.model, self.layers, pooling=True)

    def cut(self, frozen_layers: int) -> tuple[Frozen, keras.Model]:
        """`layers[:frozen_layers]` after preprocessing, and the rest as a model of its own on the same variables.

        What passes between the two is the frontier: every tensor that a layer before the cut makes and one after it
        uses. `layers` is sorted by depth, so no layer before the cut needs one after it.
        """
        check_frozen_layers([frozen_layers], self.layers)
        if frozen_layers == 0:
            return Frozen(self.preprocess, self.model, 0), self.model
        early = {id(layer) for layer in self.model.layers[:frozen_layers]}
        # Only the nodes of this very graph: a layer also remembers its calls in models cut earlier.
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
        return Frozen(self.preprocess, before, frozen_layers), keras.Model(tensors, self.model.outputs[0])

    def in_float32(self) -> keras.Model:
        """The model as it is now, its layers computing in float32."""
        if self.precision == "float32":
            return self.model
        model = _model(self.name, self.arguments, self.image_size, "float32")
        model.set_weights(self.model.get_weights())
        return model

    def save(self, folder: Path) -> None:
        """Write the weights and what is needed to rebuild the backbone, whole or not at all."""
        with files.new_folder(folder) as partial:
            weights_file.save(self.model, partial / WEIGHTS)
            files.write_json(partial / DESCRIPTION, self.description())

    def description(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "arguments": self.arguments,
            "image_size": self.image_size,
            "preprocessing": f"keras.applications.{applications.modules()[self.name]}.preprocess_input",
            "precision": self.precision,
            "weights": self.source,
            "layers": self.layers,
            "channels": self.channels,
            "parameters": self.parameters,
            "versions": runtime.versions(),
        }


def pooled(activations: Any) -> Any:
    """Global average pooling: (images, rows, columns, channels) to (images, channels), in float32."""
    return keras.ops.mean(keras.ops.cast(activations, "float32"), axis=(1, 2))


def describe(folder: Path) -> dict[str, Any]:
    """What a saved backbone is, without building it. Raises Fault if that is missing or broken."""
    known = files.read_json(folder / DESCRIPTION, NEEDED)
    if known["name"] not in applications.modules():
        raise Fault(f"{folder / DESCRIPTION} names {known['name']}, which Keras does not have: run `dvc repro`.")
    return known


def load(folder: Path) -> Backbone:
    """Rebuild a saved backbone. Raises Fault if a file is missing or does not fit."""
    known = describe(folder)
    # A model made where there is bfloat16 computes in float32 where there is none
    precision = runtime.usable_precision(known["precision"])
    model = _model(known["name"], known["arguments"], known["image_size"], precision)
    told = f"{folder / WEIGHTS} cannot be used: make it anew with `dvc repro`"
    weights_file.load(model, folder / WEIGHTS, told)
    return Backbone(known["name"], known["arguments"], known["image_size"], known["precision"], known["weights"], model)


def make(name: str, weights: str | None, image_size: int, precision: str) -> Backbone:
    """Build a backbone with weights from `imagenet`, from a file, or drawn at random (None).

    A file may have a JSON of the same stem beside it, whose `arguments` go to the constructor.

    Raises:
        Fault: the weights cannot be had or do not fit, or the backbone cannot be built at this size.
    """
    if weights is None:
        return Backbone(name, {}, image_size, precision, "random", _model(name, {}, image_size, precision))
    if weights == "imagenet":
        return Backbone(name, {}, image_size, precision, "imagenet", _imagenet(name, image_size, precision))
    applications.check_weights(weights)
    arguments = _arguments_beside(Path(weights), name)
    model = _model(name, arguments, image_size, precision)
    _load_weights(model, Path(weights), name)
    return Backbone(name, arguments, image_size, precision, weights, model)


def check_frozen_layers(rounds: Sequence[int], layers: int) -> None:
    """Raises Fault if a round would freeze layers that there are not, or leave none to train."""
    for frozen_layers in rounds:
        if frozen_layers >= layers:
            raise Fault(
                f"params.yaml: finetune.frozen_layers has {frozen_layers}, but the backbone has {layers} layers; "
                f"allowed: 0 to {layers - 1}."
            )


def _model(
    name: str, arguments: dict[str, Any], image_size: int, precision: str, weights: str | None = None
) -> keras.Model:
    constructor = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    with runtime.precision(precision):
        try:
            return constructor(include_top=False, weights=weights, input_shape=shape, **arguments)
        except (ValueError, TypeError, ArithmeticError) as error:
            reason = " ".join(str(error).split())
            raise Fault(
                f"{name} cannot be built at image_size {image_size} with {arguments or 'no arguments'}: {reason}"
            ) from None


def _imagenet(name: str, image_size: int, precision: str) -> keras.Model:
    # Keras prints where it downloads from; in a log that is noise, and a failure says it again.
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return _model(name, {}, image_size, precision, "imagenet")
    except Fault:
        raise
    except Exception as error:  # whatever keeps a download from ending
        address = re.search(r"https?://\S+?\.h5", str(error))
        home = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        what = f"download {address[0]} where there is a network and put it into {home}/" if address else str(error)
        raise Fault(
            f"The ImageNet weights of {name} are neither in {home}/ nor to be had from the network: {what}"
        ) from None


def _arguments_beside(path: Path, name: str) -> dict[str, Any]:
    beside = path.with_name(re.sub(r"(\.weights)?\.h5$", ".json", path.name))
    if not beside.exists():
        return {}
    known = files.read_json(beside)
    if not isinstance(known, dict) or not isinstance(known.get("arguments", {}), dict):
        raise Fault(
            f'{beside} must be an object with "backbone" and "arguments", as in {{"arguments": {{"alpha": 0.35}}}}.'
        )
    if known.get("backbone", name) != name:
        raise Fault(
            f"{path} holds weights of {known['backbone']}, but backbone.name in params.yaml is {name}: change one."
        )
    arguments = known.get("arguments", {})
    own = [key for key in arguments if key in OWN_ARGUMENTS]
    if own:
        raise Fault(f"{beside}: the argument {own[0]} is set by the pipeline; remove it.")
    return json.loads(json.dumps(arguments))


def _load_weights(model: keras.Model, path: Path, name: str) -> None:
    told = (
        f"{path} does not fit {name}: give its constructor arguments in a JSON beside it, or change backbone.name or "
    )
    weights_file.load(model, path, f"{told}backbone.weights in params.yaml")
