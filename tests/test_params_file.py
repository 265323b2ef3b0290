"""What params.yaml may hold, and the error messages for everything else."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from provenance import of_the_sample
from runs import ROOT, SAMPLE_PARAMS, run_python
from transfer import params_file
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.schema import Section

SAMPLE = SAMPLE_PARAMS.read_text(encoding="utf-8")
ABSENT = object()


def write_changed(path: Path, key: str, value: Any) -> Path:
    """Write the parameters of the sample with one of them changed or removed."""
    values = yaml.safe_load(SAMPLE)
    *sections, last = key.split(".")
    section = values
    for name in sections:
        section = section[name]
    if value is ABSENT:
        del section[last]
    else:
        section[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def write_replaced(path: Path, old: str, new: str) -> Path:
    """Write the parameters of the sample with a part of their text replaced."""
    assert SAMPLE.count(old) == 1
    path.write_text(SAMPLE.replace(old, new), encoding="utf-8")
    return path


def documented_recipes() -> list[list[str]]:
    """The values of `-S` in each command of the documentation that sets the study's recipe."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = re.sub(r"\\\s*\n", " ", "\n".join(page.read_text(encoding="utf-8") for page in pages))
    lines = [line for line in text.splitlines() if line.strip().startswith("dvc exp run ")]
    commands = [shlex.split(line, comments=True) for line in lines if "-S train_tl.epochs=20 " in line]
    return [[value for option, value in pairwise(command) if option == "-S"] for command in commands]


@of_the_sample
def test_the_documented_commands_give_the_recipe_of_the_study(tmp_path):
    recipes = documented_recipes()
    assert recipes
    study = {
        "epochs": 20,
        "schedule": "constant",
        "warmup_epochs": 0,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "class_weights": None,
        "early_stopping": {"patience": 2, "min_delta": 0.001},
    }
    for changes in recipes:
        path = tmp_path / "params.yaml"
        path.write_text(SAMPLE, encoding="utf-8")
        apply_overrides(path, changes)
        settings = params_file.load(path)
        assert settings.train_tl.model_dump() == study | {"learning_rate": 0.001, "dropout": 0.2}
        assert settings.finetune.model_dump(exclude={"frozen_layers"}) == study | {"learning_rate": 0.00001}
        # The values that the command does not need to set.
        assert settings.batch_size == 64
        assert settings.data.split.model_dump() == {"train": 0.8, "validation": 0.1, "test": 0.1}
        assert (settings.augment.flip, settings.augment.rotation) == ("horizontal", 0.2)


@of_the_sample
def test_the_committed_weights_are_a_file_that_dvc_tracks():
    weights = yaml.safe_load(SAMPLE)["backbone"]["weights"]
    assert (ROOT / f"{weights}.dvc").is_file()


