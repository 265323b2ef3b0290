"""The exported files of a small backbone: their probabilities, also in a process that does not import the project."""

import numpy as np
import pytest

from commands.export import formats
from networks import lively
from runs import run_python
from transfer.models import classifier

# One worker makes each exported folder once.
pytestmark = pytest.mark.xdist_group("export")

CLASSES = ["a", "b", "c"]
SQUASH = {"fit": "squash", "antialias": False}
# Many images: the deepest maps are single points, and statistics of few of them would amplify rounding errors.
MANY = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
IMAGES = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module", params=["train_tl", "finetune"])
def exported(request, tmp_path_factory):
    """A folder with the files, and the original's probabilities of the images."""
    folder = tmp_path_factory.mktemp(request.param)
    backbone = lively(MANY)
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=1)
    # Smaller weights: the probabilities depend on the image, but not on the last bits of its random features.
    head.layers[-1].kernel.assign(head.layers[-1].kernel / 5)
    metadata = classifier.head_metadata(backbone.description(), CLASSES, SQUASH, 0.2, 8, {"accuracy": 0.5, "loss": 0.7})
    if request.param == "train_tl":
        classifier.save(folder / "model", head, metadata)
    else:
        tail = classifier.Tail(backbone.cut(140)[1], head)
        backbone.model.layers[151].kernel.assign(backbone.model.layers[151].kernel * 2)
        classifier.save(folder / "model", tail, metadata | {"frozen_layers": 140})
        backbone = lively(MANY)
    original = classifier.load(folder / "model", backbone, CLASSES)
    [expected] = original(IMAGES)
    assert np.ptp(expected, axis=0).max() > 0.01
    model = formats.keras_model(backbone, original)
    model.save(folder / "model.keras")
    (folder / "model.tflite").write_bytes(formats.litert(model))
    (folder / "model_8bit.tflite").write_bytes(formats.litert(model, IMAGES))
    np.save(folder / "images.npy", IMAGES)
    return folder, expected


def test_the_keras_file_does_not_need_the_project(exported):
    folder, expected = exported
    script = (
        "import keras, numpy, sys\n"
        "model = keras.saving.load_model('model.keras', safe_mode=True)\n"
        "output = model.predict(numpy.load('images.npy').astype('float32'), verbose=0)\n"
        "numpy.save('probabilities.npy', output)\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('transfer', 'stages', 'commands')])\n"
    )
    done = run_python(folder, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert np.abs(np.load(folder / "probabilities.npy") - expected).max() < 1e-5


def test_the_litert_file_gives_the_same_probabilities(exported):
    folder, expected = exported
    [probabilities] = formats.load(folder / "model.tflite")(IMAGES)
    assert np.abs(probabilities - expected).max() < 1e-4


def test_the_8_bit_file_is_less_than_half_the_size_and_close_to_the_original(exported):
    folder, expected = exported
    small, large = (folder / name for name in ("model_8bit.tflite", "model.tflite"))
    assert small.stat().st_size < 0.4 * large.stat().st_size
    [probabilities] = formats.load(small)(IMAGES)
    # Closer than the probabilities of different images are to each other.
    others = np.abs(expected[:, None] - expected[None]).mean(axis=(1, 2))
    assert np.abs(probabilities - expected).mean() < 0.5 * others.mean()
