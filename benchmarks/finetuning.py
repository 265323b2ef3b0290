"""Time a round of fine-tuning over a few batches, with the pipeline's own modules.

    python -m benchmarks.finetuning OUTPUT.json --frozen-layers 500 300 --batches 4

Run it in a folder in which prepare, features and train_tl have run.
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
from transfer.loading import batches, prepared
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split
from transfer.models import backbone as backbones
from transfer.models import classifier, tensorflow
from transfer.training import folding, history, loop

# The first epoch is slower, because it includes tracing.
EPOCHS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--frozen-layers", type=int, nargs="+", required=True, help="one or more cuts to measure")
    parser.add_argument("--batches", type=int, default=4, help="training batches in a timed epoch (default: 4)")
    parser.add_argument(
        "--views", type=int, nargs="+", default=[1], help="numbers of views to scale the prefix to (default: 1)"
    )
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    # The check of the disk space looks at the disk of this folder.
    scratch.SCRATCH.mkdir(exist_ok=True)
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    share = min(arguments.batches * settings.batch_size / len(train), 1)
    # The same share of the validation images as of the training images.
    train_part, validation_part = (
        select_images(split, np.arange(len(split)) < round(len(split) * share)) for split in (train, validation)
    )
    timed_views = augmentation.views * len(train_part) + len(validation_part)

    backbone = backbones.load(Path("models/backbone"))
    results = {}
    # Counted before any cut: a layer that belongs to two graphs has more than one output.
    all_operations, *frozen_operations = (
        multiply_adds(backbone.model.layers[:layers]) for layers in (backbone.layers, *arguments.frozen_layers)
    )
    for frozen_layers, operations in zip(arguments.frozen_layers, frozen_operations, strict=True):
        frozen, rest = backbone.cut(frozen_layers)
        head = classifier.load_head(Path("models/train_tl"), settings.seed, backbone.description(), train.classes)
        tail = classifier.Tail(folding.fold(rest), head)
        times = [time.perf_counter()]
        with (
            tempfile.TemporaryDirectory(dir=".") as scratch_folder,
            activations.cached_activations(
                frozen,
                train_part,
                validation_part,
                augmentation,
                settings.batch_size,
                Path(scratch_folder, "prefix"),
                training=1,
            ) as (training_batches, validation_batches),
        ):
            # The request for the first batch runs the frozen layers.
            next(validation_batches())
            times.append(time.perf_counter())
            loop.fit(
                tail,
                training_batches,
                validation_batches,
                settings.finetune.model_copy(update={"epochs": EPOCHS}),
                labels=train_part.labels,
                steps_per_epoch=batches.batches_per_epoch(len(train_part), settings.batch_size),
                after_epoch=partial(record_time, times),
                description=f"{frozen_layers} layers frozen",
                state=Path(scratch_folder, "training.npz"),
            )
        epochs = [end - start for start, end in pairwise(times[1:])]
        results[str(frozen_layers)] = {
            "prefix_seconds": {
                str(views): (times[1] - times[0]) * (views * len(train) + len(validation)) / timed_views
                for views in arguments.views
            },
            "epoch_seconds": median(epochs[1:]) / share,
            "tracing_seconds": epochs[0] - median(epochs[1:]),
            "frozen_share": operations / all_operations,
        }
    io.write_json(arguments.output, {"timed_share": share, "views": augmentation.views, "rounds": results})


def record_time(times: list[float], _: history.Epoch) -> None:
    times.append(time.perf_counter())


def select_images(split: Split, selected: np.ndarray) -> Split:
    """The images of a split for which `selected` (images,) is true, as a split."""
    [rows] = selected.nonzero()
    return replace(
        split,
        images=split.images[rows],
        labels=split.labels[rows],
        paths=[split.paths[row] for row in rows],
        digests=[split.digests[row] for row in rows],
    )


if __name__ == "__main__":
    command.run(main)
