"""What a model needs to say no, in a folder of its own, because another stage than the model's may write it.

calibration.json    the model that it belongs to, and the number of calibration images
probabilities.npy   of the true classes of the calibration images, ascending (see `conformal`)
cosines.npy         of the calibration images with the nearest reference, ascending (see `novelty`)
references.npy      features of the dataset (see `novelty`)
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from transfer.common import arrays, atomic, io
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.loading.prepared import Split
from transfer.models import checkpoint
from transfer.uncertainty import conformal, novelty

FILE = "calibration.json"


class ByView(Protocol):
    """Features of images, read as `features[rows, view]`: (rows, channels)."""

    def __getitem__(self, key: tuple[np.ndarray, int], /) -> np.ndarray: ...


class Classifier(Protocol):
    """What `models.classifier` makes; importing that takes seconds."""

    @property
    def feature_extractor(self) -> Callable[[np.ndarray], list[np.ndarray]]: ...

    def __call__(self, images: np.ndarray) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class Calibration:
    """What was seen on images that the model has not been trained on.

    Attributes:
        images: how many images these are.
        probabilities: of their true classes, ascending (repeats x images,).
        cosines: of their features with the nearest reference, ascending (images,).
        references: features of the dataset, as unit vectors (references, channels).
    """

    images: int
    probabilities: np.ndarray
    cosines: np.ndarray
    references: np.ndarray

    def save(self, folder: Path, model: Path) -> None:
        """Write it atomically, as the calibration of the model in the folder `model`."""
        with atomic.folder(folder) as partial:
            for name in ("probabilities", "cosines", "references"):
                np.save(partial / f"{name}.npy", getattr(self, name))
            io.write_json(partial / FILE, {"model": weights_digest(model), "images": self.images})


def of_repeats(probabilities: np.ndarray, labels: np.ndarray, features: ByView, fold: np.ndarray) -> Calibration:
    """Calibrate a recipe by its cross-validation.

    Args:
        probabilities: of each image, by a model that has not been trained on it (repeats, images, classes).
        labels: class numbers (images,).
        features: of all images, of which view 0 is used.
        fold: the fold in which each image is held out, in one of the repeats (images,).
    """
    rows = novelty.sample(len(labels))
    of_images = features[rows, 0]
    cosines = novelty.held_out_cosines(of_images, fold[rows])
    return _calibrate(probabilities, labels, cosines, of_images)


def of_model(model: Classifier, train: Split, validation: Split, batch_size: int) -> Calibration:
    """Calibrate a model on the validation images: it has not been trained on them."""
    probabilities = batches.map_split(model, validation.images, batch_size, "calibration")
    of_train, of_validation = (
        batches.map_split(model.feature_extractor, split.images, batch_size, "calibration features")
        for split in (train, validation)
    )
    cosines = novelty.nearest_cosines(of_validation, novelty.references(of_train))
    return _calibrate(probabilities[None], validation.labels, cosines, of_train)


def _calibrate(probabilities: np.ndarray, labels: np.ndarray, cosines: np.ndarray, features: np.ndarray) -> Calibration:
    of_true_class = conformal.true_class_probabilities(probabilities, labels)
    return Calibration(len(labels), of_true_class, np.sort(cosines), novelty.references(features))


def load(folder: Path, model: Path) -> Calibration:
    """Read the calibration of the model in the folder `model`.

    Raises:
        UserError: the calibration is missing or damaged, or belongs to another model.
    """
    if not folder.is_dir():
        raise UserError(
            f"{model} has no calibration, which --coverage and --unknown need: get {folder} by `dvc pull {folder}`, or "
            "make it by `dvc repro`."
        )
    content = io.read_json(folder / FILE, {"model": str, "images": int})
    if content["model"] != weights_digest(model):
        raise UserError(f"{folder} is the calibration of another model than {model}: run `dvc checkout models`.")
    images = content["images"]
    probabilities, cosines = (arrays.open_npy(folder / f"{name}.npy", (None,)) for name in ("probabilities", "cosines"))
    if images < 1 or not len(cosines) or not len(probabilities) or len(probabilities) % images:
        raise UserError(f"{folder} is damaged: restore it by `dvc checkout {folder}`, or make it again by `dvc repro`.")
    references = arrays.open_npy(folder / "references.npy", (None, None))
    return Calibration(images, probabilities, cosines, references)


def weights_digest(model: Path) -> str:
    """The SHA-256 digest of a model's weights.

    Raises:
        UserError: the file is missing.
    """
    path = model / checkpoint.WEIGHTS
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): make it again with `dvc repro`.") from None
