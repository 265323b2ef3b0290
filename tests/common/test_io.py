"""JSON and CSV files: the same bytes everywhere, read back as they were written, broken files named."""

import json

import numpy as np
import pandas as pd
import pytest

from transfer.common import io
from transfer.interface.errors import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_json_is_indented_and_rounded_utf8_that_ends_with_a_newline(tmp_path):
    path = tmp_path / "new" / "folder" / "a.json"
    io.write_json(path, {"é": 1 / 3, "b": [0.12345678, {"c": np.float64(2) / 3}], "n": 7, "t": True, "x": None})
    assert (
        path.read_bytes()
        == (
            '{\n  "é": 0.333333,\n  "b": [\n    0.123457,\n    {\n      "c": 0.666667\n    }\n  ],\n'
            '  "n": 7,\n  "t": true,\n  "x": null\n}\n'
        ).encode()
    )


def test_json_keeps_the_order_of_keys(tmp_path):
    io.write_json(tmp_path / "a.json", {"z": 1, "a": 2})
    assert list(json.loads((tmp_path / "a.json").read_text())) == ["z", "a"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("nan")])
def test_json_refuses_a_float_that_is_not_a_number_and_keeps_the_old_file(tmp_path, number):
    path = tmp_path / "a.json"
    io.write_json(path, {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        io.write_json(path, {"loss": [number]})
    assert io.read_json(path) == {"loss": 1.0}
    assert names(tmp_path) == ["a.json"]


def test_csv_has_no_index_unix_line_endings_and_six_decimals(tmp_path):
    io.write_csv(tmp_path / "a.csv", pd.DataFrame({"class": ["ä", "b"], "accuracy": [2 / 3, 1.0], "n": [1, 2]}))
    assert (tmp_path / "a.csv").read_bytes() == "class,accuracy,n\nä,0.666667,1\nb,1.0,2\n".encode()


def test_class_names_survive_a_round_trip_through_csv(tmp_path):
    classes = ["007", "1e5", "NA", "null", "nan", "None", "True", "", "éclair", "a,b", 'the "x"', "it's", " spaced "]
    table = pd.DataFrame({"class": classes, "images": range(len(classes))})
    io.write_csv(tmp_path / "a.csv", table)
    returned = io.read_csv(tmp_path / "a.csv", text_columns=("class",))
    assert list(returned["class"]) == classes
    assert list(returned["images"]) == list(range(len(classes)))


@pytest.mark.parametrize(("read", "name"), [(io.read_json, "a.json"), (io.read_csv, "a.csv")])
def test_a_missing_file_is_named(tmp_path, read, name):
    with pytest.raises(UserError, match="is missing: run `dvc repro`") as raised:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"{'a': 1}", b'{"a": "\xff"}'])
def test_a_broken_json_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not valid JSON") as raised:
        io.read_json(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", ["{}", '{"fit": 1}', '{"fit": {"loss": "low"}}', '{"fit": {"loss": null}}', "[1]"])
def test_a_missing_key_of_a_json_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError) as raised:
        io.read_json(path, {"fit.loss": io.NUMBER})
    assert str(raised.value) == (
        f"{path} has no usable value for fit.loss: restore it, or make it again with `dvc repro`."
    )


@pytest.mark.parametrize("content", [b"", b'a,b\n1,"2\n', b"a,b\n1,2\n3,4,5\n", b"a,b\n\xff\xfe,1\n"])
def test_a_broken_csv_is_named(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a valid table") as raised:
        io.read_csv(path)
    assert str(path) in str(raised.value)


def test_a_missing_column_of_a_csv_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("class,images\na,1\n")
    with pytest.raises(UserError) as raised:
        io.read_csv(path, text_columns=("class", "split"))
    assert str(raised.value) == f"{path} is not a valid table (no column split): make it again with `dvc repro`."
