"""Frozen layers: 8-bit images to the tensors at a cut, by the runtime that suits the backbone.

TensorFlow runs any graph on any device. LiteRT, which TensorFlow contains, runs the graphs of some backbones on
processors 1.3 to 4 times as fast: its convolutions (XNNPACK) are made for the depthwise ones of small backbones. Which
backbones those are is a table in `applications`, so that the same backbone gives the same bytes on every machine of a
kind. With LiteRT, an image's tensors depend neither on the images beside it nor on the number of threads; with
TensorFlow, they depend on the batch's shape, but not on what else is in the batch.
"""

import os
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from transfer.interface.quiet import quiet
from transfer.loading.batches import pad_batch
from transfer.loading.orientations import orient
from transfer.models import applications
from transfer.models.tensorflow import freeze, has_gpu, import_graph, keras, start, tf

INPUT = "images"

Function = Callable[[np.ndarray], list[np.ndarray]]


class FrozenLayers:
    """Preprocessing and the layers before the cut, in inference mode: 8-bit images to the inputs of the other layers.

    Attributes:
        layers: how many layers it runs, with the weights that they have at the first call.
        pooling: whether the output is pooled, in float32.
        runtime: what runs them, `tensorflow` or `litert`.
        views: how many orientations of each image it runs. A pooled output is the mean over them. Any other output has
            a further axis for them after that of the images, unless there is only one.
    """

    def __init__(
        self, preprocess: Any, model: keras.Model, layers: int, runtime: str, pooling: bool = False, views: int = 1
    ):
        self.preprocess = preprocess
        self.model = model
        self.layers = layers
        self.runtime = runtime
        self.pooling = pooling
        self.views = views

    @cached_property
    def one_view(self) -> "FrozenLayers":
        """The same for the images as they are, with the same graph: an augmented view has one orientation."""
        if self.views == 1:
            return self
        return FrozenLayers(self.preprocess, self.model, self.layers, self.runtime, self.pooling)

    @cached_property
    def outputs(self) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Shape and type of each tensor at the cut, for one image. Runs no layer and does not fix the weights."""
        if self.pooling:
            return [((int(self.model.output_shape[-1]),), np.dtype(np.float32))]
        tensors = self.model.outputs if self.layers else self.model.inputs
        of_views = (self.views,) if self.views > 1 else ()
        return [
            ((*of_views, *tensor.shape[1:]), np.dtype(tf.as_dtype(tensor.dtype).as_numpy_dtype)) for tensor in tensors
        ]

    @cached_property
    def _compiled(self) -> Function:
        if self.views > 1:
            return OverViews(self.one_view._compiled, self.views, self.pooling)

        # Compiling a large backbone takes seconds, so it happens at the first call: a finished round makes none.
        def call(images: tf.Tensor) -> list[tf.Tensor]:
            scaled = self.preprocess(tf.cast(images, tf.float32))
            tensors = keras.tree.flatten(self.model(scaled, training=False)) if self.layers else [scaled]
            return [pool(tensors[0])] if self.pooling else tensors

        images = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.uint8, name=INPUT)
        traced = tf.function(call, jit_compile=False).get_concrete_function(images)
        # Frozen weights never change. With constants, a pass of MobileNetV2 takes three quarters of the time.
        graph = freeze(traced)
        return LiteRTGraph(to_litert(graph)) if self.runtime == "litert" else TensorFlowGraph(graph)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """(images, size, size, 3), 8-bit, to the tensors at the cut, as arrays."""
        return self._compiled(images)

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the graph with its constants, which computes the same bytes there."""
        return self._compiled.__reduce__()  # type: ignore[return-value]


class OverViews:
    """A graph that runs over several orientations of each image; see `FrozenLayers.views`."""

    def __init__(self, graph: Function, views: int, pooling: bool):
        self.graph = graph
        self.views = views
        self.pooling = pooling

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        of_views = zip(*(self.graph(orient(images, number)) for number in range(self.views)), strict=True)
        tensors = [np.stack(outputs, axis=1) for outputs in of_views]
        return [tensor.mean(axis=1) for tensor in tensors] if self.pooling else tensors

    def __reduce__(self) -> tuple[Any, ...]:
        return OverViews, (self.graph, self.views, self.pooling)


class TensorFlowGraph:
    """A graph that TensorFlow runs: 8-bit images (images, size, size, 3) to a list of arrays."""

    def __init__(self, function: Any):
        self.function = function

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        return [tensor.numpy() for tensor in self.function(tf.constant(images))]

    def __reduce__(self) -> tuple[Any, ...]:
        names = [[tensor.name for tensor in tensors] for tensors in (self.function.inputs, self.function.outputs)]
        return load_graph, (self.function.graph.as_graph_def().SerializeToString(), *names)


class LiteRTGraph:
    """A model that LiteRT runs: 8-bit images (images, size, size, 3) to a list of arrays."""

    def __init__(self, content: bytes):
        self.content = content
        # As many as TensorFlow would use. With XNNPACK, their number changes no byte.
        self.threads = int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)) or os.cpu_count() or 1

    @cached_property
    def _runner(self) -> Any:
        with quiet(), warnings.catch_warnings(action="ignore", category=UserWarning):
            # TensorFlow announces that its interpreter will be a package of its own; the version here is pinned.
            interpreter = tf.lite.Interpreter(model_content=self.content, num_threads=self.threads)
            interpreter.allocate_tensors()
            return interpreter.get_signature_runner()

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        parts = []
        # An image a thread at a time: with more, their activations no longer fit into the caches.
        for first in range(0, len(images), self.threads):
            part = images[first : first + self.threads]
            outputs = self._runner(**{INPUT: pad_batch(part, self.threads)})
            parts.append([outputs[name][: len(part)] for name in sorted(outputs)])
        return [np.concatenate(tensors) for tensors in zip(*parts, strict=True)]

    def __reduce__(self) -> tuple[Any, ...]:
        return LiteRTGraph, (self.content,)


def runtime_of(name: str, precision: str) -> str:
    """What runs the frozen layers of a backbone here: `litert` on processors, for the backbones that gain by it.

    Args:
        name: class of `keras.applications`.
        precision: of its layers. LiteRT computes in float32 alone.
    """
    gains = name.startswith(applications.LITERT_FAMILIES)
    return "litert" if gains and precision == "float32" and not has_gpu() else "tensorflow"


def to_litert(graph: Any) -> bytes:
    """A graph of constants, from 8-bit images to tensors, as a LiteRT model with the outputs `0000`, `0001` and on."""
    # The converter keeps the names of outputs, but not their order.
    named = tf.function(lambda images: {f"{i:04}": tensor for i, tensor in enumerate(graph(images))})
    [images] = graph.inputs
    function = named.get_concrete_function(tf.TensorSpec(images.shape, images.dtype, name=INPUT))
    with quiet():
        return tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module()).convert()


def load_graph(graph: bytes, inputs: list[str], outputs: list[str]) -> TensorFlowGraph:
    """The graph of frozen layers in a process of its own, in which nothing else uses TensorFlow."""
    start(0)
    return TensorFlowGraph(import_graph(tf.compat.v1.GraphDef.FromString(graph), inputs, outputs))


def pool(activations: Any) -> Any:
    """Global average pooling: (images, rows, columns, channels) to (images, channels), in float32."""
    return keras.ops.mean(keras.ops.cast(activations, "float32"), axis=(1, 2))
