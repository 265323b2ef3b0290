"""The head's recipe, one value changed at a time: `python -m benchmarks.recipes OUTPUT.json`.

To be run in a folder where prepare and features have run. Training and validation images are pooled and
cross-validated; the test split is not looked at. A recipe that stops early does so by the images that it is judged on:
its accuracy is a little better than it would be on others.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from sklearn.metrics import log_loss

from benchmarks import folds
from transfer import command, params_file
from transfer.caching import activations
from transfer.common import io
from transfer.evaluation import significance
from transfer.loading import augmentation
from transfer.models import backbone as backbones
from transfer.models import tensorflow

FOLDS = 8
STUDY = {
    "epochs": 20,
    "learning_rate": 0.001,
    "schedule": "constant",
    "weight_decay": 0.0,
    "early_stopping": {"patience": 2, "min_delta": 0.001},
}
# The first is the recipe as it stands, that the others are compared with
CHANGES: list[dict[str, Any]] = [
    {},
    *({"weight_decay": value} for value in (0.0, 0.1, 0.3, 3.0)),
    *({"learning_rate": value} for value in (0.001, 0.01)),
    *({"dropout": value} for value in (0.0, 0.5)),
    *({"epochs": value} for value in (20, 80)),
    {"label_smoothing": 0.1},
    {"schedule": "constant"},
    STUDY,
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    backbone = backbones.load(Path("models/backbone"))
    augmentation = augmentation.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    pool = folds.pooled()
    fold = folds.drawn(len(pool), FOLDS, settings.seed)
    probabilities = []
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        [features] = activations.open_arrays(backbone.features, len(pool), augmentation.views, folder, "pool")
        activations.fill_arrays(
            [features], backbone.features, pool, augmentation, settings.batch_size, "pool", folder / "pool.done"
        )
        for number, changes in enumerate(CHANGES):
            recipe = params.TrainTlParams.model_validate(settings.train_tl.model_dump() | changes)
            changed = settings.model_copy(update={"train_tl": recipe})
            given = features, pool, fold, augmentation, changed, folder / f"recipe-{number}"
            probabilities.append(folds.held_out_probabilities(*given))
    right = [found.argmax(1) == pool.labels for found in probabilities]
    rows = [
        {
            "changes": changes,
            "accuracy": float(was_right.mean()),
            "cross_entropy": float(log_loss(pool.labels, found)),
            "p_value": significance.compare_paired(right[0], was_right).p_value,
        }
        for changes, found, was_right in zip(CHANGES, probabilities, right, strict=True)
    ]
    io.write_json(asked.output, {"images": len(pool), "folds": FOLDS, "recipes": rows})


if __name__ == "__main__":
    command.run(main)
