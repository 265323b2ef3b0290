"""What params.yaml may hold, and what a person is told when it holds something else."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from transfer.interface.errors import UserError
from transfer.interface.errors import UserErrors

from transfer import params_file

ROOT = Path(__file__).parents[1]
COMMITTED = (ROOT / "params.yaml").read_text(encoding="utf-8")
ABSENT = object()


def changed(path: Path, key: str, value: Any) -> Path:
    """Write the committed parameters with one of them changed, or taken out."""
    values = yaml.safe_load(COMMITTED)
    *sections, last = key.split(".")
    place = values
    for section in sections:
        place = place[section]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def replaced(path: Path, old: str, new: str) -> Path:
    """Write the committed parameters with a piece of their text replaced."""
    assert COMMITTED.count(old) == 1
    path.write_text(COMMITTED.replace(old, new), encoding="utf-8")
    return path


def documented(start: str) -> list[str]:
    """What the README's one command that starts so sets with `-S`."""
    text = re.sub(r"\\\s*\n", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    [command] = [line for line in text.splitlines() if line.strip().startswith(start)]
    return [value for option, value in pairwise(shlex.split(command, comments=True)) if option == "-S"]


def test_the_documented_command_gives_the_recipe_of_the_study(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED, encoding="utf-8")
    apply_overrides(path, documented("dvc exp run -S train_tl.epochs=20"))
    settings = params_file.load(path)
    study = {
        "epochs": 20,
        "schedule": "constant",
        "warmup_epochs": 0,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "early_stopping": {"patience": 2, "min_delta": 0.001},
    }
    assert settings.train_tl.model_dump() == study | {"learning_rate": 0.001, "dropout": 0.2}
    assert settings.finetune.model_dump(exclude={"frozen_layers"}) == study | {"learning_rate": 0.00001}
    # What the command need not set
    assert settings.batch_size == 64
    assert settings.data.split.model_dump() == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert (settings.augment.flip, settings.augment.rotation) == ("horizontal", 0.2)


def test_the_committed_weights_are_a_file_that_dvc_tracks():
    weights = yaml.safe_load(COMMITTED)["backbone"]["weights"]
    assert (ROOT / f"{weights}.dvc").is_file()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("bach_size", 64, ["bach_size is no parameter", "did you mean batch_size?"]),
        ("zzz", 1, ["zzz is no parameter", "seed, image_size, batch_size, precision, data"]),
        ("train_tl.epoch", 3, ["train_tl.epoch is no parameter", "did you mean epochs?"]),
        ("finetune.early_stopping.patiense", 3, ["finetune.early_stopping.patiense", "did you mean patience?"]),
        ("data.split.trian", 0.5, ["data.split.trian is no parameter", "did you mean train?"]),
        ("seed", ABSENT, ["seed is missing", "a whole number from 0 to 4294967295"]),
        ("evaluate", ABSENT, ["evaluate is missing", "gallery_class"]),
        ("train_tl.early_stopping.patience", ABSENT, ["train_tl.early_stopping.patience is missing", "at least 1"]),
        ("seed", -1, ["seed is -1", "from 0 to 4294967295"]),
        ("seed", 2**32, ["seed is 4294967296", "from 0 to 4294967295"]),
        ("image_size", "128", ["image_size is '128'", "pixels from 32 to 2048"]),
        ("image_size", 31, ["image_size is 31", "from 32 to 2048"]),
        ("image_size", 2049, ["image_size is 2049", "from 32 to 2048"]),
        ("batch_size", True, ["batch_size is true", "a whole number from 1 to 8192"]),
        ("batch_size", 0, ["batch_size is 0", "a whole number from 1 to 8192"]),
        ("batch_size", 64.5, ["batch_size is 64.5", "a whole number"]),
        ("precision", "float16", ["precision is 'float16'", "float32 or bfloat16"]),
        ("data", 5, ["data is 5", "a section with split, tolerance"]),
        ("data.split", None, ["data.split is null", "a section with train, validation, test"]),
        ("data.split.train", 0, ["data.split.train is 0", "between 0 and 1"]),
        ("data.tolerance", -0.01, ["data.tolerance is -0.01", "from 0 to below 1"]),
        ("augment.flip", "vertical", ["augment.flip is 'vertical'", "horizontal or null"]),
        ("augment.rotation", 0.6, ["augment.rotation is 0.6", "from 0 to 0.5"]),
        ("augment.views", -1, ["augment.views is -1", "at least 0"]),
        ("train_tl.learning_rate", -0.001, ["train_tl.learning_rate is -0.001", "above 0 and at most 1"]),
        ("train_tl.learning_rate", float("nan"), ["train_tl.learning_rate is nan", "above 0 and at most 1"]),
        ("train_tl.learning_rate", float("inf"), ["train_tl.learning_rate is inf", "above 0 and at most 1"]),
        ("train_tl.learning_rate", "fast", ["train_tl.learning_rate is 'fast'", "above 0 and at most 1"]),
        ("train_tl.schedule", "linear", ["train_tl.schedule is 'linear'", "allowed: constant or cosine"]),
        ("finetune.schedule", None, ["finetune.schedule is null", "allowed: constant or cosine"]),
        ("train_tl.warmup_epochs", -1, ["train_tl.warmup_epochs is -1", "a whole number of at least 0"]),
        ("finetune.warmup_epochs", 0.5, ["finetune.warmup_epochs is 0.5", "a whole number of at least 0"]),
        ("train_tl.weight_decay", -0.1, ["train_tl.weight_decay is -0.1", "a number of at least 0"]),
        ("finetune.weight_decay", float("inf"), ["finetune.weight_decay is inf", "a number of at least 0"]),
        ("finetune.weight_decay", None, ["finetune.weight_decay is null", "a number of at least 0"]),
        ("train_tl.label_smoothing", 1.0, ["train_tl.label_smoothing is 1.0", "a number from 0 to below 1"]),
        ("finetune.label_smoothing", ABSENT, ["finetune.label_smoothing is missing", "from 0 to below 1"]),
        ("finetune.dropout", 0.2, ["finetune.dropout is no parameter"]),
        ("train_tl.dropout", float("nan"), ["train_tl.dropout is nan", "from 0 to below 1"]),
        ("train_tl.dropout", 1.0, ["train_tl.dropout is 1.0", "from 0 to below 1"]),
        ("train_tl.early_stopping.min_delta", float("inf"), ["min_delta is inf", "at least 0"]),
        ("train_tl.early_stopping.min_delta", float("nan"), ["min_delta is nan", "at least 0"]),
        ("finetune.early_stopping.patience", 0, ["early_stopping.patience is 0", "at least 1, or null for no early"]),
        ("train_tl.early_stopping.patience", "none", ["early_stopping.patience is 'none'", "or null for no early"]),
        ("train_tl.early_stopping", None, ["train_tl.early_stopping is null", "a section with patience, min_delta"]),
        ("backbone.name", "MobilNetV2", ["backbone.name is 'MobilNetV2'", "keras.applications", "mean MobileNetV2?"]),
        ("backbone.name", "InceptionResnetV2", ["backbone.name is 'InceptionResnetV2'", "mean InceptionResNetV2?"]),
        ("backbone.name", 7, ["backbone.name is 7", "the name of a keras.applications class"]),
        ("backbone.weights", "other/w.h5", ["backbone.weights is 'other/w.h5'", "a .h5 file in weights/"]),
        ("backbone.weights", "/weights/w.h5", ["backbone.weights is '/weights/w.h5'", "a .h5 file in weights/"]),
        ("backbone.weights", "weights/../w.h5", ["backbone.weights is 'weights/../w.h5'", "imagenet, null, or"]),
        ("backbone.weights", "weights/w.txt", ["backbone.weights is 'weights/w.txt'", "a .h5 file in weights/"]),
        ("backbone.weights", "weights", ["backbone.weights is 'weights'", "a .h5 file in weights/"]),
        ("finetune.frozen_layers", [], ["finetune.frozen_layers is []", "a list with one whole number"]),
        ("finetune.frozen_layers", 100, ["finetune.frozen_layers is 100", "as in [500, 300]"]),
        ("finetune.frozen_layers", [100, -1], ["finetune.frozen_layers is -1", "at least 0 for each round"]),
        ("finetune.frozen_layers", [True], ["finetune.frozen_layers is true", "a list with one whole number"]),
        ("evaluate.gallery_class", "", ["evaluate.gallery_class is ''", "worst, or the name of a class"]),
        ("evaluate.gallery_class", 7, ["evaluate.gallery_class is 7", "(in quotes)"]),
        ("evaluate.near_duplicate", 0, ["evaluate.near_duplicate is 0", "above 0 and at most 1"]),
        ("evaluate.near_duplicate", 1.01, ["evaluate.near_duplicate is 1.01", "above 0 and at most 1"]),
        ("evaluate.near_duplicate", ABSENT, ["evaluate.near_duplicate is missing", "above 0 and at most 1"]),
    ],
)
def test_a_bad_value_is_told_with_its_key_and_what_is_allowed(tmp_path, key, value, told):
    path = changed(tmp_path / "params.yaml", key, value)
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    assert len(raised.value.faults) == 1
    assert str(raised.value).startswith(f"{path}: ")
    for piece in told:
        assert piece in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("augment.flip", None),
        ("augment.views", 0),
        ("augment.rotation", 0),
        ("backbone.weights", None),
        ("backbone.weights", "imagenet"),
        ("backbone.weights", "weights/deeper/own.weights.h5"),
        ("backbone.name", "InceptionResNetV2"),
        ("backbone.name", "EfficientNetV2B0"),
        ("finetune.frozen_layers", [500, 300, 0]),
        ("precision", "bfloat16"),
        ("data.tolerance", 0.0),
        ("train_tl.learning_rate", 1),
        ("train_tl.schedule", "constant"),
        ("train_tl.warmup_epochs", 3),
        ("finetune.weight_decay", 0),
        ("finetune.label_smoothing", 0.1),
        ("train_tl.early_stopping.patience", 1),
        ("finetune.early_stopping.patience", None),
        ("seed", 2**32 - 1),
        ("image_size", 32),
        ("evaluate.gallery_class", "007"),
        ("evaluate.near_duplicate", 1),
    ],
)
def test_an_allowed_value_is_taken(tmp_path, key, value):
    found = params_file.load(changed(tmp_path / "params.yaml", key, value)).model_dump()
    for name in key.split("."):
        found = found[name]
    assert found == value


