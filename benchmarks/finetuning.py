"""A round of fine-tuning by the pipeline's own modules, timed over a few batches.

    python -m benchmarks.finetuning OUTPUT.json --frozen-layers 500 300 --batches 4

To be run in a folder where prepare, features and train_tl have run.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.passes import multiply_adds
from transfer import command, params_file
from transfer.caching import activations, scratch
from transfer.common import io
from transfer.loading import augmentation, batches, prepared
from transfer.loading.prepared import Split
from transfer.models import backbone as backbones
from transfer.models import classifier, tensorflow
from transfer.training import history, loop

# The first is slower: it traces
EPOCHS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--frozen-layers", type=int, nargs="+", required=True)
    parser.add_argument("--batches", type=int, default=4, help="training batches to time an epoch over")
    parser.add_argument("--views", type=int, nargs="+", default=[1], help="numbers of views to reckon the prefix for")
    asked = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    # Whose disk is asked for space
    scratch.FOLDER.mkdir(exist_ok=True)
    augmentation = augmentation.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    share = min(asked.batches * settings.batch_size / len(train), 1)
    # As large a part of the validation images as of the training images
    few, fewer = (part(split, np.arange(len(split)) < round(len(split) * share)) for split in (train, validation))

    run_through = augmentation.views * len(few) + len(fewer)

    backbone = backbones.load(Path("models/backbone"))
    results = {}
    # Before any cut: a layer that two graphs share has no single output any more
    whole, *before = (
        multiply_adds(backbone.model.layers[:layers]) for layers in (backbone.layers, *asked.frozen_layers)
    )
    for frozen_layers, operations in zip(asked.frozen_layers, before, strict=True):
        frozen, rest = backbone.cut(frozen_layers)
        tail = classifier.Tail(
            rest, classifier.load_head(Path("models/train_tl"), settings.seed, backbone.description(), train.classes)
        )
        times = [time.perf_counter()]
        with (
            tempfile.TemporaryDirectory(dir=".") as own,
            activations.cached_activations(
                frozen, few, fewer, augmentation, settings.batch_size, Path(own, "prefix"), training=1
            ) as given,
        ):
            # Asking for the first batch is what runs the frozen layers
            next(given[1]())
            times.append(time.perf_counter())
            loop.fit(
                tail,
                *given,
                settings.finetune.model_copy(update={"epochs": EPOCHS}),
                steps_per_epoch=batches.batches_per_epoch(len(few), settings.batch_size),
                after_epoch=partial(note, times),
                description=f"{frozen_layers} layers frozen",
                state=Path(own, "training.npz"),
            )
        epochs = [end - start for start, end in pairwise(times[1:])]
        results[str(frozen_layers)] = {
            "prefix_seconds": {
                str(views): (times[1] - times[0]) * (views * len(train) + len(validation)) / run_through
                for views in asked.views
            },
            "epoch_seconds": median(epochs[1:]) / share,
            "tracing_seconds": epochs[0] - median(epochs[1:]),
            "frozen_share": operations / whole,
        }
    io.write_json(asked.output, {"timed_share": share, "views": augmentation.views, "rounds": results})


def note(times: list[float], _: history.Epoch) -> None:
    times.append(time.perf_counter())


def part(split: Split, which: np.ndarray) -> Split:
    """Those images of a split that `which` (images,) says."""
    [rows] = which.nonzero()
    return replace(
        split,
        images=split.images[rows],
        labels=split.labels[rows],
        paths=[split.paths[row] for row in rows],
        digests=[split.digests[row] for row in rows],
    )


if __name__ == "__main__":
    command.run(main)
