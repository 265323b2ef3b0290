"""Changing values in params.yaml without touching anything else."""

import pytest
import yaml

from commands.dataset import params_editor
from runs import SAMPLE_PARAMS
from transfer.interface.errors import UserError


def edit(tmp_path, text, values):
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    new, changes = params_editor.edited(path, values)
    assert path.read_bytes() == text.encode()  # nothing is written yet
    params_editor.write(path, new)
    return path.read_bytes().decode(), changes


def test_only_the_values_change_and_comments_stay_in_their_columns(tmp_path):
    text = (
        "# é\nsize: 128   # side\nbackbone:\n  name: A  # class\n  'weights': weights/x.h5 # file\n"
        "fit: {rounds: [54], stop: {patience: null, min: 0.1}} # all\nrate: 0.5\n"
    )
    values = {
        "size": 1024,
        "backbone.name": "Backbone",
        "backbone.weights": None,
        "fit.rounds": [500, 300],
        "fit.stop.patience": 2,
        "rate": 0.00001,
    }
    new, changes = edit(tmp_path, text, values)
    assert new == (
        "# é\nsize: 1024  # side\nbackbone:\n  name: Backbone # class\n  'weights': null         # file\n"
        "fit: {rounds: [500, 300], stop: {patience: 2, min: 0.1}} # all\nrate: 0.00001\n"
    )
    assert changes == {
        "size": ("128", "1024"),
        "backbone.name": ("A", "Backbone"),
        "backbone.weights": ("weights/x.h5", "null"),
        "fit.rounds": ("[54]", "[500, 300]"),
        "fit.stop.patience": ("null", "2"),
        "rate": ("0.5", "0.00001"),
    }


def test_values_that_are_the_same_stay_as_they_are_written(tmp_path):
    text = "a: 0x10\nb: [ 54 ]\nc: 0.80\n"
    assert edit(tmp_path, text, {"a": 16, "b": [54], "c": 0.8}) == (text, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f:\n  r:\n  - 54\n  - 20\n\n# next\ns: 1\n", "f:\n  r: [7]\n\n# next\ns: 1\n"),
        ("f:\n  r:\n      - 54 # one\n", "f:\n  r: [7] # one\n"),
        ("f:\r\n  r: [54]\r\ns: 1\r\n", "f:\r\n  r: [7]\r\ns: 1\r\n"),
        ('"f": {"r": [\n 54,\n 20\n]}', '"f": {"r": [7]}'),
    ],
)
def test_lists_in_lines_and_other_line_ends(tmp_path, text, expected):
    assert edit(tmp_path, text, {"f.r": [7]})[0] == expected


def test_the_committed_file_changes_in_the_lines_of_the_keys_only(tmp_path):
    text = SAMPLE_PARAMS.read_text()
    new, _ = edit(tmp_path, text, {"backbone.name": "InceptionResNetV2", "finetune.frozen_layers": [500, 300]})
    lines = [(a, b) for a, b in zip(text.splitlines(), new.splitlines(), strict=True) if a != b]
    assert [a[: a.index(":")].strip() for a, _ in lines] == ["name", "frozen_layers"]
    assert [a[a.index("#") :] for a, _ in lines] == [b[b.index("#") :] for _, b in lines]
    assert yaml.safe_load(new)["backbone"]["name"] == "InceptionResNetV2"


@pytest.mark.parametrize("text", ["a: 1\n", "x: 2\n", "x: [1]\n", "x:\n", ""])
def test_a_missing_key_is_named(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"params\.yaml has no key x\.y: restore the file with `git checkout "):
        params_editor.edited(path, {"x.y": 1})


@pytest.mark.parametrize(
    "text", ["a: &shared {n: 1}\nb: *shared\n", "a: {n: &one 1}\nb: *one\n", "a:\n  n: # why\n    - 1\n"]
)
def test_an_alias_or_a_comment_inside_of_a_value_is_refused(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(
        UserError, match=r"cannot edit, such as aliases, .*: run with KEEP_PARAMS=1, and set a\.n to 2\.$"
    ):
        params_editor.edited(path, {"a.n": 2})


def test_values_are_compared_as_dvc_reads_them(tmp_path):
    # In YAML 1.1, `010` is 8 and `1e-3` is text: one would be changed for nothing, and the other one would be kept.
    text = "a: 010\nb: 1e-3\n"
    assert edit(tmp_path, text, {"a": 10, "b": 0.001}) == (text, {})