@pytest.mark.parametrize(("written", "number"), [("2e-5", 2e-5), ("2e-05", 2e-5), ("2.5E-4", 2.5e-4), ("1e-0", 1.0)])
def test_a_number_with_an_exponent_needs_neither_point_nor_quotes(tmp_path, written, number):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"learning_rate: [0-9.]+", f"learning_rate: {written}", COMMITTED), encoding="utf-8")
    settings = params_file.load(path)
    assert settings.train_tl.learning_rate == settings.finetune.learning_rate == number


def test_shares_must_add_up_to_one(tmp_path):
    path = changed(tmp_path / "params.yaml", "data.split", {"train": 0.8, "validation": 0.1, "test": 0.2})
    with pytest.raises(UserError, match=r"data\.split adds up to 1\.1; its three shares must add up to 1"):
        params_file.load(path)


def test_shares_that_add_up_to_one_but_for_rounding_are_taken(tmp_path):
    thirds = {"train": 0.333333333, "validation": 0.333333333, "test": 0.333333333}
    assert params_file.load(changed(tmp_path / "params.yaml", "data.split", thirds)).data.split.model_dump() == thirds


def test_a_key_given_twice_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED + "seed: 2\n", encoding="utf-8")
    with pytest.raises(UserError, match="the key seed stands twice"):
        params_file.load(path)


