"""The calibration of a model: what was seen on images that it has not been trained on.

It has a folder of its own, models/calibration/<model>/, because another stage than the model's writes it:

    calibration.json    the model that it belongs to, the number of calibration images, and the temperature
    probabilities.npy   calibrated ones of the true classes of these images, ascending (see `conformal`)
    cosines.npy         of these images with the nearest reference, ascending (see `novelty`)
    references.npy      features of the dataset (see `novelty`)
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transfer.common import arrays, atomic, io
from transfer.interface.errors import UserError
from transfer.models import checkpoint
from transfer.uncertainty import conformal, novelty, temperature
from transfer.uncertainty.extraction import Features
from transfer.uncertainty.out_of_fold import OutOfFold

NAME, FILE = "calibration", "calibration.json"
ARRAYS = ("probabilities", "cosines", "references")


@dataclass(frozen=True)
class Calibration:
    """The calibration of one model.

    Attributes:
        images: the number of calibration images.
        temperature: what the logits are divided by.
        probabilities: of the true classes, calibrated, ascending (repeats x images,).
        cosines: of the features with the nearest reference, ascending.
        references: features of the dataset, as unit vectors (references, channels).
    """

    images: int
    temperature: float
    probabilities: np.ndarray
    cosines: np.ndarray
    references: np.ndarray


def of_recipe(held_out: OutOfFold, features: Mapping[str, Features]) -> Calibration:
    """Calibrate the head by the cross-validation of its recipe.

    Args:
        features: by split.
    """
    rows = novelty.sample(len(held_out.labels))
    starts = np.cumsum([0, *map(len, held_out.splits.values())])
    of_rows = np.concatenate(
        [
            features[name][rows[(start <= rows) & (rows < end)] - start]
            for name, start, end in zip(held_out.splits, starts[:-1], starts[1:], strict=True)
        ]
    )
    cosines = novelty.held_out_cosines(of_rows, held_out.fold[rows])
    return _calibrate(held_out.probabilities, held_out.labels, cosines, of_rows)


def of_model(probabilities: np.ndarray, labels: np.ndarray, features: np.ndarray, train: Features) -> Calibration:
    """Calibrate a model on images that it has not been trained on, such as the validation images.

    Args:
        probabilities: (images, classes).
        labels: class numbers (images,).
        features: (images, channels).
        train: the features of the images that the model has been trained on.
    """
    of_train = train[novelty.sample(len(train))]
    cosines = novelty.nearest_cosines(features, novelty.references(of_train))
    return _calibrate(probabilities[None], labels, cosines, of_train)


def _calibrate(probabilities: np.ndarray, labels: np.ndarray, cosines: np.ndarray, features: np.ndarray) -> Calibration:
    best = temperature.fit(probabilities, labels)
    of_true_class = conformal.true_class_probabilities(temperature.scale(probabilities, best), labels)
    return Calibration(len(labels), best, of_true_class, np.sort(cosines), novelty.references(features))


def save(models: Path, calibrations: Mapping[str, Calibration]) -> None:
    """Write the calibrations of these models, by name, atomically.

    Args:
        models: the folder of all models.
    """
    with atomic.folder(models / NAME) as partial:
        for name, calibration in calibrations.items():
            (partial / name).mkdir()
            for array in ARRAYS:
                np.save(partial / name / f"{array}.npy", getattr(calibration, array))
            facts = {"images": calibration.images, "temperature": calibration.temperature}
            io.write_json(partial / name / FILE, {"model": model_digest(models / name), **facts})


def load(models: Path, name: str) -> Calibration | None:
    """Read the calibration of the model `name`; None if there are no calibrations at all.

    Args:
        models: the folder of all models.

    Raises:
        UserError: the calibration or the metadata of the model are damaged, or they do not belong together.
    """
    if not (models / NAME).exists():
        return None
    folder = models / NAME / name
    facts = io.read_json(folder / FILE, {"model": str, "images": int, "temperature": io.NUMBER})
    if facts["model"] != model_digest(models / name):
        raise UserError(
            f"{folder} is the calibration of another model than {models / name}: run `dvc checkout models`, or make it "
            "again by `dvc repro`."
        )
    shapes = (None,), (None,), (None, checkpoint.read_metadata(models / name)["backbone"]["channels"])
    opened = [arrays.open_npy(folder / f"{array}.npy", shape) for array, shape in zip(ARRAYS, shapes, strict=True)]
    images, of_model = facts["images"], facts["temperature"]
    is_temperature = temperature.SMALLEST <= of_model <= temperature.LARGEST
    if images < 1 or len(opened[0]) % images or not all(map(len, opened)) or not is_temperature:
        raise UserError(f"{folder} is damaged: restore it by `dvc checkout {folder}`, or make it again by `dvc repro`.")
    return Calibration(images, of_model, *opened)


def missing(models: Path, name: str) -> str:
    """A sentence for a model without a calibration."""
    folder = models / NAME
    return (
        f"{folder} is missing, so the probabilities of {name} are not calibrated: get it by `dvc pull {folder}`, or "
        "make it by `dvc repro`."
    )


def model_digest(folder: Path) -> str:
    """The SHA-256 digest of the files of a model."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()
