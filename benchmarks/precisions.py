"""The cost of bfloat16 in accuracy: `python -m benchmarks.precisions OUTPUT.json`.

Run it in a folder in which prepare has run. It compares heads on the features of both precisions by cross-validation
over training and validation images; the test split is not used. On a processor without bfloat16, the features are
computed in float32, and rounded wherever a processor with bfloat16 would round them.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import folds
from transfer import command, params_file
from transfer.common import io
from transfer.evaluation import significance
from transfer.loading.augmentation import Augmentation
from transfer.models import pretrained, tensorflow
from transfer.models.backbone import Backbone
from transfer.models.tensorflow import keras

FOLDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precisions", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    pool = folds.load_pool()
    fold = folds.assign_folds(len(pool), FOLDS, settings.seed)
    right: dict[str, np.ndarray] = {}
    features: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        for precision in ("float32", "bfloat16"):
            extractor = backbone_in(precision, settings).feature_extractor
            features[precision] = folds.compute_features(
                extractor, pool, augmentation, settings.batch_size, folder, precision
            )
            probabilities = folds.held_out_probabilities(
                features[precision], pool, fold, augmentation, settings, folder / f"{precision}-heads"
            )
            right[precision] = probabilities.argmax(1) == pool.labels
    cosines = np.einsum("ivc,ivc->iv", *features.values()) / np.prod(
        [np.linalg.norm(of_precision, axis=-1) for of_precision in features.values()], axis=0
    )
    comparison = significance.compare_paired(*right.values())
    io.write_json(
        arguments.output,
        {
            "emulated": not tensorflow.has_bfloat16(),
            "accuracy": {precision: float(of_precision.mean()) for precision, of_precision in right.items()},
            "comparison": comparison.metrics(*right),
            "lowest_cosine_of_features": float(cosines.min()),
        },
    )
    print(comparison.verdict(*right))


def backbone_in(precision: str, settings: params_file.Params) -> Backbone:
    """The backbone that the parameters name, in a precision that is emulated if the processor does not have it."""
    emulated = precision == "bfloat16" and not tensorflow.has_bfloat16()
    name, weights, size = settings.backbone.name, settings.backbone.weights, settings.image_size
    backbone = pretrained.build(name, weights, size, "float32" if emulated else precision)
    return replace(backbone, model=emulate_bfloat16(backbone.model)) if emulated else backbone


def emulate_bfloat16(model: keras.Model) -> keras.Model:
    """A float32 model whose kernels, and the output of each of whose layers, are rounded to bfloat16.

    Products are summed in float32, as by processors, and BatchNormalization computes in float32, as in Keras.
    """
    emulated = keras.models.clone_model(
        model, call_function=lambda layer, *inputs, **options: round_to_bfloat16(layer(*inputs, **options))
    )
    emulated.set_weights(model.get_weights())
    for variable in emulated.variables:
        if "kernel" in variable.name:
            variable.assign(round_to_bfloat16(variable))
    return emulated


def round_to_bfloat16(values: Any) -> Any:
    return keras.ops.cast(keras.ops.cast(values, "bfloat16"), "float32")


if __name__ == "__main__":
    command.run(main)
