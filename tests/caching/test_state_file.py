"""How far work has come: whole or not there, and found only by who does the same work."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import recipe
from transfer.caching import completed_batches
from transfer.caching import fingerprint
from transfer.caching import state_file

ABOUT = {"epochs": [{"loss": 0.1 + 0.2}], "best": float("-inf")}
ARRAYS = {"model": [np.arange(6.0, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)], "best": []}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_state_comes_back_in_every_bit():
    path = Path("state.npz")
    assert state_file.load(path) is None
    state_file.save(path, {"old": 1}, {})
    state_file.save(path, ABOUT, ARRAYS)
    about, arrays = state_file.load(path)
    assert about == ABOUT
    assert list(arrays) == ["model"]
    for found, expected in zip(arrays["model"], ARRAYS["model"], strict=True):
        assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    assert [path.name for path in Path().iterdir()] == ["state.npz"]


@pytest.mark.parametrize(
    "change",
    [
        lambda monkeypatch: monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3, 4, 5, 6}),
        lambda monkeypatch: monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1"),
        lambda monkeypatch: monkeypatch.setattr(Path, "read_text", lambda path, **how: "flags: fpu avx2 and others\n"),
    ],
    ids=["cores", "threads", "processor"],
)
def test_work_of_another_processor_or_with_other_threads_is_other_work(monkeypatch, change):
    # Sums come out otherwise in their last bits there: half of a training from each would be what neither gives
    before = fingerprint.compute(recipe(), [])
    assert before == fingerprint.compute(recipe(), [])
    change(monkeypatch)
    assert fingerprint.compute(recipe(), []) != before


def test_many_arrays_come_back_in_their_order():
    state_file.save(Path("state.npz"), {}, {"model": [np.array(number) for number in range(12)]})
    assert [int(found) for found in state_file.load(Path("state.npz"))[1]["model"]] == list(range(12))


@given(st.data())
def test_a_state_with_a_changed_byte_or_an_end_cut_off_is_never_used(data):
    state_file.save(Path("state.npz"), ABOUT, {"model": ARRAYS["model"]})
    whole = Path("state.npz").read_bytes()
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    Path("state.npz").write_bytes(damaged)
    found = state_file.load(Path("state.npz"))
    # A byte that nothing depends on, such as a date of the archive, may be any
    if found is not None:
        about, arrays = found
        assert about == ABOUT
        assert [array.tobytes() for array in arrays["model"]] == [array.tobytes() for array in ARRAYS["model"]]


def test_a_damaged_state_is_said(capsys):
    Path("state.npz").write_bytes(b"PK\x03\x04")
    assert state_file.load(Path("state.npz")) is None
    assert capsys.readouterr().err == "state.npz is damaged: what it had kept is done again.\n"


def test_a_state_is_replaced_in_one_step(monkeypatch):
    path = Path("state.npz")
    state_file.save(path, {"epoch": 1}, ARRAYS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state_file.save(path, {"epoch": 2}, ARRAYS)
    assert state_file.load(path)[0] == {"epoch": 1}


def test_the_key_follows_from_parameters_inputs_and_code(monkeypatch):
    for name in ("data", "more"):
        Path(name).mkdir()
        Path(name, "a.npy").write_bytes(b"1")
    first = fingerprint.compute(recipe(), [Path("data")])
    assert len(first) == 16 and int(first, 16)
    assert fingerprint.compute(recipe(), [Path("data")]) == first
    assert fingerprint.compute(recipe(), [Path("more")]) == first
    others = {fingerprint.compute(recipe(learning_rate=0.5), [Path("data")]), fingerprint.compute(recipe(), [Path("data"), Path("more")])}
    Path("data/a.npy").write_bytes(b"2")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    Path("data/a.npy").rename("data/b.npy")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    shutil.copytree(Path(resume.__file__).parent, "library")
    Path("library/new.py").write_text("")
    monkeypatch.setattr(resume, "__file__", "library/resume.py")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    monkeypatch.setattr(resume, "_version", lambda name: "0")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    assert len(others | {first}) == 7


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(resume.time, "monotonic", lambda: self.now)


@pytest.mark.parametrize(("step", "saves"), [(1, [10, 20, 30]), (4, [8, 16, 24]), (6, [6, 12, 18, 24, 30]), (30, [30])])
def test_it_is_time_to_save_before_more_than_ten_seconds_could_be_lost(monkeypatch, step, saves):
    clock, found = Clock(monkeypatch), []
    due = state_file.SaveTimer()
    for _ in range(30 // step):
        clock.now += step
        if due.now():
            found.append(clock.now - 100)
    assert found == saves


def progress(images=5, views=2):
    arrays = [
        np.lib.format.open_memmap("array.npy", "r+" if Path("array.npy").exists() else "w+", shape=(images, views))
    ]
    return arrays[0], completed_batches.CompletedBatches(Path("done"), arrays)


def test_a_batch_is_done_only_while_its_rows_hold_what_they_held():
    array, noted = progress()
    first, second = np.arange(0, 3), np.arange(3, 5)
    for rows, view in [(second, 0), (first, 1)]:
        array[rows, view] = rows + 10 * view
        noted.note(rows, view)
    assert not completed_batches.CompletedBatches(Path("done"), [array]).done(second, 0)
    noted.flush()
    array, noted = progress()
    assert [noted.done(rows, view) for view in (0, 1) for rows in (first, second)] == [False, True, True, False]
    array[4, 0] = 7
    assert not noted.done(second, 0)
    assert noted.done(first, 1)


def test_rows_of_nothing_but_zeros_are_done_only_if_they_were_noted():
    _, noted = progress()
    assert not noted.done(np.arange(3), 0)
    noted.note(np.arange(3), 0)
    noted.flush()
    assert progress()[1].done(np.arange(3), 0)


def test_what_is_noted_is_flushed_in_time(monkeypatch):
    clock = Clock(monkeypatch)
    _, noted = progress()
    noted.note(np.arange(3), 0)
    assert not progress()[1].done(np.arange(3), 0)
    clock.now += 9
    noted.note(np.arange(3, 5), 0)
    assert progress()[1].done(np.arange(3), 0) and progress()[1].done(np.arange(3, 5), 0)
