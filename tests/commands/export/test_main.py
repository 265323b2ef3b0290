"""`make export` on a project whose stages have run: the files, their measured accuracy, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands.export import __main__ as export
from commands.export import formats
from runs import run_forked
from transfer.interface.errors import UserError
from transfer.loading import prepared


@pytest.mark.xdist_group("project")
def test_the_command_measures_the_files_that_it_writes(project, tmp_path, monkeypatch):
    folder = shutil.copytree(project[0], tmp_path / "project")
    done = run_forked(folder, "-m", "commands.export", "out", "--model", "finetune")
    assert done.returncode == 0, done.stderr
    names = {"model.keras", "model.tflite", "model_8bit.tflite", "classes.txt", "preprocessing.json", "accuracy.json"}
    assert {path.name for path in (folder / "out").iterdir()} == names
    assert (folder / "out/classes.txt").read_text(encoding="utf-8") == "a b\nnull\né\n"
    model = json.loads((folder / "out/preprocessing.json").read_text(encoding="utf-8"))
    assert model == {"image_size": 32, "resize": {"fit": "squash", "antialias": False}}
    accuracy = json.loads((folder / "out/accuracy.json").read_text())
    rows = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False).query("model == 'finetune'")
    right = (rows["actual"] == rows["predicted"]).mean()
    assert accuracy["finetune"]["accuracy"] == accuracy["model.keras"]["accuracy"] == pytest.approx(right, abs=1e-6)
    assert accuracy["finetune"]["accuracy_low"] < right < accuracy["finetune"]["accuracy_high"]
    assert accuracy["model.keras"]["largest_difference"] < 1e-4
    assert accuracy["model.tflite"]["largest_difference"] < 1e-4
    # The accuracy of the 8-bit file, computed again from the file and compared with the original's on the same images.
    monkeypatch.chdir(folder)
    test = prepared.load_split("test")
    [narrow] = formats.load(folder / "out/model_8bit.tflite")(test.images)
    [wide] = formats.load(folder / "out/model.tflite")(test.images)
    narrow_right, wide_right = (output.argmax(axis=1) == test.labels for output in (narrow, wide))
    of_8bit = accuracy["model_8bit.tflite"]
    assert of_8bit["accuracy"] == pytest.approx(narrow_right.mean(), abs=1e-6)
    assert of_8bit["largest_difference"] == pytest.approx(np.abs(narrow - wide).max(), abs=1e-4)
    assert of_8bit["comparison"]["difference"] == pytest.approx(narrow_right.mean() - wide_right.mean(), abs=1e-6)
    # On six images, no difference is more than chance.
    assert "cannot be told apart" in of_8bit["comparison"]["verdict"]


@pytest.mark.parametrize("folder", [".", "..", "models", "params.yaml"])
def test_an_export_replaces_only_an_export(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("models/model.json", "params.yaml"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError, match="is neither a new folder nor an earlier export: name a new folder"):
        export.check_folder(Path(folder))
    (tmp_path / "export").mkdir()
    (tmp_path / "export/model.keras").write_text("")
    export.check_folder(Path("export"))
    export.check_folder(Path("new"))


@pytest.mark.xdist_group("project")
def test_test_images_that_the_model_may_have_been_trained_on_are_an_error(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "project")
    table = folder / "plots/predictions.csv"
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows[rows["pixels"] != rows["pixels"][0]].to_csv(table, index=False)
    done = run_forked(folder, "-m", "commands.export", "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "prepared/ and plots/predictions.csv have different test images: run `dvc repro`, then export again.\n"
    )
    assert not (folder / "out").exists()


@pytest.mark.xdist_group("project")
def test_images_that_became_squares_in_another_way_are_an_error(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "project")
    (folder / "prepared/resize.json").write_text('{"fit": "crop", "antialias": false}')
    done = run_forked(folder, "-m", "commands.export", "out", "--model", "finetune")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "prepared/ has images that became squares in another way than those of models/finetune/: run `dvc repro`, then "
        "export again.\n"
    )
    assert not (folder / "out").exists()