def with_types(value: Any) -> Any:
    """`value` with the type of each value in it, since 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: with_types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_types(item) for item in value]
    return type(value), value


def sections_of(section: type[Section]) -> list[type[Section]]:
    """A section and all sections in it."""
    inner = [field.annotation for field in section.model_fields.values() if isinstance(field.annotation, type)]
    return [section, *(one for kind in inner if issubclass(kind, Section) for one in sections_of(kind))]


def test_a_section_checks_values_and_passes_them_on_unchanged():
    """No stage depends on the sections, so a default or a conversion would change results without running a stage."""
    loaded = params_file.load(SAMPLE_PARAMS).model_dump()
    assert loaded == yaml.safe_load(SAMPLE)
    assert with_types(loaded) == with_types(yaml.safe_load(SAMPLE))
    sections = sections_of(params_file.Params)
    assert {section.__name__ for section in sections} == {
        *("Params", "ResizeParams", "DataParams", "SplitParams", "BackboneParams", "FeaturesParams", "AugmentParams"),
        *("Params", "ResizeParams", "DataParams", "SplitParams", "BackboneParams", "FeaturesParams", "AugmentParams"),
        *("TrainTlParams", "FinetuneParams", "EarlyStoppingParams", "EvaluateParams", "CrossValidateParams"),
        "EngineParams",
    }
    for section in sections:
        assert [name for name, field in section.model_fields.items() if not field.is_required()] == [], section


@pytest.mark.parametrize(
    ("key", "value", "pieces"),
    [
        ("bach_size", 64, ["bach_size is not a parameter", "did you mean batch_size?"]),
        ("zzz", 1, ["zzz is not a parameter", "seed, image_size, resize, batch_size, precision, data"]),
        ("train_tl.epoch", 3, ["train_tl.epoch is not a parameter", "did you mean epochs?"]),
        ("finetune.early_stopping.patiense", 3, ["finetune.early_stopping.patiense", "did you mean patience?"]),
        ("data.split.trian", 0.5, ["data.split.trian is not a parameter", "did you mean train?"]),
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
        ("resize", ABSENT, ["resize is missing", "a section with fit, antialias"]),
        ("resize", "crop", ["resize is 'crop'", "a section with fit, antialias"]),
        ("resize.fit", "stretch", ["resize.fit is 'stretch'", "allowed: squash, crop or pad"]),
        ("resize.fit", ["crop"], ["resize.fit is ['crop']", "allowed: squash, crop or pad"]),
        ("resize.antialias", "yes", ["resize.antialias is 'yes'", "allowed: true or false"]),
        ("resize.antialias", 1, ["resize.antialias is 1", "allowed: true or false"]),
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
        ("train_tl.class_weights", "even", ["train_tl.class_weights is 'even'", "balanced, or null for none"]),
        ("finetune.class_weights", {"a": 2}, ["finetune.class_weights is", "balanced, or null for none"]),
        ("train_tl.label_smoothing", 1.0, ["train_tl.label_smoothing is 1.0", "a number from 0 to below 1"]),
        ("finetune.label_smoothing", ABSENT, ["finetune.label_smoothing is missing", "from 0 to below 1"]),
        ("finetune.dropout", 0.2, ["finetune.dropout is not a parameter"]),
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
        ("evaluate.views", 3, ["evaluate.views is 3", "1, 2, 4 or 8"]),
        ("evaluate.views", 4.0, ["evaluate.views is 4.0", "1, 2, 4 or 8"]),
        ("evaluate.views", True, ["evaluate.views is true", "1, 2, 4 or 8"]),
        ("evaluate.gallery_class", 7, ["evaluate.gallery_class is 7", "(in quotes)"]),
        ("evaluate.near_duplicate", 0, ["evaluate.near_duplicate is 0", "above 0 and at most 1"]),
        ("evaluate.near_duplicate", 1.01, ["evaluate.near_duplicate is 1.01", "above 0 and at most 1"]),
        ("evaluate.near_duplicate", ABSENT, ["evaluate.near_duplicate is missing", "above 0 and at most 1"]),
        ("engine.name", "spark", ["engine.name is 'spark'", "local or ray"]),
        ("engine.address", "ray://10.0.0.1:10001", ["engine.address is 'ray://10.0.0.1:10001'", "null, or a host and"]),
        ("engine.address", "10.0.0.1", ["engine.address is '10.0.0.1'", "null, or a host and port"]),
        ("engine.address", "user@host:6379", ["engine.address is 'user@host:6379'", "null, or a host and port"]),
        ("engine.address", 6379, ["engine.address is 6379", "null, or a host and port"]),
        ("engine", ABSENT, ["engine is missing", "a section with name, address, shared"]),
    ],
)
def test_an_invalid_value_is_reported_with_its_key_and_what_is_allowed(tmp_path, key, value, pieces):
    path = write_changed(tmp_path / "params.yaml", key, value)
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    assert len(raised.value.sentences) == 1
    assert str(raised.value).startswith(f"{path}: ")
    for piece in pieces:
        assert piece in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resize", {"fit": "pad", "antialias": True}),
        ("resize.fit", "crop"),
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
        ("finetune.class_weights", "balanced"),
        ("train_tl.early_stopping.patience", 1),
        ("finetune.early_stopping.patience", None),
        ("seed", 2**32 - 1),
        ("image_size", 32),
        ("evaluate.gallery_class", "007"),
        ("evaluate.near_duplicate", 1),
    ],
)
def test_an_allowed_value_is_accepted(tmp_path, key, value):
    loaded = params_file.load(write_changed(tmp_path / "params.yaml", key, value)).model_dump()
    for name in key.split("."):
        loaded = loaded[name]
    assert loaded == value


@pytest.mark.parametrize(("written", "number"), [("2e-5", 2e-5), ("2e-05", 2e-5), ("2.5E-4", 2.5e-4), ("1e-0", 1.0)])
def test_a_number_with_an_exponent_needs_neither_a_point_nor_quotes(tmp_path, written, number):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"learning_rate: [0-9.]+", f"learning_rate: {written}", SAMPLE), encoding="utf-8")
    settings = params_file.load(path)
    assert settings.train_tl.learning_rate == settings.finetune.learning_rate == number


# Plain values that YAML 1.1 and 1.2 read in different ways, or that a reader may take for something else.
TRICKY = [
    *(
        "010",
        "-010",
        "0o10",
        "0x10",
        "0b11",
        "1_000",
        "+1",
        "1:30",
        "190:20:30",
        "1.",
        ".5",
        "-.5",
        "1e3",
        "2e-05",
        "2E5",
    ),
    *(
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "True",
        "TRUE",
        "tRUE",
        "null",
        "Null",
        "~",
        "",
        "none",
        ".nan",
        ".inf",
    ),
    *("1e999", "2001-12-14", "2001-02-30", "2001-12-14T21:59:43Z", "="),
    *("<<", "0.0.1", "1,000", "'010'", '"1:30"', "!!str 1"),
    *("!!int '3'", "!!float 3", "!!bool yes", "!!binary aGk=", "!own 1"),
    *("0o8", "08", "08.5", "0.1_5", "1e-1_0", "--1", "!!null x"),
]
INTRODUCTIONS = ["", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "\ufeff", "# é\r\n"]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
@pytest.mark.parametrize("written", TRICKY)
def test_a_value_is_read_as_dvc_reads_it_or_refused(tmp_path, introduction, written):
    path = tmp_path / "params.yaml"
    text = re.sub(r"(?m)^seed: 1\b", lambda _: f"seed: {written}", SAMPLE)
    text = re.sub(r"dropout: 0\.2\b", lambda _: f"dropout: {written}", text)
    path.write_text(introduction + text, encoding="utf-8")
    assert_agrees_with_dvc(path)


def assert_agrees_with_dvc(path):
    """Check that each value of the file is the one that DVC reads, or that the file is refused."""
    try:
        loaded = params_file.load(path).model_dump()
    except UserError:
        return
    # A whole number where a number is expected is the same number.
    assert loaded == load_yaml(path)


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("seed", "010", 10),
        ("seed", "0o10", 8),
        ("seed", "0x10", 16),
        ("batch_size", "+8", 8),
        ("image_size", "0064", 64),
    ],
)
def test_numbers_are_those_of_yaml_1_2(tmp_path, key, written, value):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(rf"(?m)^{key}: \d+", f"{key}: {written}", SAMPLE), encoding="utf-8")
    assert getattr(params_file.load(path), key) == value == load_yaml(path)[key]


@pytest.mark.parametrize("written", ["1:30", "yes", "on", "'3'", "1e", "12e03x"])
def test_text_that_is_a_number_or_a_truth_value_in_yaml_1_1_is_refused(tmp_path, written):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"(?m)^batch_size: \d+", f"batch_size: {written}", SAMPLE), encoding="utf-8")
    shown = written.strip("'")
    with pytest.raises(UserError, match=f"batch_size is '{shown}'; allowed: a whole number from 1 to 8192"):
        params_file.load(path)


def test_aliases_that_would_fill_the_memory_are_refused_at_once(tmp_path):
    path = tmp_path / "params.yaml"
    merges = "".join(f"a{number}: &a{number} {{<<: [*a{number - 1}, *a{number - 1}]}}\n" for number in range(1, 60))
    path.write_text(f"a0: &a0 {{x: 1}}\n{merges}", encoding="utf-8")
    with pytest.raises(UserError, match=r"is not valid YAML: it has 118 aliases, more than 20: write the values out$"):
        params_file.load(path)


def test_a_few_aliases_are_allowed(tmp_path):
    stopping = "early_stopping: {patience: null, min_delta: 0.001}"
    assert SAMPLE.count(stopping) == 2
    text = SAMPLE.replace(stopping, f"early_stopping: &stop {stopping.partition(' ')[2]}", 1)
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(stopping, "early_stopping: *stop"), encoding="utf-8")
    settings = params_file.load(path)
    assert settings.finetune.early_stopping == settings.train_tl.early_stopping
    assert_agrees_with_dvc(path)


def test_shares_must_add_up_to_one(tmp_path):
    path = write_changed(tmp_path / "params.yaml", "data.split", {"train": 0.8, "validation": 0.1, "test": 0.2})
    with pytest.raises(UserError, match=r"data\.split adds up to 1\.1; its three shares must add up to 1"):
        params_file.load(path)


def test_shares_may_miss_one_by_a_rounding_error(tmp_path):
    thirds = {"train": 0.333333333, "validation": 0.333333333, "test": 0.333333333}
    assert (
        params_file.load(write_changed(tmp_path / "params.yaml", "data.split", thirds)).data.split.model_dump()
        == thirds
    )


def test_a_duplicate_key_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SAMPLE + "seed: 2\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'is not valid YAML: found duplicate key "seed" .*in line [0-9]+$'):
        params_file.load(path)


def test_a_duplicate_key_in_a_section_is_refused(tmp_path):
    path = write_replaced(tmp_path / "params.yaml", "  dropout:", "  dropout: 0.3\n  dropout:")
    with pytest.raises(UserError, match=r'is not valid YAML: found duplicate key "dropout" .*in line [0-9]+$'):
        params_file.load(path)


@pytest.mark.parametrize(
    "text", ["seed: [1", "seed: 1\n\tbatch_size: 2\n", "a: b: c\n", "seed: !!python/name:os.system\n"]
)
def test_a_file_that_is_not_yaml_is_refused(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not valid YAML") as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"seed: \xff\xfe\n", b"\x00\x01\x02"])
def test_a_file_that_is_not_text_is_refused(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not valid YAML"):
        params_file.load(path)


@pytest.mark.parametrize(
    ("text", "shown"), [("", "null"), ("# nothing\n", "null"), ("- 1\n- 2\n", "[1, 2]"), ("5\n", "5")]
)
def test_a_file_without_keys_is_refused(tmp_path, text, shown):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        params_file.load(path)
    assert f"{path}: the file is {shown}; allowed: the keys seed, image_size, " in str(raised.value)


@pytest.mark.parametrize("key", ["1: 2", "true: 2", "null: 2", "? [a, b]\n: 2", "? {a: b}\n: 2"])
def test_a_key_that_is_not_a_name_is_refused(tmp_path, key):
    path = tmp_path / "params.yaml"
    path.write_text(f"{SAMPLE}{key}\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(UserError, match="is missing: restore it with `git checkout") as raised:
        params_file.load(path)
    assert str(path) in str(raised.value)


def test_all_errors_of_a_file_are_reported_at_once(tmp_path):
    path = write_changed(tmp_path / "params.yaml", "seed", "one")
    text = re.sub(r"^batch_size: \d+", "batch_size: 0", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = text.replace("  views: ", "  wievs: ", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    keys = sorted(sentence.removeprefix(f"{path}: ").split(" is ")[0] for sentence in raised.value.sentences)
    assert keys == ["augment.views", "augment.wievs", "batch_size", "seed"]
    assert str(raised.value).splitlines() == raised.value.sentences


def test_a_long_value_is_shortened(tmp_path):
    path = write_changed(tmp_path / "params.yaml", "precision", "x" * 1000)
    with pytest.raises(UserErrors) as raised:
        params_file.load(path)
    assert len(str(raised.value)) < len(str(path)) + 150


@of_the_sample
def test_the_tests_have_the_parameters_of_the_sample():
    """They keep a copy of them, because a team commits others."""
    assert (ROOT / "params.yaml").read_text(encoding="utf-8") == SAMPLE, "run `cp params.yaml tests/sample_params.yaml`"


def test_loaded_parameters_are_immutable():
    settings = params_file.load(SAMPLE_PARAMS)
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2


def test_loading_parameters_imports_neither_tensorflow_nor_keras():
    code = (
        "import sys; from transfer import params_file; params_file.load(); "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    process = run_python(ROOT, "-c", code)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "[]"


def test_the_weights_of_the_sample_are_refused_on_other_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    bound = "outs:\n- md5: 12\n  path: x\n  remote: embedded\n  push: false\n"
    own = "outs:\n- md5: 12\n  path: x\n"
    sample, others = "weights/sample.weights.h5", "weights/ours.weights.h5"
    (tmp_path / f"{sample}.dvc").write_text(bound)
    (tmp_path / f"{others}.dvc").write_text(own)
    dataset = tmp_path / "dataset_images.dvc"

    def check(weights):
        path = write_changed(tmp_path / "params.yaml", "backbone.weights", weights)
        params_file.check_weights_fit_dataset(params_file.load(path))

    dataset.write_text(bound)
    check(sample)
    for text in (own, bound.replace("embedded", "team")):
        dataset.write_text(text)
        with pytest.raises(UserError) as raised:
            check(sample)
        assert str(raised.value) == (
            f"params.yaml: backbone.weights is {sample}, which was made for the embedded sample and not for the data "
            "of dataset_images.dvc: set it to imagenet, and set image_size and finetune.frozen_layers to fit, or let "
            "`make dataset` set them."
        )
        for weights in (others, "weights/untracked.h5", "imagenet", None):
            check(weights)
    dataset.unlink()
    with pytest.raises(UserError):
        check(sample)
