"""predict.py with the models of a small project: the pipeline's predictions, and its errors."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from runs import ROOT, run_forked, run_python

BAD_RESIZES = [
    {"fit": "stretch", "antialias": False},
    {"fit": ["crop"], "antialias": False},
    {"fit": "crop", "antialias": "yes"},
    {"fit": "crop"},
    "crop",
    None,
]

pytestmark = pytest.mark.xdist_group("project")


@pytest.fixture(scope="module")
def models(project, tmp_path_factory):
    """A folder with predict.py and models/ only; the library is imported from the repository."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(project[0] / "models", folder / "models")
    shutil.copy(ROOT / "predict.py", folder)
    return folder


def predict(folder, *arguments):
    """Run predict.py; the status may be any."""
    return run_forked(folder, "predict.py", *map(str, arguments))


@pytest.mark.parametrize("model", ["train_tl", "finetune"])
def test_predictions_equal_those_of_the_pipeline_in_every_digit(project, models, tmp_path, model):
    test = project[0] / "dataset_images/test"
    done = predict(models, test, "--model", model, "--output", tmp_path / "predictions.csv")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    predictions = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False)
    assert list(predictions.columns) == ["path", "predicted", "probability", "p_a b", "p_null", "p_é"]
    expected = pd.read_csv(project[0] / "plots/predictions.csv", keep_default_na=False)
    expected = expected[expected["model"] == model]
    assert predictions["path"].tolist() == [f"{project[0]}/dataset_images/{path}" for path in expected["path"]]
    assert predictions["predicted"].tolist() == expected["predicted"].tolist()
    assert predictions["probability"].tolist() == expected["probability"].tolist()
    assert predictions[["p_a b", "p_null", "p_é"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(6), abs=2e-4)
    # They do not depend on the other images: an image alone, and among several batches in another order.
    image = test / "é/01.png"
    row = {key: str(value) for key, value in predictions[predictions["path"] == str(image)].iloc[0].items()}
    for paths in ([image], [project[0] / "dataset_images/train", image, test]):
        done = predict(models, *paths, "--model", model, "--output", tmp_path / "again.csv")
        assert done.returncode == 0
        rows = list(csv.DictReader((tmp_path / "again.csv").open(encoding="utf-8")))
        assert len(rows) == 1 or len(rows) > 2 * 8
        again = [other for other in rows if other["path"] == str(image)]
        assert again == [row] * len(again)


@pytest.mark.parametrize("model", ["train_tl", "finetune"])
def test_sets_of_classes_hold_the_predicted_one_and_grow_with_the_coverage(project, models, tmp_path, model):
    # 48 training and 6 validation images: the fine-tuned model is calibrated on the latter.
    sizes = []
    for coverage in (0.5, 0.8):
        done = predict(
            models,
            project[0] / "dataset_images/test",
            "--model",
            model,
            "--coverage",
            coverage,
            "--output",
            tmp_path / "a.csv",
        )
        assert (done.returncode, done.stderr) == (0, "")
        rows = list(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8")))
        assert list(rows[0]) == ["path", "predicted", "probability", "p_a b", "p_null", "p_é", "classes"]
        sets = [row["classes"].split("|") for row in rows]
        assert all(row["predicted"] in names for row, names in zip(rows, sets, strict=True))
        assert all(set(names) <= {"a b", "null", "é"} for names in sets)
        sizes.append(sum(map(len, sets)))
    assert sizes[0] <= sizes[1]


def test_images_are_unknown_below_the_cosine_of_the_calibration(project, models, tmp_path):
    folder = shutil.copytree(models, tmp_path / "models")
    images = project[0] / "dataset_images/train/null"
    done = predict(folder, images, "--model", "train_tl", "--unknown", "--output", tmp_path / "a.csv")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8")))
    # The images themselves are in the dataset.
    assert [row["unknown"] for row in rows] == ["no"] * 16
    # No image is as near as this.
    path = folder / "models/calibration/train_tl/cosines.npy"
    np.save(path, np.full_like(np.load(path), 1.5))
    done = predict(folder, images, "--model", "train_tl", "--unknown", "--coverage", "0.8")
    lines = done.stdout.splitlines()[:-1]
    assert len(lines) == 16 and all("  classes: " in line and line.endswith("  unknown: yes") for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--coverage", "0.9"],
            "--coverage 0.9 is too high for a model that was calibrated on 6 images: choose at most",
        ),
        (
            ["--unknown"],
            "--unknown needs a model that was calibrated on at least 19 images; this one was calibrated on 6.",
        ),
    ],
)
def test_too_few_calibration_images_are_an_error_before_the_work(project, models, options, message):
    done = predict(models, project[0] / "dataset_images/test", "--model", "finetune", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert message in done.stderr


@pytest.mark.parametrize("share", ["0", "1", "90", "nan", "most"])
def test_a_coverage_that_is_not_a_share_is_refused(models, share):
    done = predict(models, ".", "--coverage", share)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        f"argument --coverage: {share} is not a share between 0 and 1, such as 0.9"
    )


def test_a_model_without_a_calibration_predicts_and_says_so_but_cannot_say_no(project, models, tmp_path):
    folder = shutil.copytree(models, tmp_path / "models")
    shutil.rmtree(folder / "models/calibration")
    images = project[0] / "dataset_images/test/null"
    done = predict(folder, images, "--model", "train_tl")
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert (
        "models/calibration is missing, so the probabilities of train_tl are not calibrated: get it by" in done.stderr
    )
    done = predict(folder, images, "--model", "train_tl", "--unknown")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "--coverage and --unknown need models/calibration, which is missing: get it by" in done.stderr