def test_a_key_given_twice_in_a_section_is_refused(tmp_path):
    path = replaced(tmp_path / "params.yaml", "  dropout: 0.2\n", "  dropout: 0.2\n  dropout: 0.3\n")
    with pytest.raises(UserError, match="the key dropout stands twice"):
        params_file.load(path)


@pytest.mark.parametrize(
    "text", ["seed: [1", "seed: 1\n\tbatch_size: 2\n", "a: b: c\n", "seed: !!python/name:os.system\n"]
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not valid YAML") as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"seed: \xff\xfe\n", b"\x00\x01\x02"])
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not valid YAML"):
        params_file.load(path)


@pytest.mark.parametrize(
    ("text", "shown"), [("", "null"), ("# nothing\n", "null"), ("- 1\n- 2\n", "[1, 2]"), ("5\n", "5")]
)
def test_a_file_that_is_no_section_is_refused(tmp_path, text, shown):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        params_file.load(path)
    assert f"{path}: the file is {shown}; allowed: the keys seed, image_size, " in str(raised.value)


@pytest.mark.parametrize("key", ["1: 2", "true: 2", "null: 2", "? [a, b]\n: 2", "? {a: b}\n: 2"])
def test_a_key_that_is_no_name_is_refused(tmp_path, key):
    path = tmp_path / "params.yaml"
    path.write_text(f"{COMMITTED}{key}\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(UserError, match="is missing: restore it with `git checkout") as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    path = changed(tmp_path / "params.yaml", "seed", "one")
    text = path.read_text(encoding="utf-8").replace("batch_size: 64", "batch_size: 0").replace("views: 4", "wievs: 4")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    told = sorted(fault.removeprefix(f"{path}: ").split(" is ")[0] for fault in raised.value.faults)
    assert told == ["augment.views", "augment.wievs", "batch_size", "seed"]
    assert str(raised.value).splitlines() == raised.value.faults


def test_a_long_value_is_shown_in_part(tmp_path):
    path = changed(tmp_path / "params.yaml", "precision", "x" * 1000)
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    assert len(str(raised.value)) < len(str(path)) + 150


def test_parameters_cannot_be_changed_once_read():
    settings = params_file.load(ROOT / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2


def test_reading_parameters_imports_neither_tensorflow_nor_keras():
    code = (
        "import sys; from transfer import params; params.load(); "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
