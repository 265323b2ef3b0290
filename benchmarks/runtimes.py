"""Frozen passes by TensorFlow and by LiteRT, in turn: `python -m benchmarks.runtimes OUTPUT.json BACKBONE:SIZE...`.

The weights are random, so that every backbone of `keras.applications` can be measured. The result of a pass is compared
on its own scale: the largest difference between the two, over the largest value.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from transfer import command
from transfer.common import environment, io
from transfer.models import frozen_layers, pretrained, tensorflow

RUNTIMES = ("tensorflow", "litert")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument(
        "backbones", nargs="+", metavar="BACKBONE:SIZE", help="a class of keras.applications, and pixels"
    )
    parser.add_argument("--images", type=int, default=64, help="images in a pass (default: 64)")
    parser.add_argument("--passes", type=int, default=7, help="timed passes of each runtime (default: 7)")
    parser.add_argument("--weights", choices=("imagenet",), help="default: random weights")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"processor": environment.processor_kind(), "images": arguments.images}
    for backbone in arguments.backbones:
        name, _, size = backbone.partition(":")
        results[backbone] = measure(name, int(size), arguments.weights, arguments.images, arguments.passes)
        io.write_json(arguments.output, results)


def measure(name: str, size: int, weights: str | None, count: int, passes: int) -> dict[str, Any]:
    """Medians of the rates, in images a second, their ratio in each pair of passes, and the largest difference."""
    tensorflow.start(1)
    backbone = pretrained.build(name, weights, size, "float32")
    images = np.random.default_rng(1).integers(0, 256, (count, size, size, 3)).astype(np.uint8)
    extractors = {
        runtime: frozen_layers.FrozenLayers(backbone.preprocess, backbone.model, backbone.layers, runtime, pooling=True)
        for runtime in RUNTIMES
    }
    # The first call of each compiles it.
    expected, actual = (extractor(images)[0] for extractor in extractors.values())
    rates: dict[str, list[float]] = {runtime: [] for runtime in RUNTIMES}
    for _ in range(passes):
        for runtime, extractor in extractors.items():
            started = time.perf_counter()
            extractor(images)
            rates[runtime].append(count / (time.perf_counter() - started))
    ratios = [fast / slow for fast, slow in zip(rates["litert"], rates["tensorflow"], strict=True)]
    return {
        "images_per_second": {runtime: median(of_runtime) for runtime, of_runtime in rates.items()},
        "ratio": {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)},
        "largest_difference": float(np.abs(actual - expected).max() / np.abs(expected).max()),
    }


if __name__ == "__main__":
    command.run(main)
