"""What speeds up a step of fine-tuning: `python -m benchmarks.training_steps OUTPUT.json`.

The layers of MobileNetV2 after the cut, with random weights, take steps on random activations in the shape that the
cut gives them. The variants are other batch sizes, XLA, and BatchNormalization that is not folded into convolutions.
They run in turn, several rounds of them, so that a change of the machine's speed hits all.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from transfer import command, params_file
from transfer.common import environment, io
from transfer.loading.batches import model_inputs
from transfer.models import classifier, pretrained, tensorflow
from transfer.models.tensorflow import keras, tf
from transfer.training import folding
from transfer.training.optimizer import make_optimizer

CLASSES = 6
COMMITTED = 64
BATCH_SIZES = (COMMITTED, 32, 128)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_steps", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--image-size", type=int, default=224, help="pixels (default: 224)")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of all variants (default: 5)")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    backbone = pretrained.build("MobileNetV2", None, arguments.image_size, "float32")
    frozen, rest = backbone.cut(settings.finetune.frozen_layers[0])
    head = classifier.new_head(backbone.channels, CLASSES, settings.train_tl.dropout, settings.seed)
    folded, layers_apart = (classifier.Tail(layers, head) for layers in (folding.fold(rest), rest))
    for tail in (folded, layers_apart):
        tail.compile(make_optimizer(settings.finetune, 1), keras.losses.CategoricalCrossentropy())
        tail.optimizer.build(tail.trainable_variables)

    steps = {"committed": (COMMITTED, compiled(folded, xla=False)), "xla": (COMMITTED, compiled(folded, xla=True))}
    steps |= {"without folding": (COMMITTED, compiled(layers_apart, xla=False))}
    steps |= {f"batch of {size}": (size, compiled(folded, xla=False)) for size in BATCH_SIZES if size != COMMITTED}
    rates: dict[str, list[float]] = {name: [] for name in steps}
    # The first round traces and compiles.
    for number in range(arguments.rounds + 1):
        for name, (size, step) in steps.items():
            batch = random_batch(frozen.outputs, size, number)
            started = time.perf_counter()
            step(batch)
            if number:
                rates[name].append(size / (time.perf_counter() - started))
    medians = {name: median(of_variant) for name, of_variant in rates.items()}
    results = {
        name: {
            "images_per_second": rate,
            "ratio": median(a / b for a, b in zip(rates[name], rates["committed"], strict=True)),
        }
        for name, rate in medians.items()
    }
    io.write_json(arguments.output, {"processor": environment.processor_kind(), "variants": results})


def compiled(model: keras.Model, *, xla: bool) -> Any:
    """A training step as a graph, which returns when its results are there."""
    step = tf.function(model.train_step, autograph=False, jit_compile=xla)

    def run(batch: Any) -> None:
        for value in step(batch).values():
            value.numpy()

    return run


def random_batch(outputs: list[tuple[tuple[int, ...], np.dtype]], size: int, seed: int) -> Any:
    """Activations at the cut and one-hot labels (size, classes), as tensors."""
    generator = np.random.default_rng(seed)
    tensors = [tf.constant(generator.random((size, *shape), np.float32).astype(dtype)) for shape, dtype in outputs]
    labels = np.eye(CLASSES, dtype=np.float32)[generator.integers(0, CLASSES, size)]
    return model_inputs(tensors), tf.constant(labels)


if __name__ == "__main__":
    command.run(main)
