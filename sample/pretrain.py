"""Pretrain the sample's backbone: `python -m sample.pretrain WEIGHTS_FILE`.

Writes the weights of MobileNetV2 (alpha 0.35, without its top), and beside them a JSON file of the same stem that
describes them. The images are rendered for this purpose only. They show invented objects; none of them is waste.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from sample.figures import CATEGORIES
from sample.render import render_figure

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

IMAGE_SIZE = 128
ALPHA = 0.35
SEED = 2026
TRAIN_IMAGES, VALIDATION_IMAGES = 9600, 960
BATCH = 64
# Image size, epochs, learning rate at the start and at the end. Small images make the first epochs cheaper.
STAGES = ((64, 7, 3e-3, 1e-3), (128, 5, 1.5e-3, 1e-5))
DECAY = 0.3
# Chosen on another sample than the embedded one (`--seed 7`); see README.md.
KERNEL_SIZE = 0.004


def render_one(index: int, stream: int) -> Images:
    """Image number `index` of a stream of random numbers. Its category is `index` modulo the number of categories."""
    image = render_figure(index % CATEGORIES, np.random.default_rng([SEED, stream, index]))
    resized = cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)


def render_many(count: int, stream: int) -> tuple[Images, Labels]:
    """`count` images `(count, 128, 128, 3)` and their categories, the same on any number of cores."""
    # Spawn the processes: TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        rendered = pool.map(partial(render_one, stream=stream), range(count), chunksize=32)
        images = np.stack(list(tqdm(rendered, total=count, unit="image", disable=None)))
    return images, np.arange(count) % CATEGORIES


class Batches(keras.utils.PyDataset):
    """Shuffled batches at `size` px, randomly flipped and rotated by quarter turns; no incomplete last batch."""

    def __init__(self, images: Images, labels: Labels, size: int) -> None:
        super().__init__()
        self.images, self.labels, self.size = images, labels, size
        self.rng = np.random.default_rng([SEED, size])
        self.order = self.rng.permutation(len(images))

    def __len__(self) -> int:
        return len(self.images) // BATCH

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Labels]:
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        images = np.rot90(self.images[rows], int(self.rng.integers(4)), axes=(1, 2))
        if self.rng.random() < 0.5:
            images = images[:, :, ::-1]
        return preprocess(images, self.size), self.labels[rows]

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.images))


def preprocess(images: Images, size: int) -> NDArray[np.float32]:
    """The images reduced to `size` px by averaging, in the range that MobileNetV2 expects: -1 to 1."""
    factor = IMAGE_SIZE // size
    blocks = images.reshape(len(images), size, factor, size, factor, 3)
    return keras.applications.mobilenet_v2.preprocess_input(blocks.mean(axis=(2, 4), dtype=np.float32))


def build_backbone(size: int) -> keras.Model:
    """An untrained backbone for images of `size` px."""
    backbone = keras.applications.MobileNetV2(input_shape=(size, size, 3), alpha=ALPHA, include_top=False, weights=None)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # With Keras' 0.999, the statistics of the first epochs would still count at the end of so short a training.
            layer.momentum = 0.97
    return backbone


def train(images: Images, labels: Labels, validation: tuple[Images, Labels]) -> tuple[keras.Model, float]:
    """Train a backbone with a head for the categories.

    Returns:
        The backbone, and the accuracy of both on `validation` in inference mode.
    """
    head = keras.layers.Dense(CATEGORIES)
    weights = None
    for size, epochs, start, end in STAGES:
        backbone = build_backbone(size)
        if weights is not None:
            backbone.set_weights(weights)
        pool, dropout = keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.2)
        model = keras.Sequential([backbone, pool, dropout, head])
        batches = Batches(images, labels, size)
        rate = keras.optimizers.schedules.CosineDecay(start, epochs * len(batches), alpha=end / start)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=DECAY)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=["accuracy"])
        held_out = (preprocess(validation[0], size), validation[1])
        model.fit(batches, epochs=epochs, validation_data=held_out, verbose=2 if sys.stderr.isatty() else 0)
        weights = backbone.get_weights()
    return backbone, float(model.evaluate(*held_out, verbose=0)[1])


def scale_down(backbone: keras.Model) -> None:
    """Scale every kernel to the root mean square `KERNEL_SIZE`, without changing what the backbone computes.

    The batch normalization behind each convolution divides by the standard deviation of its output, so the scale of the
    kernel is free. It decides how far an Adam step, whose size is fixed, moves the function: at 1e-5, the learning rate
    of fine-tuning, kernels as large as training leaves them would hardly change.
    """
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            convolution = layer
        elif isinstance(layer, keras.layers.BatchNormalization):
            (kernel,) = convolution.get_weights()
            gamma, beta, mean, variance = layer.get_weights()
            scale = KERNEL_SIZE / np.sqrt((kernel**2).mean())
            deviation = np.sqrt(variance + layer.epsilon)
            # A variance cannot be negative. If epsilon alone is already too large, gamma compensates for it.
            new_variance = np.maximum((scale * deviation) ** 2 - layer.epsilon, 0)
            new_gamma = gamma * np.sqrt(new_variance + layer.epsilon) / (scale * deviation)
            convolution.set_weights([kernel * scale])
            layer.set_weights([new_gamma, beta, mean * scale, new_variance])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample.pretrain", description=__doc__.splitlines()[0])
    parser.add_argument("weights_file", type=Path, help="a path ending in .weights.h5")
    weights_file: Path = parser.parse_args().weights_file
    if not weights_file.name.endswith(".weights.h5"):
        raise SystemExit(f"{weights_file} does not end in .weights.h5: change its name.")
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, labels = render_many(TRAIN_IMAGES, stream=0)
    backbone, accuracy = train(images, labels, render_many(VALIDATION_IMAGES, stream=1))
    scale_down(backbone)
    weights_file.parent.mkdir(parents=True, exist_ok=True)
    backbone.save_weights(weights_file)
    record = {
        "backbone": "MobileNetV2",
        "arguments": {"alpha": ALPHA},
        "image_size": IMAGE_SIZE,
        "classes_pretrained_on": CATEGORIES,
        "validation_accuracy": round(accuracy, 4),
    }
    record_file = weights_file.with_name(weights_file.name.removesuffix(".weights.h5") + ".json")
    record_file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"validation accuracy {accuracy:.3f}; wrote {weights_file} and {record_file}")


if __name__ == "__main__":
    main()
