"""`make export` on a project whose stages have run: the files, their measured accuracy, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from commands.export import __main__ as export
from commands.export import formats
from networks import lively
from runs import ROOT, run_forked
from transfer.common import io
from transfer.interface.errors import UserError
from transfer.loading import prepared
from transfer.models import classifier
from transfer.uncertainty import calibration

# One worker makes the project and its export once.
pytestmark = pytest.mark.xdist_group("project")


PHOTOGRAPHS = os.environ.get("WASTE_PHOTOS", "")
GENERATED = 9
MODEL = "train_tl"
TEMPERATURE = 1.7
CLASSES = ["a b", "null", "é"]
NOISE = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def exported(project, tmp_path_factory):
    """A project whose model has been exported into out/, and the finished process."""
    folder = shutil.copytree(project[0], tmp_path_factory.mktemp("export") / "project")
    shutil.copy(ROOT / "predict.py", folder)
    # The project's own model, trained for two epochs, gives every image the same probabilities.
    backbone = lively(NOISE, views=2)
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=1)
    validation = {"accuracy": 0.5, "loss": 0.7}
    resize = {"fit": "squash", "antialias": False}
    backbone.save(folder / "models/backbone")
    metadata = classifier.head_metadata(backbone.description(), CLASSES, resize, 0.2, 8, validation)
    classifier.save(folder / "models/train_tl", head, metadata)
    numbers = np.array([0.5], np.float32)
    references = np.zeros((1, backbone.channels), np.float32)
    calibration.save(folder / "models", {MODEL: calibration.Calibration(1, TEMPERATURE, numbers, numbers, references)})
    done = run_forked(folder, "predict.py", "dataset_images/test", "--model", MODEL, "--output", "predictions.csv")
    assert done.returncode == 0, done.stderr
    # An export of an earlier version of this command, which is replaced.
    (folder / "out").mkdir()
    for name in ("model.keras", "model.tflite", "model_8bit.tflite", "classes.txt", "preprocessing.json"):
        (folder / "out" / name).write_text("earlier")
    done = run_forked(folder, "-m", "commands.export", "out", "--model", MODEL)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def predicted(exported, tmp_path_factory):
    """What predict.py says of images of every kind that photographs come in, and of photographs if there are any."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(1)
    # Blocks of noise: sharp edges, on which each way of resizing gives other values.
    colours = random.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    photograph = Image.fromarray(colours).resize((400, 300), Image.Resampling.NEAREST)
    photograph.save(folder / "photograph.jpg")
    photograph.resize((4000, 3000), Image.Resampling.BICUBIC).save(folder / "12 megapixels.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    photograph.save(folder / "turned.jpg", exif=turned)
    transparent = photograph.copy()
    transparent.putalpha(Image.fromarray(random.integers(0, 256, (300, 400)).astype(np.uint8)))
    transparent.save(folder / "transparent.png")
    photograph.convert("L").save(folder / "grey.jpg")
    photograph.quantize(16).save(folder / "palette.png")
    wide = np.asarray(photograph).astype(np.uint16) * 256 + random.integers(0, 256, (300, 400, 3)).astype(np.uint16)
    Image.fromarray(wide[:, :, 0]).save(folder / "grey of 16 bits.png")
    Image.fromarray(wide[:, :, 0] >> 4).save(folder / "grey of 12 bits.png")
    cv2.imwrite(str(folder / "colours of 16 bits.png"), wide)
    # Of 1,178 photographs, every 23rd: 52 of all classes.
    photographs = sorted(Path(PHOTOGRAPHS).rglob("*.jpg"))[::23] if PHOTOGRAPHS else []
    words = (str(folder), *map(str, photographs), "--model", MODEL, "--output", "images.csv")
    done = run_forked(exported[0], "predict.py", *words)
    assert done.returncode == 0, done.stderr
    table = io.read_csv(exported[0] / "images.csv", ("path", "predicted"))
    assert len(table) == GENERATED + len(photographs)
    # The way of resizing matters only if the probabilities depend on the image.
    assert table["p_a b"][:GENERATED].max() - table["p_a b"][:GENERATED].min() > 0.1
    return table


@pytest.fixture(scope="module", params=["example_keras.py", "example_litert.py", "example_onnx.py"])
def differences(request, exported, predicted, tmp_path_factory):
    """How far the probabilities of an example program are from those of predict.py, image by image."""
    # Isolated: neither the project nor PYTHONPATH is searched for modules.
    words = (sys.executable, "-I", str(exported[0] / "out" / request.param), *predicted["path"])
    done = subprocess.run(words, cwd=tmp_path_factory.mktemp("elsewhere"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [path for path, _, _ in lines] == predicted["path"].tolist()
    columns = [predicted[f"p_{label}"][row] for row, (_, label, _) in enumerate(lines)]
    return np.abs(np.array([float(probability) for _, _, probability in lines]) - columns)


def test_an_example_program_predicts_images_of_every_kind_as_the_project(differences):
    assert len(differences[:GENERATED]) == GENERATED and differences[:GENERATED].max() < 1e-4


@pytest.mark.photographs
@pytest.mark.skipif(not PHOTOGRAPHS, reason="WASTE_PHOTOS is not set")
def test_an_example_program_predicts_photographs_as_the_project(differences):
    assert len(differences[GENERATED:]) >= 50 and differences[GENERATED:].max() < 1e-4


def test_the_folder_holds_the_files_of_the_contract_and_nothing_is_printed_as_an_error(exported):
    folder, done = exported
    assert done.stderr == ""
    assert {path.name for path in (folder / "out").iterdir()} == {
        *("model.keras", "model.tflite", "model_int8.tflite", "model.onnx", "model.json", "labels.txt"),
        *("example_keras.py", "example_litert.py", "example_onnx.py", "MODEL_CARD.md", "accuracy.json"),
    }
    assert (folder / "out/labels.txt").read_text(encoding="utf-8") == "a b\nnull\né\n"
    described = json.loads((folder / "out/model.json").read_text(encoding="utf-8"))
    assert described["classes"] == ["a b", "null", "é"]
    assert described["image_size"] == 32
    assert (described["resize"]["fit"], described["resize"]["antialias"]) == ("squash", False)
    assert (described["input"]["name"], described["output"]["name"]) == ("images", "probabilities")
    assert described["output"]["temperature"] == TEMPERATURE
    with zipfile.ZipFile(folder / "out/model_int8.tflite") as attached:
        assert json.loads(attached.read("model.json")) == described
        assert attached.read("labels.txt").decode() == "a b\nnull\né\n"


def test_the_exported_files_give_calibrated_probabilities(exported, monkeypatch):
    """Those of the model's weights, with all logits divided by the temperature."""
    folder, _ = exported
    monkeypatch.chdir(folder)
    test = prepared.load_split("test")
    backbone = lively(NOISE, views=2)
    [features] = backbone.feature_extractor(test.images[:])
    kernel, bias = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=1).get_weights()
    odds = np.exp((features.astype(np.float64) @ kernel + bias) / TEMPERATURE)
    expected = odds / odds.sum(axis=1, keepdims=True)
    assert np.ptp(expected, axis=1).max() > 0.1
    for name in ("model.keras", "model.tflite", "model.onnx"):
        [probabilities] = formats.load(folder / "out" / name)(test.images[:])
        assert probabilities == pytest.approx(expected, abs=1e-4)


def test_a_model_without_a_calibration_is_exported_and_it_is_said(exported, tmp_path):
    folder = shutil.copytree(exported[0], tmp_path / "project")
    shutil.rmtree(folder / "models/calibration")
    done = run_forked(folder, "-m", "commands.export", "out", "--model", MODEL)
    assert done.returncode == 0
    assert done.stderr.startswith(
        "models/calibration is missing, so the probabilities of train_tl are not calibrated: "
    )
    assert json.loads((folder / "out/model.json").read_text())["output"]["temperature"] is None
    assert "The probabilities are not calibrated. `model.json`" in (folder / "out/MODEL_CARD.md").read_text()


def test_the_accuracy_of_each_file_is_measured(exported, monkeypatch):
    folder, _ = exported
    accuracy = json.loads((folder / "out/accuracy.json").read_text())
    rows = io.read_csv(folder / "predictions.csv", ("path", "predicted"))
    right = (rows["path"].map(lambda path: Path(path).parent.name) == rows["predicted"]).mean()
    assert accuracy[MODEL]["accuracy"] == accuracy["model.keras"]["accuracy"] == pytest.approx(right, abs=1e-6)
    assert accuracy[MODEL]["accuracy_low"] < right < accuracy[MODEL]["accuracy_high"]
    for name in ("model.keras", "model.tflite", "model.onnx"):
        assert accuracy[name]["largest_difference"] < 1e-4
    # The accuracy of the 8-bit file, computed again from the file and compared with the original's on the same images.
    monkeypatch.chdir(folder)
    test = prepared.load_split("test")
    [narrow] = formats.load(folder / "out/model_int8.tflite")(test.images)
    [wide] = formats.load(folder / "out/model.tflite")(test.images)
    narrow_right, wide_right = (output.argmax(axis=1) == test.labels for output in (narrow, wide))
    of_8bit = accuracy["model_int8.tflite"]
    assert of_8bit["accuracy"] == pytest.approx(narrow_right.mean(), abs=1e-6)
    assert of_8bit["largest_difference"] == pytest.approx(np.abs(narrow - wide).max(), abs=1e-3)
    assert of_8bit["comparison"]["difference"] == pytest.approx(narrow_right.mean() - wide_right.mean(), abs=1e-6)
    # On six images, no difference is more than chance.
    assert "cannot be told apart" in of_8bit["comparison"]["verdict"]


def test_the_model_card_shows_the_figures_the_data_and_the_recipe(exported):
    folder, _ = exported
    card = (folder / "out/MODEL_CARD.md").read_text(encoding="utf-8")
    accuracy = json.loads((folder / "out/accuracy.json").read_text())
    tables = parse_tables(card)
    assert all(len(row) == len(table[0]) for table in tables for row in table)
    summary, files, classes, data, recipe, origin = tables
    low, high = (f"{100 * accuracy[MODEL][key]:.1f} %" for key in ("accuracy_low", "accuracy_high"))
    assert summary[1] == ["test", f"{100 * accuracy[MODEL]['accuracy']:.1f} %", f"{low} to {high}", "6"]
    assert [row[0] for row in files[1:]] == ["model.keras", "model.tflite", "model_int8.tflite", "model.onnx"]
    assert files[3][3] == f"{100 * accuracy['model_int8.tflite']['accuracy']:.1f} %"
    assert [row[:2] for row in classes[1:]] == [[name, "2"] for name in CLASSES]
    assert data[1:] == [
        ["a b", "16", "2", "2"],
        ["null", "16", "2", "2"],
        ["é", "16", "2", "2"],
        ["all", "48", "6", "6"],
    ]
    assert ["backbone.name", "MobileNetV2"] in recipe and ["train_tl.epochs", "2"] in recipe
    assert not [row for row in recipe if row[0].startswith("finetune")]
    assert ["commit", "none: the project was in no Git repository"] in origin
    assert "logits are divided by 1.7 inside the file. `model.json` says the\nsame for programs." in card
    assert "an image takes the time and the memory of 2: give it small batches. " in card
    assert "## Limits" in card and "## Licence" in card


def parse_tables(markdown):
    """The cells of each table, row by row, as text."""
    tables = []
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    for previous, token in pairwise(tokens):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif previous.type in ("th_open", "td_open"):
            tables[-1][-1].append("".join(child.content for child in token.children))
    return tables


def test_a_file_that_was_not_measured_is_named(capsys):
    accuracy = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6}
    comparison = {"largest_difference": 0.001, "comparison": {"verdict": "The same."}}
    measured = {name: accuracy | comparison for name in ("model.keras", "model.tflite", "model_int8.tflite")}
    export.report("finetune", {"finetune": accuracy, **measured})
    captured = capsys.readouterr()
    assert captured.err == "model.onnx is not measured without onnxruntime: run `pip install onnxruntime`.\n"
    assert captured.out.count("test accuracy 0.5000") == 4


@pytest.mark.parametrize("folder", [".", "..", "models", "params.yaml"])
def test_an_export_replaces_only_an_export(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("models/model.json", "params.yaml"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError, match="is neither a new folder nor an earlier export: name a new folder"):
        export.check_folder(Path(folder))
    (tmp_path / "export").mkdir()
    for name in (
        "model.keras",
        "labels.txt",
        "MODEL_CARD.md",
        "classes.txt",
        "model_8bit.tflite",
        "preprocessing.json",
    ):
        (tmp_path / "export" / name).write_text("")
    export.check_folder(Path("export"))
    (tmp_path / "export/notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is neither a new folder nor an earlier export"):
        export.check_folder(Path("export"))
    export.check_folder(Path("new"))


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


@pytest.mark.parametrize("missing", ["plots/predictions.csv", "metrics/evaluate.json", "prepared/resize.json"])
def test_what_the_export_needs_and_is_not_there_is_an_error(project, tmp_path, missing):
    # Without prepared/resize.json: a project that ran before the way of resizing was a parameter.
    folder = shutil.copytree(project[0], tmp_path / "project")
    (folder / missing).unlink()
    for name in ("train_tl", "finetune"):
        metadata = json.loads((folder / f"models/{name}/model.json").read_text(encoding="utf-8"))
        del metadata["resize"]
        (folder / f"models/{name}/model.json").write_text(json.dumps(metadata))
    done = run_forked(folder, "-m", "commands.export", "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{missing} is missing: run `dvc repro` to make it.\n"
    assert not (folder / "out").exists()


def test_a_class_whose_name_has_a_line_break_is_an_error(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "project")
    path = folder / "models/finetune/model.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(metadata | {"classes": ["a\nb", "null", "é"]}))
    done = run_forked(folder, "-m", "commands.export", "out", "--model", "finetune")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The class 'a\\nb' does not fit on a line of labels.txt: rename it, then run `dvc repro`.\n"
