"""What is written to a file is whole, the same everywhere, and read back as it was."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transfer.interface.errors import UserError

from transfer.common import arrays
from transfer.common import atomic
from transfer.common import io


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_json_is_indented_rounded_utf8_and_ends_with_a_newline(tmp_path):
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
def test_json_refuses_what_is_no_number_and_keeps_the_old_file(tmp_path, number):
    path = tmp_path / "a.json"
    io.write_json(path, {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        io.write_json(path, {"loss": [number]})
    assert io.read_json(path) == {"loss": 1.0}
    assert names(tmp_path) == ["a.json"]


def test_a_text_that_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    io.write_text(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        io.write_text(path, "begun, and then \udcff")
    assert path.read_text() == "old\n"
    assert names(tmp_path) == ["a.txt"]


def test_text_has_unix_line_ends(tmp_path):
    io.write_text(tmp_path / "a.txt", "one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_csv_has_no_index_unix_line_ends_and_six_decimals(tmp_path):
    io.write_csv(tmp_path / "a.csv", pd.DataFrame({"class": ["ä", "b"], "accuracy": [2 / 3, 1.0], "n": [1, 2]}))
    assert (tmp_path / "a.csv").read_bytes() == "class,accuracy,n\nä,0.666667,1\nb,1.0,2\n".encode()


def test_class_names_come_back_from_csv_as_they_were(tmp_path):
    classes = ["007", "1e5", "NA", "null", "nan", "None", "True", "", "éclair", "a,b", 'the "x"', "it's", " spaced "]
    table = pd.DataFrame({"class": classes, "images": range(len(classes))})
    io.write_csv(tmp_path / "a.csv", table)
    found = io.read_csv(tmp_path / "a.csv", text_columns=("class",))
    assert list(found["class"]) == classes
    assert list(found["images"]) == list(range(len(classes)))


def test_a_missing_file_is_named_whatever_its_kind(tmp_path):
    for read, name in ((io.read_json, "a.json"), (io.read_csv, "a.csv"), (arrays.open_npy, "a.npy")):
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


@pytest.mark.parametrize("content", [b"", b'a,b\n1,"2\n', b"a,b\n1,2\n3,4,5\n", b"a,b\n\xff\xfe,1\n"])
def test_a_broken_csv_is_named(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        io.read_csv(path)
    assert str(path) in str(raised.value)


def test_an_array_is_opened_by_memory_map_and_not_to_be_written(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    found = arrays.open_npy(tmp_path / "a.npy")
    assert isinstance(found, np.memmap)
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


def test_a_broken_array_is_named(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(1000))
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    whole = (tmp_path / "whole.npy").read_bytes()
    for name, content in {
        "empty.npy": b"",
        "text.npy": b"no array",
        "half.npy": whole[: len(whole) // 2],
        "pickled.npy": (tmp_path / "objects.npy").read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="cannot be read") as raised:
            arrays.open_npy(tmp_path / name)
        assert name in str(raised.value)


def test_a_new_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "old").write_text("old")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
        assert names(tmp_path / "out") == ["deep"]
    assert names(tmp_path / "out") == ["new"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_was_not_finished_leaves_the_old_one_and_nothing_else(tmp_path, error):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(error), atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
        raise error
    assert (tmp_path / "out" / "old").read_text() == "old"
    assert names(tmp_path / "out") == ["old"]
    assert names(tmp_path) == ["out"]


def test_a_folder_left_half_done_by_a_killed_run_does_not_get_in(tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "rest").write_text("rest")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
    assert names(tmp_path / "out") == ["new"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("renamed", [0, 1])
def test_a_kill_while_a_folder_is_replaced_leaves_no_part_of_one(tmp_path, monkeypatch, renamed):
    for name in ("out", "new"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{name}{number}").write_text(name)
    really, done = Path.replace, []

    def killed(path, target):
        if len(done) == renamed:
            raise KeyboardInterrupt
        done.append(path)
        return really(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        atomic.replace_folder(tmp_path / "new", tmp_path / "out")
    monkeypatch.undo()
    assert names(tmp_path / "new") == ["new0", "new1", "new2"]
    assert renamed or names(tmp_path / "out") == ["out0", "out1", "out2"]
    atomic.replace_folder(tmp_path / "new", tmp_path / "out")
    assert names(tmp_path / "out") == ["new0", "new1", "new2"]
    assert names(tmp_path) == ["out"]


def test_what_has_its_name_is_on_disk(tmp_path, monkeypatch):
    """Not seen by a power failure, but by the order: each file is synced before its name is given."""
    events = []
    really, really_sync = Path.replace, os.fsync
    monkeypatch.setattr(os, "fsync", lambda place: events.append(f"sync {Path(f'/proc/self/fd/{place}').readlink()}"))
    monkeypatch.setattr(Path, "replace", lambda path, to: (events.append(f"name {to}"), really(path, to))[1])
    io.write_text(tmp_path / "a.json", "{}")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "weights").write_text("w")
    monkeypatch.setattr(os, "fsync", really_sync)
    assert events == [
        f"sync {tmp_path}/.a.json.partial",
        f"name {tmp_path}/a.json",
        f"sync {tmp_path}/.out.partial/weights",
        f"name {tmp_path}/out",
        f"sync {tmp_path}",
    ]
