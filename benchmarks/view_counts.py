"""How many cached views are as good as fresh augmentation: `python -m benchmarks.view_counts OUTPUT.json`.

Run it in a folder in which prepare and features have run. It cross-validates over training and validation images; the
test split is not used. With as many views as epochs, no two epochs see the same view: this is fresh augmentation.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import folds
from benchmarks.finetuning import select_images
from transfer import command, params_file
from transfer.caching import activations, scratch
from transfer.common import io
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation
from transfer.models import backbone as backbones
from transfer.models import classifier, tensorflow
from transfer.training import folding, history, loop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view_counts", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=[1, 2, 4, 8, 40], help="numbers of views (default: 1 2 4 8 40)"
    )
    parser.add_argument("--folds", type=int, default=8, help="how many folds to divide the images into (default: 8)")
    parser.add_argument("--held-out", type=int, help="how many of the folds to hold out, one at a time (default: all)")
    parser.add_argument("--frozen-layers", type=int, help="also fine-tune, with so many frozen layers")
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    # The check of the disk space looks at the disk of this folder.
    scratch.SCRATCH.mkdir(exist_ok=True)
    backbone = backbones.load(Path("models/backbone"))
    weights = [variable.numpy() for variable in backbone.model.variables]
    augmentation = Augmentation(settings.augment.flip, settings.augment.rotation, max(arguments.counts), settings.seed)
    pool = folds.load_pool()
    fold = folds.assign_folds(len(pool), arguments.folds, settings.seed)
    right: dict[str, dict[str, int]] = {"train_tl": {}, "finetune": {}}
    held_out_folds = range(arguments.held_out or arguments.folds)
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        features = folds.compute_features(
            backbone.feature_extractor, pool, augmentation, settings.batch_size, folder, "pool"
        )
        for count in arguments.counts:
            fewer = replace(augmentation, views=count)
            for number in held_out_folds:
                held_out = fold == number
                train, validation = select_images(pool, ~held_out), select_images(pool, held_out)
                state = folder / f"{count}-{number}.npz"
                head, fit = folds.train_head(features[:, :count], pool, held_out, fewer, settings, state)
                add_right(right["train_tl"], count, fit, len(validation))
                if arguments.frozen_layers is None:
                    continue
                # Fine-tuning of the previous fold has changed the backbone.
                for variable, value in zip(backbone.model.variables, weights, strict=True):
                    variable.assign(value)
                frozen, rest = backbone.cut(arguments.frozen_layers)
                with (
                    tempfile.TemporaryDirectory(dir=folder) as scratch_folder,
                    activations.cached_activations(
                        frozen,
                        train,
                        validation,
                        fewer,
                        settings.batch_size,
                        Path(scratch_folder, "prefix"),
                        training=1,
                    ) as batches_of,
                ):
                    fit = loop.fit(
                        classifier.Tail(folding.fold(rest), head),
                        *batches_of,
                        settings.finetune,
                        labels=train.labels,
                        steps_per_epoch=batches.batches_per_epoch(len(train), settings.batch_size),
                        after_epoch=lambda _: None,
                        description=f"{count} views, fine-tuned",
                        state=Path(scratch_folder, "training.npz"),
                    )
                add_right(right["finetune"], count, fit, len(validation))
    images = int(np.isin(fold, held_out_folds).sum())
    accuracy = {
        stage: {count: number / images for count, number in of_stage.items()}
        for stage, of_stage in right.items()
        if of_stage
    }
    io.write_json(arguments.output, {"held_out_images": images, "accuracy": accuracy})


def add_right(right: dict[str, int], count: int, fit: history.Fit, images: int) -> None:
    """Add the number of held-out images that a training classifies correctly."""
    right[str(count)] = right.get(str(count), 0) + round(fit.best.validation["accuracy"] * images)


if __name__ == "__main__":
    command.run(main)
