"""Both models on their way to calibrated probabilities: backbone, head, and the features that the head takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transfer.evaluation import metrics
from transfer.loading import batches, features
from transfer.loading.prepared import Split
from transfer.models import backbone as backbones
from transfer.models import classifier
from transfer.models.tensorflow import keras
from transfer.uncertainty import calibration, extraction
from transfer.uncertainty.calibration import Calibration
from transfer.uncertainty.extraction import Features
from transfer.uncertainty.out_of_fold import OutOfFold


@dataclass(frozen=True)
class Model:
    """A model whose head takes features.

    Attributes:
        backbone: with the model's weights, fine-tuned or not.
        head: features (images, channels) to probabilities (images, classes).
        features: by split.
        batch_size: how many images are scored at a time.
    """

    backbone: backbones.Backbone
    head: keras.Model
    features: Mapping[str, Features]
    batch_size: int

    @property
    def explained(self) -> tuple[backbones.Backbone, keras.Model]:
        """What heat maps explain."""
        return self.backbone, self.head

    def probabilities(self, images: Features, temperature: float = 1.0) -> np.ndarray:
        """The probabilities of images (images, classes) by their features, with logits divided by the temperature."""
        head = classifier.head_function(scaled_head(self.head, temperature))
        return batches.map_split(head, images, self.batch_size, "head")

    def test_probabilities(self, temperature: float = 1.0) -> np.ndarray:
        """The same of the test images."""
        return self.probabilities(self.features["test"], temperature)


def load(
    models: Path, splits: Mapping[str, Split], batch_size: int
) -> tuple[dict[str, Model], dict[str, features.ImageFeatures]]:
    """Both models, by name, and the stored features of the frozen backbone, by split.

    Training images have no stored features if every epoch draws its own views. Theirs are computed when asked for.

    Args:
        models: the folder of all models.
        splits: by name.

    Raises:
        UserError: a checkpoint or a feature is missing or damaged, or does not fit.
    """
    classes = splits["test"].classes
    # The fine-tuned model replaces layers of its backbone, so each model has its own.
    frozen, tuned_backbone = backbones.load(models / "backbone"), backbones.load(models / "backbone")
    head = classifier.load_head(models / "train_tl", 0, frozen.description(), classes)
    tuned = classifier.load(models / "finetune", tuned_backbone, classes)
    stored = features.load_image_features(splits, frozen.channels)
    of_frozen = extraction.extract(frozen.feature_extractor, splits, batch_size, "train_tl") | stored
    of_tuned = extraction.extract(tuned.feature_extractor, splits, batch_size, "finetune")
    # Test images are scored twice: before calibration and after it.
    of_tuned["test"] = of_tuned["test"][:]
    return {
        "train_tl": Model(frozen, head, of_frozen, batch_size),
        "finetune": Model(tuned_backbone, tuned.head, of_tuned, batch_size),
    }, stored


def calibrate(models: Mapping[str, Model], held_out: OutOfFold) -> dict[str, Calibration]:
    """Calibrate the head by the cross-validation of its recipe, and the fine-tuned model by the validation images."""
    tuned, validation = models["finetune"], held_out.splits["validation"]
    of_validation = tuned.features["validation"][:]
    probabilities = tuned.probabilities(of_validation)
    return {
        "train_tl": calibration.of_recipe(held_out, models["train_tl"].features),
        "finetune": calibration.of_model(probabilities, validation.labels, of_validation, tuned.features["train"]),
    }


def effects(
    models: Mapping[str, Model], calibrations: Mapping[str, Calibration], labels: np.ndarray
) -> dict[str, dict[str, Any]]:
    """What calibrated each model, and the scores of its probabilities on the test images before that.

    Args:
        labels: class numbers of the test images (images,).
    """
    return {
        name: {
            "images": calibrations[name].images,
            "temperature": calibrations[name].temperature,
            "before": metrics.scores_of_probabilities(labels, model.test_probabilities()),
        }
        for name, model in models.items()
    }


def scaled_head(head: keras.Model, temperature: float) -> keras.Model:
    """A copy of a head whose logits are divided by the temperature: an ordinary head, which exports like any other."""
    scaled = keras.models.clone_model(head)
    scaled.set_weights([weights / temperature for weights in head.get_weights()])
    return scaled


def calibrated(model: classifier.Classifier, of_model: Calibration | None) -> classifier.Classifier:
    """The classifier with calibrated probabilities; without a calibration, as it is."""
    return replace(model, head=scaled_head(model.head, of_model.temperature)) if of_model else model
