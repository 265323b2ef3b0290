"""The classifier: what is trained on a backbone, its checkpoint, and both together again.

A checkpoint is a folder with what was trained, never another copy of the backbone:

    trained.weights.h5   the head, with the backbone's layers from the cut on if they were trained too
    model.json           what is needed to rebuild and use it
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer import checkpoint, files, weights
from transfer.backbone import Backbone, Frozen, pooled
from transfer.batches import inputs
from transfer.faults import Fault
from transfer.framework import keras

WEIGHTS = "trained.weights.h5"


def head(channels: int, classes: int, dropout: float, seed: int) -> keras.Model:
    """Pooled features (images, channels) to probabilities (images, classes): dropout, then softmax, in float32."""
    return keras.Sequential(
        [
            keras.Input((channels,)),
            keras.layers.Dropout(dropout, seed=seed, dtype="float32"),
            keras.layers.Dense(
                classes,
                activation="softmax",
                kernel_initializer=keras.initializers.GlorotUniform(seed),
                dtype="float32",
            ),
        ]
    )


class Tail(keras.Model):
    """The backbone's layers after the cut, always in inference mode, and the head: from the cut to probabilities."""

    def __init__(self, rest: keras.Model, head: keras.Model):
        super().__init__()
        self.rest = rest
        self.head = head
        self(inputs([keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in rest.inputs]))

    def call(self, frontier: Any, training: bool = False) -> Any:
        return self.head(pooled(self.rest(frontier, training=False)), training=training)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.head.output_shape


@dataclass(frozen=True)
class Classifier:
    """8-bit images (images, size, size, 3) to probabilities (images, classes), the only array of a list.

    Attributes:
        features: the backbone, fine-tuned or not, and pooling; nothing of it is trained any more.
        head: pooled features to probabilities.
    """

    features: Frozen
    head: keras.Model

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        [features] = self.features(images)
        return probabilities(self.head)(features)


def probabilities(model: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """What a head makes of features (images, channels), in inference: probabilities (images, classes)."""
    return lambda features: [model(features, training=False).numpy()]


def new_about(
    backbone: dict[str, Any], classes: list[str], dropout: float, batch_size: int, validation: dict[str, float]
) -> dict[str, Any]:
    """What is needed to rebuild and use a classifier of which only the head was trained, and to choose it.

    `frozen_layers` is the cut that the trained part begins at: here, behind the last layer. `backbone` is described.
    """
    return {
        "classes": classes,
        "image_size": backbone["image_size"],
        "frozen_layers": backbone["layers"],
        "dropout": dropout,
        "batch_size": batch_size,
        "validation": validation,
        "backbone": backbone,
    }


def save(folder: Path, trained: keras.Model, about: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    with files.new_folder(folder) as partial:
        weights.save(trained, partial / WEIGHTS)
        files.write_json(partial / checkpoint.DESCRIPTION, about)


def load_head(folder: Path, seed: int, backbone: Mapping[str, Any], classes: Sequence[str]) -> keras.Model:
    """The head of a checkpoint in which only the head was trained; `seed` settles what it drops in a further training.

    Raises:
        Fault: a file is missing or does not fit, or the head was made on another backbone than the one that is
            described, or trained on other classes than `classes`.
    """
    known = checkpoint.about(folder)
    _check(known, folder, backbone, classes)
    loaded = _new_head(known, seed)
    weights.load(loaded, folder / WEIGHTS, f"{folder / WEIGHTS} cannot be used: make it anew with `dvc repro`")
    return loaded


def load(folder: Path, backbone: Backbone, classes: Sequence[str]) -> Classifier:
    """The classifier of a checkpoint; later layers of `backbone` that it holds replace those of `backbone`.

    Raises:
        Fault: a file is missing or does not fit, or the checkpoint was made on another backbone, or trained on other
            classes than `classes`.
    """
    known = checkpoint.about(folder)
    _check(known, folder, backbone.description(), classes)
    trained = head = _new_head(known, seed=0)
    if known["frozen_layers"] < backbone.layers:
        trained = Tail(backbone.cut(known["frozen_layers"])[1], head)
    weights.load(trained, folder / WEIGHTS, f"{folder / WEIGHTS} cannot be used: make it anew with `dvc repro`")
    # Not `backbone.features`: that may have run with the weights that have just been replaced
    features = Frozen(backbone.preprocess, backbone.model, backbone.layers, pooling=True)
    return Classifier(features, head)


def _check(known: dict[str, Any], folder: Path, backbone: Mapping[str, Any], classes: Sequence[str]) -> None:
    if {**known["backbone"], "versions": None} != {**backbone, "versions": None}:
        raise Fault(f"{folder}/ was trained on another backbone than the one in models/backbone/: run `dvc repro`.")
    if known["classes"] != list(classes):
        theirs, ours = (", ".join(map(str, names)) for names in (known["classes"], classes))
        raise Fault(f"{folder}/ was trained on the classes {theirs}, and the dataset has {ours}: run `dvc repro`.")


def _new_head(known: dict[str, Any], seed: int) -> keras.Model:
    return head(known["backbone"]["channels"], len(known["classes"]), known["dropout"], seed)
