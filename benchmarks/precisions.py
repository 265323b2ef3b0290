"""What bfloat16 costs in accuracy: `python -m benchmarks.precisions OUTPUT.json`.

To be run in a folder where prepare has run. The head's accuracy on features of either precision, with training and
validation images pooled and cross-validated; the test split is not looked at. A processor without bfloat16 emulates it
here: that is slow, and rounds alike.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.view_counts import pooled, trained_head
from transfer import backbone as backbones
from transfer import batches, comparison, files, params, prefix, runtime, views
from transfer.faults import run

FOLDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precisions", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    settings = params.load()
    runtime.start(settings.seed)
    augmentation = views.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    pool = pooled()
    fold = np.random.default_rng(settings.seed).permutation(len(pool)) % FOLDS
    right = {precision: np.zeros(len(pool), bool) for precision in ("float32", "bfloat16")}
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        for precision, was_right in right.items():
            backbone = backbones.make(settings.backbone.name, settings.backbone.weights, settings.image_size, precision)
            [features] = prefix.arrays(backbone.features, len(pool), augmentation.views, folder, precision)
            batches.fill(
                [features], backbone.features, pool, augmentation, settings.batch_size, precision, folder / precision
            )
            found[precision] = features
            for held in range(FOLDS):
                unseen = fold == held
                state = folder / f"{precision}-{held}.npz"
                head, _ = trained_head(features, pool, unseen, augmentation, settings, state)
                was_right[unseen] = head(features[unseen, 0], training=False).numpy().argmax(1) == pool.labels[unseen]
    cosines = np.einsum("ivc,ivc->iv", *found.values()) / np.prod(
        [np.linalg.norm(features, axis=-1) for features in found.values()], axis=0
    )
    compared = comparison.paired(*right.values())
    files.write_json(
        asked.output,
        {
            "emulated": not runtime.has_bfloat16(),
            "accuracy": {precision: float(was_right.mean()) for precision, was_right in right.items()},
            "comparison": compared.metrics(*right),
            "lowest_cosine_of_features": float(cosines.min()),
        },
    )
    print(compared.verdict(*right))


if __name__ == "__main__":
    run(main)
