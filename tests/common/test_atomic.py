"""Atomic writes: a file or folder appears complete or not at all, and keeps its old content until then."""

import os
from pathlib import Path

import pytest

from transfer.common import atomic, io


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_file_has_unix_line_endings(tmp_path):
    with atomic.text_file(tmp_path / "a.txt") as file:
        file.write("one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_text_that_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    io.write_text(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        io.write_text(path, "valid text, then \udcff")
    assert path.read_text() == "old\n"
    assert names(tmp_path) == ["a.txt"]


def test_a_new_folder_replaces_the_old_one_as_a_whole(tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "old").write_text("old")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
        assert names(tmp_path / "out") == ["deep"]
    assert names(tmp_path / "out") == ["new"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_unfinished_folder_leaves_the_old_one_and_nothing_else(tmp_path, error):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(error), atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
        raise error
    assert (tmp_path / "out" / "old").read_text() == "old"
    assert names(tmp_path / "out") == ["old"]
    assert names(tmp_path) == ["out"]


def test_the_remains_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "rest").write_text("rest")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
    assert names(tmp_path / "out") == ["new"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("completed", [0, 1])
def test_a_kill_while_a_folder_is_replaced_leaves_every_folder_complete_or_absent(tmp_path, monkeypatch, completed):
    for name in ("out", "new"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{name}{number}").write_text(name)
    replace, renames = Path.replace, []

    def replace_or_die(path, target):
        if len(renames) == completed:
            raise KeyboardInterrupt
        renames.append(path)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_or_die)
    with pytest.raises(KeyboardInterrupt):
        atomic.replace_folder(tmp_path / "new", tmp_path / "out")
    monkeypatch.undo()
    assert names(tmp_path / "new") == ["new0", "new1", "new2"]
    assert completed or names(tmp_path / "out") == ["out0", "out1", "out2"]
    atomic.replace_folder(tmp_path / "new", tmp_path / "out")
    assert names(tmp_path / "out") == ["new0", "new1", "new2"]
    assert names(tmp_path) == ["out"]


def test_content_is_on_disk_before_it_has_its_final_name(tmp_path, monkeypatch):
    """A test cannot cause a power failure, but it can check the order: each file is synced before it is renamed."""
    events = []
    replace, sync = Path.replace, os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: events.append(f"sync {Path(f'/proc/self/fd/{number}').readlink()}"))
    monkeypatch.setattr(Path, "replace", lambda path, to: (events.append(f"name {to}"), replace(path, to))[1])
    io.write_text(tmp_path / "a.json", "{}")
    with atomic.folder(tmp_path / "out") as folder:
        (folder / "weights").write_text("w")
    monkeypatch.setattr(os, "fsync", sync)
    assert events == [
        f"sync {tmp_path}/.a.json.partial",
        f"name {tmp_path}/a.json",
        f"sync {tmp_path}/.out.partial/weights",
        f"name {tmp_path}/out",
        f"sync {tmp_path}",
    ]


def test_files_are_copied_to_the_same_places_byte_for_byte_and_may_be_written_afterwards(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    contents = {"a.json": b"{}\n", "deep/er/b c.png": b"\x89\0"}
    for name, content in contents.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
        # As DVC leaves a link to its cache.
        (source / name).chmod(0o444)
    target.mkdir()
    (target / "a.json").write_text("older")
    (target / "kept.txt").write_text("kept")
    atomic.copy_files(source, target)
    assert {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()} == {
        **contents,
        "kept.txt": b"kept",
    }
    for name in contents:
        (target / name).open("a").close()


def test_a_folder_in_the_way_of_a_copied_file_is_named(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/a.json").write_text("{}")
    (tmp_path / "target/a.json").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match=r"a\.json"):
        atomic.copy_files(tmp_path / "source", tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["a.json"]
