"""Bad input to the stages: one clear sentence, exit status 1, no traceback, and nothing lost or half-written."""

import hashlib
import shutil

import pytest
from PIL import Image
from runs import run_stage, write_params

pytestmark = pytest.mark.xdist_group("project")


def tree(folder):
    """Every file below a folder with its digest."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(stage, folder):
    """Run a stage that must refuse its input and return its one sentence."""
    before = tree(folder)
    done = run_stage(stage, folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert tree(folder) == before
    return done.stderr


@pytest.fixture
def folder(tmp_path, make_dataset):
    make_dataset(tmp_path / "dataset_images", ("glass", "metal"))
    write_params(tmp_path)
    return tmp_path


def truncated(path):
    path.write_bytes(path.read_bytes()[:-60])


def enormous(path):
    Image.new("1", (20_000, 20_000)).save(path)


DATASET_FAULTS = {
    "missing split": (lambda d: shutil.rmtree(d / "test"), ["dataset_images/test/ is missing"]),
    "class missing in one split": (
        lambda d: shutil.rmtree(d / "validation/metal"),
        ["dataset_images/validation/metal/ is missing, though another split has the class metal"],
    ),
    "empty class": (lambda d: (d / "test/glass/00.png").unlink(), ["dataset_images/test/glass/ holds no image"]),
    "no dataset": (lambda d: shutil.rmtree(d), ["dataset_images/ is missing", "dvc pull dataset_images.dvc"]),
    "truncated": (lambda d: truncated(d / "train/glass/03.png"), ["dataset_images/train/glass/03.png is broken"]),
    "empty file": (lambda d: (d / "train/glass/03.png").write_bytes(b""), ["train/glass/03.png is empty"]),
    "text named .jpg": (
        lambda d: (d / "train/glass/x.jpg").write_text("hello"),
        ["train/glass/x.jpg is no image that can be read"],
    ),
    "same image in train and test": (
        lambda d: shutil.copy(d / "train/glass/03.png", d / "test/glass/00.png"),
        ["train/glass/03.png and dataset_images/test/glass/00.png are the same image"],
    ),
    "enormous": (lambda d: enormous(d / "train/glass/03.png"), ["03.png has more than 89 million pixels"]),
    "two at once": (
        lambda d: (truncated(d / "train/glass/03.png"), (d / "test/metal/00.png").write_bytes(b"")),
        ["train/glass/03.png is broken", "test/metal/00.png is empty"],
    ),
}


@pytest.mark.parametrize("name", DATASET_FAULTS)
def test_prepare_names_what_is_wrong_with_the_dataset(name, folder):
    damage, told = DATASET_FAULTS[name]
    damage(folder / "dataset_images")
    message = refused("prepare", folder)
    for sentence in told:
        assert sentence in message


def test_prepare_refuses_shares_of_70_15_15(tmp_path, make_dataset):
    make_dataset(tmp_path / "dataset_images", ("glass", "metal"), (14, 3, 3))
    write_params(tmp_path)
    message = refused("prepare", tmp_path)
    assert "dataset_images/train/ holds 70.0% of the 40 images" in message
    assert "dataset_images/validation/ holds 15.0%" in message


def test_prepare_refuses_changed_data_that_are_bound_to_the_embedded_remote(folder):
    (folder / "dataset_images.dvc").write_text(
        "outs:\n- md5: 0000.dir\n  path: dataset_images\n  remote: embedded\n  push: false\n"
    )
    assert "dataset_images.dvc is bound to the embedded sample" in refused("prepare", folder)


@pytest.mark.parametrize("stage", ["prepare", "features", "train_tl", "finetune", "evaluate"])
def test_every_stage_checks_all_parameters_first(stage, tmp_path):
    write_params(tmp_path, train_tl__learning_rate=-1, finetune__epoch=3)
    message = refused(stage, tmp_path)
    assert "train_tl.learning_rate is -1; allowed: a number above 0" in message
    assert "finetune.epoch is no parameter; did you mean epochs?" in message


@pytest.mark.parametrize("stage", ["features", "train_tl", "finetune", "evaluate"])
def test_a_stage_without_its_inputs_says_what_to_run(stage, tmp_path):
    write_params(tmp_path)
    assert "prepared/index.csv is missing: run `dvc repro`" in refused(stage, tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"finetune__frozen_layers": [900]}, "finetune.frozen_layers has 900, but the backbone has 154 layers"),
        (
            {"backbone": {"name": "MobileNetV2", "weights": "weights/gone.h5"}},
            "weights/gone.h5 is missing: `dvc pull weights/gone.h5`",
        ),
        ({"backbone": {"name": "Xception", "weights": None}}, "Xception cannot be built at image_size 32"),
        (
            {"backbone": {"name": "MobileNetV2", "weights": "weights/text.h5"}},
            "weights/text.h5 does not fit MobileNetV2",
        ),
    ],
)
def test_features_refuses_a_backbone_that_cannot_be(changes, told, project, tmp_path):
    write_params(tmp_path, **changes)
    shutil.copytree(project[0] / "prepared", tmp_path / "prepared")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/text.h5").write_text("no weights")
    assert told in refused("features", tmp_path)


def test_evaluate_refuses_a_gallery_of_a_class_that_is_not_there(project, tmp_path):
    write_params(tmp_path, evaluate__gallery_class="gold")
    shutil.copytree(project[0] / "prepared", tmp_path / "prepared")
    assert "evaluate.gallery_class is 'gold'; allowed: worst, or one of the classes a b, null, é" in refused(
        "evaluate", tmp_path
    )
