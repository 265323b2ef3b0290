"""The exported files, on a small backbone: the same probabilities, in a process that imports nothing of the project."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transfer.interface.errors import UserError

from commands import export
from networks import lively
from runs import run_python
from commands.export import formats
from transfer.loading import prepared
from transfer.models import classifier

CLASSES = ["a", "b", "c"]
# Many images: the deepest maps are single points, and few of them would make rounding errors grow
MANY = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
IMAGES = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module", params=["train_tl", "finetune"])
def exported(request, tmp_path_factory):
    """A folder with the files, and what the original makes of the images."""
    folder = tmp_path_factory.mktemp(request.param)
    backbone = lively(MANY)
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=1)
    # Probabilities that depend on the image, but not on every last bit of its random features
    head.layers[-1].kernel.assign(head.layers[-1].kernel / 5)
    about = classifier.head_metadata(backbone.description(), CLASSES, 0.2, 8, {"accuracy": 0.5, "loss": 0.7})
    if request.param == "train_tl":
        classifier.save(folder / "model", head, about)
    else:
        tail = classifier.Tail(backbone.cut(140)[1], head)
        backbone.model.layers[151].kernel.assign(backbone.model.layers[151].kernel * 2)
        classifier.save(folder / "model", tail, about | {"frozen_layers": 140})
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


def test_the_keras_file_needs_nothing_of_the_project(exported):
    folder, expected = exported
    script = (
        "import keras, numpy, sys\n"
        "model = keras.saving.load_model('model.keras', safe_mode=True)\n"
        "numpy.save('found.npy', model.predict(numpy.load('images.npy').astype('float32'), verbose=0))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('transfer', 'stages', 'commands')])\n"
    )
    done = run_python(folder, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert np.abs(np.load(folder / "found.npy") - expected).max() < 1e-5


def test_litert_gives_the_same_probabilities(exported):
    folder, expected = exported
    [found] = formats.reader(folder / "model.tflite")(IMAGES)
    assert np.abs(found - expected).max() < 1e-4


def test_8_bits_are_a_quarter_of_the_size_and_near_the_original(exported):
    folder, expected = exported
    small, large = (folder / name for name in ("model_8bit.tflite", "model.tflite"))
    assert small.stat().st_size < 0.4 * large.stat().st_size
    [found] = formats.reader(small)(IMAGES)
    # Nearer than what another image's probabilities are
    others = np.abs(expected[:, None] - expected[None]).mean(axis=(1, 2))
    assert np.abs(found - expected).mean() < 0.5 * others.mean()


@pytest.mark.xdist_group("project")
def test_the_command_measures_the_files_that_it_writes(project, tmp_path, monkeypatch):
    folder = shutil.copytree(project[0], tmp_path / "project")
    done = run_python(folder, "-m", "commands.export", "out", "--model", "finetune")
    assert done.returncode == 0, done.stderr
    names = {"model.keras", "model.tflite", "model_8bit.tflite", "classes.txt", "accuracy.json"}
    assert {path.name for path in (folder / "out").iterdir()} == names
    assert (folder / "out/classes.txt").read_text(encoding="utf-8") == "a b\nnull\né\n"
    found = json.loads((folder / "out/accuracy.json").read_text())
    rows = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False).query("model == 'finetune'")
    right = (rows["actual"] == rows["predicted"]).mean()
    assert found["finetune"]["accuracy"] == found["model.keras"]["accuracy"] == pytest.approx(right, abs=1e-6)
    assert found["finetune"]["accuracy_low"] < right < found["finetune"]["accuracy_high"]
    assert found["model.keras"]["largest_difference"] < 1e-4 and found["model.tflite"]["largest_difference"] < 1e-4
    # The 8-bit file's accuracy, from the file anew, and against the original on the same images
    monkeypatch.chdir(folder)
    test = prepared.load_split("test")
    [probabilities] = formats.reader(folder / "out/model_8bit.tflite")(test.images)
    [wide] = formats.reader(folder / "out/model.tflite")(test.images)
    told = found["model_8bit.tflite"]
    assert told["accuracy"] == pytest.approx((probabilities.argmax(axis=1) == test.labels).mean(), abs=1e-6)
    assert told["largest_difference"] == pytest.approx(np.abs(probabilities - wide).max(), abs=1e-4)
    apart = (probabilities.argmax(axis=1) == test.labels).mean() - (wide.argmax(axis=1) == test.labels).mean()
    assert told["comparison"]["difference"] == pytest.approx(apart, abs=1e-6)
    # Of six images no difference is more than chance
    assert "cannot be told apart" in told["comparison"]["verdict"]


@pytest.mark.parametrize("folder", [".", "..", "models", "params.yaml"])
def test_an_export_replaces_nothing_but_an_export(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("models/model.json", "params.yaml"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError, match="holds something else than an earlier export: name a new folder"):
        export.check_folder(Path(folder))
    (tmp_path / "export").mkdir()
    (tmp_path / "export/model.keras").write_text("")
    export.check_folder(Path("export"))
    export.check_folder(Path("new"))


@pytest.mark.xdist_group("project")
def test_images_that_the_model_may_have_been_trained_on_are_no_test(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "project")
    table = folder / "plots/predictions.csv"
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows[rows["pixels"] != rows["pixels"][0]].to_csv(table, index=False)
    done = run_python(folder, "-m", "commands.export", "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "prepared/ has other test images than plots/predictions.csv: run `dvc repro`, then export again.\n"
    )
    assert not (folder / "out").exists()
