"""The recipe of the head, one value changed at a time: `python -m benchmarks.recipes OUTPUT.json`.

Run it in a folder in which prepare and features have run. It cross-validates each variant over training and validation
images; the test split is not used. A recipe with early stopping stops by the images on which it is then judged, so its
accuracy is slightly higher than on other images.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from sklearn.metrics import log_loss

from benchmarks import folds
from transfer import command, params_file
from transfer.common import io
from transfer.evaluation import significance
from transfer.loading.augmentation import Augmentation
from transfer.models import backbone as backbones
from transfer.models import tensorflow
from transfer.training.params import TrainTlParams

FOLDS = 8
STUDY = {
    "epochs": 20,
    "learning_rate": 0.001,
    "schedule": "constant",
    "weight_decay": 0.0,
    "early_stopping": {"patience": 2, "min_delta": 0.001},
}
# The first is the recipe of params.yaml, with which the others are compared.
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
    arguments = parser.parse_args()
    settings = params_file.load()
    tensorflow.start(settings.seed)
    backbone = backbones.load(Path("models/backbone"))
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    pool = folds.load_pool()
    fold = folds.assign_folds(len(pool), FOLDS, settings.seed)
    probabilities = []
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        features = folds.compute_features(
            backbone.feature_extractor, pool, augmentation, settings.batch_size, folder, "pool"
        )
        for number, changes in enumerate(CHANGES):
            recipe = TrainTlParams.model_validate(settings.train_tl.model_dump() | changes)
            variant = settings.model_copy(update={"train_tl": recipe})
            probabilities.append(
                folds.held_out_probabilities(features, pool, fold, augmentation, variant, folder / f"recipe-{number}")
            )
    right = [of_recipe.argmax(1) == pool.labels for of_recipe in probabilities]
    rows = [
        {
            "changes": changes,
            "accuracy": float(right_of_recipe.mean()),
            "cross_entropy": float(log_loss(pool.labels, of_recipe)),
            "p_value": significance.compare_paired(right[0], right_of_recipe).p_value,
        }
        for changes, of_recipe, right_of_recipe in zip(CHANGES, probabilities, right, strict=True)
    ]
    io.write_json(arguments.output, {"images": len(pool), "folds": FOLDS, "recipes": rows})


if __name__ == "__main__":
    command.run(main)
