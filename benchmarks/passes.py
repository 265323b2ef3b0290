"""How near a backbone's forward pass comes to what the machine can do: `python -m benchmarks.passes OUTPUT.json`.

The ceiling is a large matrix product in the same precision, in the same process, alternating with the pass: the faster
of TensorFlow's and, in float32, numpy's.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from transfer import command
from transfer.common import io
from transfer.models import pretrained, tensorflow
from transfer.models.tensorflow import keras, tf

SIDE = 4096
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--backbone", default="InceptionResNetV2")
    parser.add_argument("--image-size", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=64)
    asked = parser.parse_args()
    images = np.random.default_rng(1).integers(0, 256, (asked.batch_size, asked.image_size, asked.image_size, 3))
    images = images.astype(np.uint8)
    results = {}
    for precision in tensorflow.supported_precisions():
        results[precision] = measure(asked.backbone, asked.image_size, images, precision)
    io.write_json(asked.output, {"backbone": asked.backbone, "image_size": asked.image_size, **results})


def measure(name: str, image_size: int, images: np.ndarray, precision: str) -> dict[str, float]:
    """The pass and the product, one after the other, several times; medians."""
    tensorflow.start(1)
    backbone = pretrained.build(name, None, image_size, precision)
    matrix = tf.cast(tf.random.stateless_uniform((SIDE, SIDE), (1, 2)), precision)
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    products: list[Callable[[], object]] = [lambda: product().numpy()]
    if precision == "float32":
        plain = matrix.numpy()
        products.append(lambda: plain @ plain)
    operations = 2 * multiply_adds(backbone.model.layers)
    ceilings, rates = [], []
    product()
    backbone.features(images)
    for _ in range(ROUNDS):
        ceilings.append(2 * SIDE**3 / min(map(seconds, products)))
        rates.append(len(images) / seconds(lambda: backbone.features(images)))
    shares = [rate * operations / ceiling for rate, ceiling in zip(rates, ceilings, strict=True)]
    return {
        "matrix_product_gflops": median(ceilings) / 1e9,
        "images_per_second": median(rates),
        "gflop_per_image": operations / 1e9,
        "share_of_ceiling": median(shares),
    }


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def multiply_adds(layers: Sequence[keras.layers.Layer]) -> int:
    """Multiplications of the convolutions among some layers, for one image."""
    return sum(
        int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        for layer in layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    )


if __name__ == "__main__":
    command.run(main)
