"""The facts in model.json."""

import pytest

from commands.export import description
from runs import run
from transfer.interface.errors import UserError

METADATA = {
    "classes": ["a", "b"],
    "image_size": 64,
    "resize": {"fit": "pad", "antialias": True},
    "validation": {"accuracy": 0.8, "loss": 0.5},
    "backbone": {"name": "MobileNetV2", "views": 4},
}
TEST = {"accuracy": 0.7, "accuracy_low": 0.6, "accuracy_high": 0.8}
IMAGES = {"train": 50, "validation": 10, "test": 20}


def test_the_description_says_how_to_make_a_square_and_how_good_the_model_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dataset_images.dvc").write_text("outs:\n- md5: 0123.dir\n  path: dataset_images\n")
    facts = description.describe("finetune", METADATA, TEST, IMAGES, 50, temperature=0.8)
    assert facts["output"]["temperature"] == 0.8
    assert facts["views"] == 4
    assert facts["resize"]["fit"] == "pad" and facts["resize"]["antialias"] is True
    steps = " ".join(facts["resize"]["steps"])
    assert "round(side * 64 / longer side)" in steps and "(127, 127, 127)" in steps
    assert "Image.Resampling.BILINEAR" in steps and "INTER_LINEAR does not antialias" in steps
    assert facts["files"]["model_int8.tflite"]["shape"] == [1, 64, 64, 3]
    assert "ranges from 50 training images" in facts["files"]["model_int8.tflite"]["quantisation"]
    assert facts["files"]["model.onnx"]["shape"] == [None, None, None, 3]
    assert facts["accuracy"]["test"] == TEST | {"images": 20}
    # 8 right of 10, by Wilson's formula with z = 1.96: centre (0.8 + 0.1921) / 1.3841, half-width 0.2266.
    validation = facts["accuracy"]["validation"]
    assert validation["accuracy_low"] == pytest.approx(0.4902, abs=1e-4)
    assert validation["accuracy_high"] == pytest.approx(0.9433, abs=1e-4)
    assert facts["data"] == {"file": "dataset_images.dvc", "md5": "0123.dir"}
    assert set(facts["versions"]) == {"python", *description.LIBRARIES}


def test_the_commit_is_named_with_whether_files_have_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert description.commit() is None
    (tmp_path / "file").write_text("1")
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "add", "file")
    run(tmp_path, "git", "commit", "--quiet", "--message", "one")
    head = run(tmp_path, "git", "rev-parse", "HEAD").strip()
    assert description.commit() == {"id": head, "uncommitted_changes": False}
    (tmp_path / "file").write_text("2")
    assert description.commit() == {"id": head, "uncommitted_changes": True}


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", "a\N{LINE SEPARATOR}b", "a\x0bb", ""])
def test_a_class_that_takes_more_than_a_line_is_an_error(name):
    with pytest.raises(UserError, match=r"does not fit on a line of labels\.txt: rename it"):
        description.check_classes(["fine", name])
    description.check_classes(["a, b", "<b>", "日"])
