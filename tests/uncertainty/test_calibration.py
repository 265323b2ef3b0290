"""The calibrations beside the models: what is stored, and what is refused."""

import json

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.uncertainty import calibration
from transfer.uncertainty.out_of_fold import OutOfFold

# Two repeats of three images of two classes.
PROBABILITIES = np.array([[[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [[0.8, 0.2], [0.5, 0.5], [0.2, 0.8]]])
LABELS = np.array([0, 1, 1])
FEATURES = np.array([[1.0, 0], [3, 4], [0, 2]], np.float32)
NAME = "train_tl"
METADATA = {
    **{"classes": ["a", "b"], "image_size": 8, "frozen_layers": 1, "dropout": 0, "batch_size": 1},
    **{"validation": {"accuracy": 1, "loss": 0}, "backbone": {"channels": 2}},
}


@pytest.fixture
def calibrated(make_split, monkeypatch):
    """The head's calibration without temperature scaling."""
    monkeypatch.setattr(calibration.temperature, "fit", lambda probabilities, labels: 1.0)
    splits = {"train": make_split("train", LABELS[:2]), "validation": make_split("validation", LABELS[2:])}
    held_out = OutOfFold({}, splits, LABELS, PROBABILITIES, PROBABILITIES[0], np.array(["0", "1", "2"]))
    return calibration.of_recipe(held_out, {"train": FEATURES[:2], "validation": FEATURES[2:]})


@pytest.fixture
def models(tmp_path, calibrated):
    """The folder of all models: one of them, and its calibration."""
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "trained.weights.h5").write_bytes(b"weights")
    (tmp_path / NAME / "model.json").write_text(json.dumps(METADATA))
    calibration.save(tmp_path, {NAME: calibrated})
    return tmp_path


def test_a_calibration_is_read_as_it_was_written(models):
    read = calibration.load(models, NAME)
    assert (read.images, read.temperature) == (3, 1)
    assert read.probabilities.tolist() == pytest.approx([0.4, 0.5, 0.7, 0.8, 0.8, 0.9])
    # Nearest to each feature is (3, 4), and to that (0, 2).
    assert read.cosines.tolist() == pytest.approx([0.6, 0.8, 0.8])
    assert read.references == pytest.approx(np.array([[1, 0], [0.6, 0.8], [0, 1]]))
    assert {path.suffix for path in (models / "calibration").rglob("*.*")} == {".json", ".npy"}


def test_images_of_one_fold_are_not_compared(make_split):
    splits = {"train": make_split("train", LABELS[:2]), "validation": make_split("validation", LABELS[2:])}
    held_out = OutOfFold({}, splits, LABELS, PROBABILITIES, PROBABILITIES[0], np.array(["0", "1", "1"]))
    of_recipe = calibration.of_recipe(held_out, {"train": FEATURES[:2], "validation": FEATURES[2:]})
    assert of_recipe.cosines.tolist() == pytest.approx([0, 0.6, 0.6])


def test_the_sample_of_a_large_dataset_has_images_of_both_splits(make_split, monkeypatch):
    monkeypatch.setattr(calibration.novelty, "MOST_REFERENCES", 3)
    splits = {"train": make_split("train", [0, 1, 0, 1]), "validation": make_split("validation", [1])}
    probabilities = np.tile([0.6, 0.4], (1, 5, 1))
    features = np.eye(5, dtype=np.float32)
    held_out = OutOfFold({}, splits, np.array([0, 1, 0, 1, 1]), probabilities, probabilities[0], np.arange(5))
    of_recipe = calibration.of_recipe(held_out, {"train": features[:4], "validation": features[4:]})
    assert (of_recipe.references == features[[0, 2, 4]]).all() and of_recipe.images == 5


def test_a_model_is_calibrated_on_validation_images_and_compared_with_training_images(monkeypatch):
    # Of four images with 0.9 for class 0, three are of class 0: halved logits give them 0.75, and the fourth 0.25.
    probabilities, labels = np.tile([0.9, 0.1], (4, 1)), np.array([0, 0, 0, 1])
    of_model = calibration.of_model(probabilities, labels, FEATURES[[1, 1, 1, 1]], FEATURES[[0, 2]])
    assert (of_model.images, of_model.temperature) == (4, pytest.approx(2, abs=1e-4))
    assert of_model.probabilities.tolist() == pytest.approx([0.25, 0.75, 0.75, 0.75], abs=1e-4)
    assert of_model.cosines.tolist() == pytest.approx([0.8] * 4)
    assert of_model.references == pytest.approx(np.array([[1, 0], [0, 1]]))


def test_a_folder_of_models_without_calibrations_has_none(tmp_path):
    assert calibration.load(tmp_path, NAME) is None
    sentence = calibration.missing(tmp_path, NAME)
    assert sentence.startswith(
        f"{tmp_path}/calibration is missing, so the probabilities of train_tl are not calibrated"
    )


@pytest.mark.parametrize("name", ["trained.weights.h5", "model.json"])
def test_the_calibration_of_another_model_is_refused(models, name):
    (models / NAME / name).write_bytes(b"other bytes")
    with pytest.raises(UserError, match=r"is the calibration of another model than .*train_tl: run `dvc checkout"):
        calibration.load(models, NAME)


@pytest.mark.parametrize("name", ["calibration.json", "probabilities.npy", "cosines.npy", "references.npy"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x93NUMPY\x01\x00"])
def test_a_damaged_calibration_is_one_sentence(models, name, content):
    path = models / "calibration" / NAME / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match="dvc repro"):
        calibration.load(models, NAME)


@pytest.mark.parametrize(
    ("key", "value"),
    [*(("images", number) for number in (0, -1, 4)), *(("temperature", value) for value in (0, -1, 100))],
)
def test_values_that_no_stage_writes_are_refused(models, key, value):
    path = models / "calibration" / NAME / "calibration.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UserError, match="is damaged"):
        calibration.load(models, NAME)


@pytest.mark.parametrize(("name", "shape"), [("references", (3, 5)), ("cosines", (0,)), ("probabilities", (0,))])
def test_arrays_of_another_size_are_refused(models, name, shape):
    np.save(models / "calibration" / NAME / f"{name}.npy", np.zeros(shape, np.float32))
    with pytest.raises(UserError, match=f"{NAME}"):
        calibration.load(models, NAME)