def test_probabilities_are_divided_by_the_temperature(project, models, tmp_path):
    folder = shutil.copytree(models, tmp_path / "models")
    images = project[0] / "dataset_images/test"
    path = folder / "models/calibration/train_tl/calibration.json"
    content = json.loads(path.read_text())
    tables = {}
    for temperature in (1, 0.05):
        path.write_text(json.dumps(content | {"temperature": temperature}))
        assert predict(folder, images, "--model", "train_tl", "--output", tmp_path / "a.csv").returncode == 0
        tables[temperature] = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    columns = ["p_a b", "p_null", "p_é"]
    before, after = (tables[temperature][columns].to_numpy() for temperature in (1, 0.05))
    assert tables[1]["predicted"].tolist() == tables[0.05]["predicted"].tolist()
    # Four decimals before, to the power of 20, are about two decimals after.
    expected = before**20 / (before**20).sum(axis=1, keepdims=True)
    assert after == pytest.approx(expected, abs=5e-3) and np.abs(after - before).max() > 0.01


def test_images_become_squares_as_the_model_records(tmp_path, monkeypatch):
    import predict as program  # imported late, like the models: TensorFlow takes seconds
    from transfer.models import backbone, classifier

    pixels = np.random.default_rng(3).integers(0, 256, (8, 20, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "1.png")
    crop = {"fit": "crop", "antialias": False}
    metadata = {"classes": ["a", "b"], "image_size": 8, "resize": crop, "batch_size": 1}
    batches = []

    class Model:
        head = staticmethod(lambda features, training: Tensor())

        def feature_extractor(self, images):
            batches.append(images)
            return [np.zeros((1, 3))]

        __call__ = feature_extractor

    class Tensor:
        def numpy(self):
            return np.array([[0.25, 0.75]])

    monkeypatch.setattr(program.model_choice, "choose_model", lambda folder, requested: ("finetune", metadata))
    monkeypatch.setattr(program.calibration, "load", lambda models, name: None)
    monkeypatch.setattr(backbone, "load", lambda folder: None)
    monkeypatch.setattr(classifier, "load", lambda folder, backbone, classes: Model())
    monkeypatch.setattr("sys.argv", ["predict.py", f"{tmp_path}/1.png"])
    program.main()
    assert np.array_equal(batches[-1], [pixels[:, 6:14]])


def test_each_bad_path_is_one_line_and_the_other_images_are_predicted(project, models, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(project[0] / "dataset_images/test/a b", images)
    broken = images / "00.png"
    broken.write_bytes(broken.read_bytes()[:-60])
    (tmp_path / "empty").mkdir()
    done = predict(models, images, tmp_path / "empty", tmp_path / "gone.jpg", "--output", tmp_path / "predictions.csv")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and "Traceback" not in done.stderr
    assert "empty has no image: name a folder of photographs" in lines[0]
    assert "gone.jpg does not exist" in lines[1]
    assert "00.png is broken" in lines[2]
    assert [row["path"] for row in csv.DictReader((tmp_path / "predictions.csv").open())] == [f"{images}/01.png"]


def test_without_an_output_each_image_is_one_line(project, models):
    done = predict(models, project[0] / "dataset_images/test/null")
    assert done.returncode == 0
    *rows, last = done.stdout.splitlines()
    assert len(rows) == 2 and rows[0].endswith("test/null/00.png")
    assert last.startswith("2 images by ")


def test_without_an_image_it_fails_before_it_imports_tensorflow(models, tmp_path):
    script = "import runpy, sys; sys.argv = ['predict.py', 'gone']\n"
    script += "try:\n    runpy.run_path('predict.py', run_name='__main__')\n"
    script += "except SystemExit as end:\n    print(end.code, 'tensorflow' in sys.modules)\n"
    done = run_python(models, "-c", script)
    assert done.stdout.strip() == "1 False"
    assert "gone does not exist" in done.stderr


@pytest.mark.parametrize("output", [".", "..", "folder", "folder/..", "one.jpg", "new.PNG", "/dev/null"])
def test_an_output_that_a_table_must_not_replace_is_an_error_before_the_work(models, tmp_path, photograph, output):
    photograph(tmp_path / "one.jpg")
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "one.jpg").read_bytes()
    done = run_forked(tmp_path, models / "predict.py", "one.jpg", "--output", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"--output {Path(output)} cannot be a table: name a new file, such as predictions.csv.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "one.jpg"]
    assert (tmp_path / "one.jpg").read_bytes() == before


def test_missing_models_are_an_error(tmp_path, project):
    shutil.copy(ROOT / "predict.py", tmp_path)
    done = predict(tmp_path, project[0] / "dataset_images/test")
    assert done.returncode == 1
    assert "models/train_tl/model.json is missing" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 10**9),
        ("classes", [1, 2, 3]),
        ("dropout", 2),
        ("frozen_layers", -1),
        *(("resize", value) for value in BAD_RESIZES),
    ],
)
def test_metadata_with_a_value_that_no_training_writes_are_an_error(models, project, tmp_path, name, value):
    folder = shutil.copytree(models, tmp_path / "models")
    path = folder / "models/finetune/model.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {name: value}), encoding="utf-8")
    done = predict(folder, project[0] / "dataset_images/test", "--model", "finetune")
    assert (done.returncode, done.stdout) == (1, "")
    message = f"model.json: {name} has a value that no training writes: restore the file, or make it again with"
    assert message in done.stderr and done.stderr.count("\n") == 1
