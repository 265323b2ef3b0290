"""predict.py on the models of a tiny project: the same predictions as the pipeline's own, and what is wrong said."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transfer.interface.errors import UserError

from runs import ROOT, run_python
from transfer.inference import inputs
from transfer.inference import outputs

pytestmark = pytest.mark.xdist_group("project")


@pytest.fixture(scope="module")
def models(project, tmp_path_factory):
    """predict.py and the library beside nothing but models/."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(project[0] / "models", folder / "models")
    shutil.copy(ROOT / "predict.py", folder)
    return folder


def predict(folder, *words):
    return run_python(folder, "predict.py", *map(str, words))


@pytest.mark.parametrize("model", ["train_tl", "finetune"])
def test_predictions_are_the_pipelines_own_in_every_digit(project, models, tmp_path, model):
    test = project[0] / "dataset_images/test"
    done = predict(models, test, "--model", model, "--output", tmp_path / "found.csv")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found = pd.read_csv(tmp_path / "found.csv", keep_default_na=False)
    assert list(found.columns) == ["path", "predicted", "probability", "p_a b", "p_null", "p_é"]
    expected = pd.read_csv(project[0] / "plots/predictions.csv", keep_default_na=False)
    expected = expected[expected["model"] == model]
    assert found["path"].tolist() == [f"{project[0]}/dataset_images/{path}" for path in expected["path"]]
    assert found["predicted"].tolist() == expected["predicted"].tolist()
    assert found["probability"].tolist() == expected["probability"].tolist()
    assert found[["p_a b", "p_null", "p_é"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(6), abs=2e-4)
    # However many are asked for at once: one alone, or more than one batch of them in another order
    one = test / "é/01.png"
    for given in ([one], [project[0] / "dataset_images/train", one, test]):
        done = predict(models, *given, "--model", model, "--output", tmp_path / "again.csv")
        assert done.returncode == 0
        rows = list(csv.DictReader((tmp_path / "again.csv").open(encoding="utf-8")))
        assert len(rows) == 1 or len(rows) > 2 * 8
        again = [row for row in rows if row["path"] == str(one)]
        assert again == [{key: str(value) for key, value in found[found["path"] == str(one)].iloc[0].items()}] * len(
            again
        )


def test_bad_files_are_a_line_each_and_the_rest_goes_on(project, models, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(project[0] / "dataset_images/test/a b", images)
    broken = images / "00.png"
    broken.write_bytes(broken.read_bytes()[:-60])
    (tmp_path / "empty").mkdir()
    done = predict(models, images, tmp_path / "empty", tmp_path / "gone.jpg", "--output", tmp_path / "found.csv")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and "Traceback" not in done.stderr
    assert "empty holds no image" in lines[0]
    assert "gone.jpg does not exist" in lines[1]
    assert "00.png is broken" in lines[2]
    assert [row["path"] for row in csv.DictReader((tmp_path / "found.csv").open())] == [f"{images}/01.png"]


def test_without_an_output_there_is_a_line_for_each_image(project, models):
    done = predict(models, project[0] / "dataset_images/test/null")
    assert done.returncode == 0
    *rows, last = done.stdout.splitlines()
    assert len(rows) == 2 and rows[0].endswith("test/null/00.png")
    assert last.startswith("2 images by ")


def test_nothing_to_predict_fails_before_tensorflow_is_imported(models, tmp_path):
    script = "import runpy, sys; sys.argv = ['predict.py', 'gone']\n"
    script += "try:\n    runpy.run_path('predict.py', run_name='__main__')\n"
    script += "except SystemExit as end:\n    print(end.code, 'tensorflow' in sys.modules)\n"
    done = run_python(models, "-c", script)
    assert done.stdout.strip() == "1 False"
    assert "gone does not exist" in done.stderr


def test_a_path_is_told_as_it_was_given(tmp_path, photograph, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.png", "photos/deep/a.png", "one.png"):
        photograph(Path(name))
    given = ["./photos", "photos//deep", "./one.png", "../" + tmp_path.name + "/photos/"]
    found, faults = inputs.find_images(given)
    assert found == [
        "./photos/b.png",
        "./photos/deep/a.png",
        "photos//deep/a.png",
        "./one.png",
        f"../{tmp_path.name}/photos/b.png",
        f"../{tmp_path.name}/photos/deep/a.png",
    ]
    assert faults == []


def test_what_may_not_be_read_is_a_line_and_the_rest_goes_on(tmp_path, photograph, monkeypatch):
    for name in ("a/1.png", "a/locked/1.png", "b/1.png"):
        photograph(tmp_path / name)
    really, really_stat = Path.iterdir, Path.stat

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", lambda path: refused(path) if path.name == "locked" else really(path))
    monkeypatch.setattr(
        Path, "stat", lambda path, **how: refused(path) if path.name == "x.jpg" else really_stat(path, **how)
    )
    found, faults = inputs.find_images(
        [f"{tmp_path}/a", f"{tmp_path}/x.jpg", f"{tmp_path}/b", f"{tmp_path}/a/locked"]
    )
    assert found == [f"{tmp_path}/a/1.png", f"{tmp_path}/b/1.png"]
    locked = f"{tmp_path}/a/locked cannot be read (Permission denied): check its name and permissions."
    assert faults == [locked, locked.replace("a/locked", "x.jpg"), locked]
    [(_, fault)] = inputs.read_squares([f"{tmp_path}/x.jpg"], 8)
    assert str(fault) == f"{tmp_path}/x.jpg may not be read: change its permissions."


def test_a_link_to_a_folder_is_told_and_not_followed(tmp_path, photograph):
    photograph(tmp_path / "here/1.png")
    photograph(tmp_path / "there/2.png")
    (tmp_path / "here/linked").symlink_to(tmp_path / "there")
    found, [fault] = inputs.find_images([f"{tmp_path}/here"])
    assert found == [f"{tmp_path}/here/1.png"]
    assert fault.startswith(f"{tmp_path}/here/linked is a link to a folder, which is not followed")


@pytest.mark.parametrize("output", [".", "..", "folder", "folder/..", "one.jpg", "new.PNG", "/dev/null"])
def test_an_output_that_a_table_must_not_replace_is_refused_before_the_work(models, tmp_path, photograph, output):
    photograph(tmp_path / "one.jpg")
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "one.jpg").read_bytes()
    done = run_python(tmp_path, models / "predict.py", "one.jpg", "--output", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"--output {Path(output)} cannot be a table: name a new file, such as found.csv.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "one.jpg"]
    assert (tmp_path / "one.jpg").read_bytes() == before


def test_missing_models_are_told(tmp_path, project):
    shutil.copy(ROOT / "predict.py", tmp_path)
    done = predict(tmp_path, project[0] / "dataset_images/test")
    assert done.returncode == 1
    assert "models/train_tl/model.json is missing" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", 10**9), ("classes", [1, 2, 3]), ("dropout", 2), ("frozen_layers", -1)]
)
def test_a_model_with_a_value_that_no_training_writes_is_told(models, project, tmp_path, name, value):
    folder = shutil.copytree(models, tmp_path / "models")
    about = folder / "models/finetune/model.json"
    about.write_text(json.dumps(json.loads(about.read_text(encoding="utf-8")) | {name: value}), encoding="utf-8")
    done = predict(folder, project[0] / "dataset_images/test", "--model", "finetune")
    assert (done.returncode, done.stdout) == (1, "")
    told = f"model.json: {name} has a value that no training writes: restore the file or make it anew"
    assert told in done.stderr and done.stderr.count("\n") == 1


def test_images_come_in_batches_and_faults_on_the_side(tmp_path, photograph):
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    expected = [photograph(path, seed=number) for number, path in enumerate(paths)]
    paths[2].write_text("no image")
    refused: list[UserError] = []
    found = list(inputs.read_batches(list(map(str, paths)), 8, 3, refused.append))
    assert [[Path(path).name for path in names] for names, _ in found] == [["0.png", "1.png", "3.png"], ["4.png"]]
    assert found[0][1].shape == (3, 8, 8, 3) and found[1][1].shape == (1, 8, 8, 3)
    assert len(refused) == 1 and "2.png" in str(refused[0])
    # A square of the same size keeps the pixels: 8 by 6 is stretched, so only the mean is near
    assert found[1][1].mean() == pytest.approx(expected[4].mean(), abs=3)


def test_a_table_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), outputs.csv_writer(tmp_path / "found.csv", ["a", "b"]) as add:
        add(f"{tmp_path}/x.png", np.array([0.25, 0.75]))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with outputs.csv_writer(tmp_path / "found.csv", ["a", "b"]) as add:
        add(f"{tmp_path}/x, y.png", np.array([0.25, 0.75]))
    assert (tmp_path / "found.csv").read_text() == (
        f'path,predicted,probability,p_a,p_b\n"{tmp_path}/x, y.png",b,0.75,0.25,0.75\n'
    )
