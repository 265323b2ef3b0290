"""Training on several devices: the steps of one device, apart from rounding, and the same after a kill."""

import json
import signal

import numpy as np
import pytest

from runs import ROOT, run_python
from transfer.training.loop import deal

# 49 images in batches of 16: the last batch has one image, which leaves none for the second device.
DRIVER = """
import json, os, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from devices import divide_processor
from runs import recipe
from transfer.caching import state_file
from transfer.models import classifier, tensorflow
from transfer.models.tensorflow import keras
from transfer.training import folding, loop

devices, last_epoch, dropout = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
divide_processor(devices)
state_file.MAX_LOSS = -1
tensorflow.start(1)
assert tensorflow.use_all_devices() == devices
images = keras.Input((6, 6, 3))
tensor = keras.layers.Conv2D(8, 3, kernel_initializer=keras.initializers.GlorotUniform(2))(images)
rest = keras.Model(images, keras.layers.ReLU()(keras.layers.BatchNormalization()(tensor)))
tail = classifier.Tail(folding.fold(rest), classifier.new_head(8, 3, dropout, 1))
generator = np.random.default_rng(0)
labels = generator.integers(0, 3, 49)
pixels = (generator.normal(size=(49, 6, 6, 3)) + labels[:, None, None, None]).astype(np.float32)

def batches(order):
    return (([pixels[rows]], labels[rows]) for rows in np.split(order, [16, 32, 48]))

def after_epoch(epoch):
    if epoch.number == last_epoch:
        os.kill(os.getpid(), signal.SIGKILL)

values = {"epochs": 5, "learning_rate": 0.01, "weight_decay": 0.01, "label_smoothing": 0.1, "patience": None}
fit = loop.fit(
    tail,
    lambda epoch: batches(np.random.default_rng(epoch).permutation(49)),
    lambda: batches(np.arange(49)),
    recipe(**values, class_weights="balanced"),
    labels=labels,
    steps_per_epoch=4,
    after_epoch=after_epoch,
    description="test",
    state=Path("state.npz"),
)
weights = [variable.numpy().ravel().tolist() for variable in tail.trainable_variables]
print(json.dumps([[[epoch.train, epoch.validation] for epoch in fit.epochs], sum(weights, [])]))
"""


def train(folder, devices, *, killed_after=-1, dropout=0.4):
    folder.mkdir(exist_ok=True)
    words = (str(ROOT / "tests"), str(devices), str(killed_after), str(dropout))
    process = run_python(folder, "-c", DRIVER, *words)
    if killed_after >= 0:
        assert process.returncode == -signal.SIGKILL, process.stderr
        return None
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def flat(epochs):
    return [value for epoch in epochs for logs in epoch for value in logs.values()]


@pytest.mark.slow
def test_several_devices_make_the_steps_of_one_also_after_a_kill(tmp_path):
    """With dropout and class weights, and with a batch that leaves a device without an image."""
    one, two, three = (train(tmp_path / str(devices), devices) for devices in (1, 2, 3))
    assert len(one[0]) == 5 and one[0][0] != one[0][-1]
    for several in (two, three):
        assert flat(several[0]) == pytest.approx(flat(one[0]), rel=1e-5)
        assert several[1] == pytest.approx(one[1], abs=1e-6)
    # The features that are dropped matter: without dropout, the training is another one.
    assert flat(train(tmp_path / "without", 2, dropout=0.0)[0]) != pytest.approx(flat(one[0]), rel=1e-3)
    train(tmp_path / "killed", 2, killed_after=2)
    assert (tmp_path / "killed/state.npz").exists()
    assert train(tmp_path / "killed", 2) == two


def test_images_are_dealt_in_turn_and_weighted_to_the_mean_over_the_batch():
    inputs, targets = [np.arange(5), np.arange(5) * 10], np.arange(5) * 100
    first, second = deal((inputs, targets, np.array([1, 1, 2, 1, 3], np.float32)), 2)
    assert [array.tolist() for array in (*first[0], first[1])] == [[0, 2, 4], [0, 20, 40], [0, 200, 400]]
    assert [array.tolist() for array in (*second[0], second[1])] == [[1, 3], [10, 30], [100, 300]]
    # The mean over a device's images and then over both devices is a fifth of each image, times its weight.
    np.testing.assert_allclose(first[2] / 3 / 2, np.array([1, 2, 3]) / 5, rtol=1e-6)
    np.testing.assert_allclose(second[2] / 2 / 2, np.array([1, 1]) / 5, rtol=1e-6)
    assert first[3].tolist() == [1, 1, 1] and second[3].tolist() == [1, 1]


def test_a_device_without_an_image_gets_one_that_does_not_count():
    first, second = deal((np.array([7]), np.array([8])), 2)
    assert (first[0], first[1], first[2], first[3]) == (7, 8, 2, 1)
    assert (second[0], second[1], second[2], second[3]) == (7, 8, 0, 0)


@pytest.mark.slow
def test_fine_tuning_on_two_devices_agrees_with_one(project, tmp_path):
    folder, _ = project
    one = json.loads((folder / "results/finetune/metrics/finetune.json").read_text())
    (tmp_path / "models").mkdir()
    for name in ("params.yaml", "prepared", "models/backbone", "models/train_tl"):
        (tmp_path / name).symlink_to(folder / name)
    process = run_python(tmp_path, str(ROOT / "tests/devices.py"), "2", "stages.finetune")
    assert process.returncode == 0, process.stderr
    two = json.loads((tmp_path / "results/finetune/metrics/finetune.json").read_text())
    assert two["rounds"]["1"]["validation"] == pytest.approx(one["rounds"]["1"]["validation"], rel=1e-3)
    assert two["rounds"]["2"]["train"]["loss"] == pytest.approx(one["rounds"]["2"]["train"]["loss"], rel=1e-3)
    assert (tmp_path / "models/finetune/trained.weights.h5").exists()
