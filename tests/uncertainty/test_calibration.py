"""The calibration beside a model: what is stored, and what is refused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.uncertainty import calibration

# Two repeats of three images of two classes.
PROBABILITIES = np.array([[[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [[0.8, 0.2], [0.5, 0.5], [0.2, 0.8]]])
LABELS = np.array([0, 1, 1])
FEATURES = np.array([[1.0, 0], [3, 4], [0, 2]], np.float32)


@pytest.fixture
def folders(tmp_path):
    """The folder of a calibration and that of its model."""
    model = tmp_path / "models/train_tl"
    model.mkdir(parents=True)
    (model / "trained.weights.h5").write_bytes(b"weights")
    calibrated = calibration.of_repeats(PROBABILITIES, LABELS, FEATURES[:, None], np.array([0, 1, 2]))
    calibrated.save(tmp_path / "calibration", model)
    return tmp_path / "calibration", model


def test_a_calibration_is_read_as_it_was_written(folders):
    read = calibration.load(*folders)
    assert read.images == 3
    assert read.probabilities.tolist() == pytest.approx([0.4, 0.5, 0.7, 0.8, 0.8, 0.9])
    # Nearest to each feature is (3, 4), and to that (0, 2).
    assert read.cosines.tolist() == pytest.approx([0.6, 0.8, 0.8])
    assert read.references == pytest.approx(np.array([[1, 0], [0.6, 0.8], [0, 1]]))


def test_a_model_is_calibrated_on_the_validation_images_and_compared_with_the_training_images():
    def extract(images):
        return [FEATURES[images[:, 0]]]

    class Model:
        feature_extractor = staticmethod(extract)

        def __call__(self, images):
            return [PROBABILITIES[0][images[:, 0]]]

    train = SimpleNamespace(images=np.array([[0], [2]]), labels=LABELS[[0, 2]])
    validation = SimpleNamespace(images=np.array([[1]]), labels=LABELS[[1]])
    calibrated = calibration.of_model(Model(), train, validation, 2)
    assert (calibrated.images, calibrated.probabilities.tolist()) == (1, pytest.approx([0.4]))
    assert calibrated.cosines.tolist() == pytest.approx([0.8])
    assert calibrated.references == pytest.approx(np.array([[1, 0], [0, 1]]))


def test_a_missing_calibration_is_an_error_that_says_how_to_get_it(folders, tmp_path):
    with pytest.raises(UserError, match=r"train_tl has no calibration.*get .*gone by `dvc pull .*gone`, or make it"):
        calibration.load(tmp_path / "gone", folders[1])


def test_the_calibration_of_another_model_is_refused(folders):
    (folders[1] / "trained.weights.h5").write_bytes(b"other weights")
    with pytest.raises(UserError, match=r"is the calibration of another model than .*train_tl: run `dvc checkout"):
        calibration.load(*folders)


@pytest.mark.parametrize("name", ["calibration.json", "probabilities.npy", "cosines.npy", "references.npy"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x93NUMPY\x01\x00"])
def test_a_damaged_calibration_is_one_sentence(folders, name, content):
    (folders[0] / name).unlink() if content is None else (folders[0] / name).write_bytes(content)
    with pytest.raises(UserError, match="dvc repro"):
        calibration.load(*folders)


@pytest.mark.parametrize("images", [0, -1, 4])
def test_a_number_of_images_that_does_not_fit_is_refused(folders, images):
    path = folders[0] / "calibration.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"images": images}))
    with pytest.raises(UserError, match="is damaged"):
        calibration.load(*folders)
