"""State files: a state is loaded bit for bit as it was saved, or not at all, and is saved in time."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.caching import state_file

PATH = Path("state.npz")
VALUES = {"epochs": [{"loss": 0.1 + 0.2}], "best": float("-inf")}
ARRAYS = {"model": [np.arange(6.0, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)], "best": []}


def test_a_saved_state_is_loaded_bit_for_bit():
    assert state_file.load(PATH) is None
    state_file.save(PATH, {"old": 1}, {})
    state_file.save(PATH, VALUES, ARRAYS)
    values, arrays = state_file.load(PATH)
    assert values == VALUES
    assert list(arrays) == ["model"]
    for loaded, saved in zip(arrays["model"], ARRAYS["model"], strict=True):
        assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (saved.dtype, saved.shape, saved.tobytes())
    assert [path.name for path in Path().iterdir()] == ["state.npz"]


def test_many_arrays_keep_their_order():
    state_file.save(PATH, {}, {"model": [np.array(number) for number in range(12)]})
    assert [int(array) for array in state_file.load(PATH)[1]["model"]] == list(range(12))


@given(st.data())
def test_a_state_with_a_changed_byte_or_a_missing_end_is_never_used(data):
    state_file.save(PATH, VALUES, {"model": ARRAYS["model"]})
    content = PATH.read_bytes()
    if data.draw(st.booleans()):
        damaged = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        place = data.draw(st.integers(0, len(content) - 1))
        damaged = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    PATH.write_bytes(damaged)
    state = state_file.load(PATH)
    # Any value is good enough for a byte that nothing depends on, such as a date of the archive.
    if state is not None:
        values, arrays = state
        assert values == VALUES
        assert [array.tobytes() for array in arrays["model"]] == [array.tobytes() for array in ARRAYS["model"]]


def test_a_damaged_state_is_reported(capsys):
    PATH.write_bytes(b"PK\x03\x04")
    assert state_file.load(PATH) is None
    assert capsys.readouterr().err == "state.npz is damaged: the work that it held is done again.\n"


def test_a_state_is_replaced_atomically(monkeypatch):
    state_file.save(PATH, {"epoch": 1}, ARRAYS)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        state_file.save(PATH, {"epoch": 2}, ARRAYS)
    assert state_file.load(PATH)[0] == {"epoch": 1}


@pytest.mark.parametrize(("step", "saves"), [(1, [10, 20, 30]), (4, [8, 16, 24]), (6, [6, 12, 18, 24, 30]), (30, [30])])
def test_a_save_is_due_before_a_kill_could_lose_more_than_ten_seconds(clock, step, saves):
    timer, seconds = state_file.SaveTimer(), []
    for _ in range(30 // step):
        clock.now += step
        if timer.is_due():
            seconds.append(clock.now - 100)
    assert seconds == saves
