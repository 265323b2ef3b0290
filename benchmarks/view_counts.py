"""How many cached views do what augmentation drawn anew does: `python -m benchmarks.view_counts OUTPUT.json`.

To be run in a folder where prepare and features have run. Training and validation images are pooled, cross-validated:
each part of them is held out once, and the test split is not looked at. With as many views as epochs, every epoch sees
views that no other has: augmentation drawn anew.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import folds
from benchmarks.finetuning import part
from transfer import command, params_file
from transfer.caching import activations, scratch
from transfer.common import io
from transfer.loading import augmentation, batches
from transfer.models import backbone as backbones
from transfer.models import classifier, tensorflow
from transfer.training import history, loop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view_counts", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8, 40], help="numbers of views")
    parser.add_argument("--folds", type=int, default=8, help="parts to divide the images into")
    parser.add_argument("--held-out", type=int, help="how many of the parts to hold out, one after the other; all")
    parser.add_argument("--frozen-layers", type=int, help="fine-tune behind this cut too")
    asked = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    # Whose disk is asked for space
    scratch.FOLDER.mkdir(exist_ok=True)
    backbone = backbones.load(Path("models/backbone"))
    weights = [variable.numpy() for variable in backbone.model.variables]
    augmentation = augmentation.Augmentation(
        settings.augment.flip, settings.augment.rotation, max(asked.counts), settings.seed
    )
    pool = folds.pooled()
    fold = folds.drawn(len(pool), asked.folds, settings.seed)
    right: dict[str, dict[str, int]] = {"train_tl": {}, "finetune": {}}
    held_out = range(asked.held_out or asked.folds)
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        [features] = activations.open_arrays(backbone.features, len(pool), augmentation.views, folder, "pool")
        activations.fill_arrays(
            [features], backbone.features, pool, augmentation, settings.batch_size, "pool", folder / "pool.done"
        )
        for count in asked.counts:
            fewer = replace(augmentation, views=count)
            for held in held_out:
                seen, unseen = part(pool, fold != held), part(pool, fold == held)
                head, fit = folds.trained_head(
                    features[:, :count], pool, fold == held, fewer, settings, folder / f"{count}-{held}.npz"
                )
                add(right["train_tl"], count, fit, len(unseen))
                if asked.frozen_layers is None:
                    continue
                for variable, value in zip(backbone.model.variables, weights, strict=True):
                    variable.assign(value)
                frozen, rest = backbone.cut(asked.frozen_layers)
                with (
                    tempfile.TemporaryDirectory(dir=folder) as own,
                    activations.cached_activations(
                        frozen, seen, unseen, fewer, settings.batch_size, Path(own, "prefix"), training=1
                    ) as given,
                ):
                    fit = loop.fit(
                        classifier.Tail(rest, head),
                        *given,
                        settings.finetune,
                        steps_per_epoch=batches.batches_per_epoch(len(seen), settings.batch_size),
                        after_epoch=lambda _: None,
                        description=f"{count} views, fine-tuned",
                        state=Path(own, "training.npz"),
                    )
                add(right["finetune"], count, fit, len(unseen))
    images = int(np.isin(fold, held_out).sum())
    accuracy = {stage: {count: n / images for count, n in found.items()} for stage, found in right.items() if found}
    io.write_json(asked.output, {"held_out_images": images, "accuracy": accuracy})


def add(right: dict[str, int], count: int, fit: history.Fit, images: int) -> None:
    right[str(count)] = right.get(str(count), 0) + round(fit.best.validation["accuracy"] * images)


if __name__ == "__main__":
    command.run(main)
