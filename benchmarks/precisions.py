"""What bfloat16 costs in accuracy: `python -m benchmarks.precisions OUTPUT.json`.

To be run in a folder where prepare has run. The head's accuracy on features of either precision, with training and
validation images pooled and cross-validated; the test split is not looked at. On a processor without bfloat16 the
features are computed in float32 and rounded wherever such a processor would have rounded them.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import folds
from transfer import command, params_file
from transfer.caching import activations
from transfer.common import io
from transfer.evaluation import significance
from transfer.loading import augmentation
from transfer.models import pretrained, tensorflow
from transfer.models.backbone import Backbone
from transfer.models.tensorflow import keras

FOLDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precisions", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    augmentation = augmentation.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    pool = folds.pooled()
    fold = folds.drawn(len(pool), FOLDS, settings.seed)
    right: dict[str, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        for precision in ("float32", "bfloat16"):
            backbone = backbone_in(precision, settings)
            [features] = activations.open_arrays(backbone.features, len(pool), augmentation.views, folder, precision)
            activations.fill_arrays(
                [features], backbone.features, pool, augmentation, settings.batch_size, precision, folder / precision
            )
            found[precision] = features
            given = features, pool, fold, augmentation, settings, folder / f"{precision}-heads"
            right[precision] = folds.held_out_probabilities(*given).argmax(1) == pool.labels
    cosines = np.einsum("ivc,ivc->iv", *found.values()) / np.prod(
        [np.linalg.norm(features, axis=-1) for features in found.values()], axis=0
    )
    compared = significance.compare_paired(*right.values())
    io.write_json(
        asked.output,
        {
            "emulated": not tensorflow.has_bfloat16(),
            "accuracy": {precision: float(was_right.mean()) for precision, was_right in right.items()},
            "comparison": compared.metrics(*right),
            "lowest_cosine_of_features": float(cosines.min()),
        },
    )
    print(compared.verdict(*right))


def backbone_in(precision: str, settings: params_file.Params) -> Backbone:
    """The backbone that the parameters name, in a precision, emulated where the processor does not have it."""
    emulated = precision == "bfloat16" and not tensorflow.has_bfloat16()
    given = settings.backbone.name, settings.backbone.weights, settings.image_size
    backbone = pretrained.build(*given, "float32" if emulated else precision)
    return replace(backbone, model=rounding(backbone.model)) if emulated else backbone


def rounding(model: keras.Model) -> keras.Model:
    """A float32 model with its kernels and the output of each of its layers rounded to bfloat16.

    Products are summed in float32, and BatchNormalization computes in it: as processors and Keras have it.
    """
    found = keras.models.clone_model(
        model, call_function=lambda layer, *given, **named: rounded(layer(*given, **named))
    )
    found.set_weights(model.get_weights())
    for variable in found.variables:
        if "kernel" in variable.name:
            variable.assign(rounded(variable))
    return found


def rounded(values: Any) -> Any:
    return keras.ops.cast(keras.ops.cast(values, "bfloat16"), "float32")


if __name__ == "__main__":
    command.run(main)
