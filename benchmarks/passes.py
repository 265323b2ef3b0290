"""How close a backbone's forward pass comes to the peak rate of the machine.

    python -m benchmarks.passes OUTPUT.json

The peak rate is that of a large matrix product in the same precision and the same process, alternating with the pass:
the faster of TensorFlow's product and, in float32, NumPy's.
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
REPETITIONS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--backbone", default="InceptionResNetV2", help="class of keras.applications")
    parser.add_argument("--image-size", type=int, default=320, help="pixels (default: 320)")
    parser.add_argument("--batch-size", type=int, default=64, help="images in a pass (default: 64)")
    arguments = parser.parse_args()
    shape = (arguments.batch_size, arguments.image_size, arguments.image_size, 3)
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    results = {}
    for precision in tensorflow.supported_precisions():
        results[precision] = measure(arguments.backbone, arguments.image_size, images, precision)
    io.write_json(arguments.output, {"backbone": arguments.backbone, "image_size": arguments.image_size, **results})


def measure(name: str, image_size: int, images: np.ndarray, precision: str) -> dict[str, float]:
    """Run the pass and the matrix product in turn, several times. The results are medians."""
    tensorflow.start(1)
    backbone = pretrained.build(name, None, image_size, precision)
    matrix = tf.cast(tf.random.stateless_uniform((SIDE, SIDE), (1, 2)), precision)
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    products: list[Callable[[], object]] = [lambda: product().numpy()]
    if precision == "float32":
        numpy_matrix = matrix.numpy()
        products.append(lambda: numpy_matrix @ numpy_matrix)
    operations = 2 * multiply_adds(backbone.model.layers)
    peaks, rates = [], []
    # The first call of each traces it.
    product()
    backbone.feature_extractor(images)
    for _ in range(REPETITIONS):
        peaks.append(2 * SIDE**3 / min(map(seconds, products)))
        rates.append(len(images) / seconds(lambda: backbone.feature_extractor(images)))
    shares = [rate * operations / peak for rate, peak in zip(rates, peaks, strict=True)]
    return {
        "matrix_product_gflops": median(peaks) / 1e9,
        "images_per_second": median(rates),
        "gflop_per_image": operations / 1e9,
        "share_of_ceiling": median(shares),
    }


def seconds(function: Callable[[], object]) -> float:
    """The seconds that one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def multiply_adds(layers: Sequence[keras.layers.Layer]) -> int:
    """The number of multiplications in the convolutions among these layers, for one image."""
    return sum(
        int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        for layer in layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    )


if __name__ == "__main__":
    command.run(main)
