"""Scratch space: enough of it or a sentence, and nothing of it stays, whatever becomes of the process that had it."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from runs import ROOT

from transfer import scratch
from transfer.faults import Fault

# Says which folder it has, and keeps it until it is told to end
OTHER = """
from transfer import scratch
with scratch.folder(1, "a test", "wait") as folder:
    (folder / "half").write_bytes(bytes(1000))
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@contextmanager
def another_process():
    """Another process inside the block, and its folder."""
    words = [sys.executable, "-c", OTHER]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def folders():
    """What is there apart from the lock that all share."""
    return sorted(path for path in scratch.FOLDER.iterdir() if path.name != "lock")


def free(monkeypatch, amount):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=amount))


def test_a_disk_that_is_too_small_is_told_with_both_amounts_and_nothing_is_left(tmp_path, monkeypatch):
    free(monkeypatch, 50_000_000)
    with pytest.raises(Fault) as raised, scratch.folder(3_210_000_000, "keeping a thing", "keep less"):
        pytest.fail("there was no space for it")
    told = "keeping a thing needs 3.2 GB of disk, and 50.0 MB are free: free some, or keep less."
    assert str(raised.value) == f"{tmp_path / '.scratch'}: {told}"
    assert folders() == []


def test_space_that_is_just_enough_is_taken(monkeypatch):
    free(monkeypatch, 1_000)
    with scratch.folder(1_000, "a test", "wait") as folder:
        assert folders() == [folder]
    with pytest.raises(Fault), scratch.folder(1_001, "a test", "wait"):
        pytest.fail("there was no space for it")


def test_the_folder_goes_when_the_block_ends_however_it_ends():
    with scratch.folder(1, "a test", "wait") as folder:
        (folder / "deeper").mkdir()
        (folder / "deeper/file").write_bytes(b"1")
        assert folders() == [folder]
    assert folders() == []
    with pytest.raises(KeyboardInterrupt), scratch.folder(1, "a test", "wait") as folder:
        (folder / "file").write_bytes(b"1")
        raise KeyboardInterrupt
    assert folders() == []


def test_what_a_killed_process_has_left_goes_when_the_next_begins():
    with another_process() as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert folders() == [left]
        assert (left / "half").stat().st_size == 1000
        with scratch.folder(1, "a test", "wait") as own:
            assert folders() == [own]
            assert own != left


def test_what_a_killed_process_has_left_takes_no_space_from_the_next(monkeypatch):
    with another_process() as (process, left):
        process.kill()
        process.wait()
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0 if left.exists() else 10))
        with scratch.folder(10, "a test", "wait") as own:
            assert folders() == [own]


def test_a_folder_without_a_lock_goes_too_and_a_file_of_someone_else_stays():
    (scratch.FOLDER / "begun").mkdir(parents=True)
    (scratch.FOLDER / "note").write_text("mine")
    with scratch.folder(1, "a test", "wait") as own:
        assert folders() == sorted([scratch.FOLDER / "note", own])


def test_the_folder_of_a_living_process_stays_until_it_ends():
    with another_process() as (process, its_own):
        for _ in range(2):
            with scratch.folder(1, "a test", "wait") as own:
                assert folders() == sorted([its_own, own])
        assert (its_own / "half").stat().st_size == 1000
        process.communicate("go on\n")
        assert process.returncode == 0
        assert folders() == []


def test_those_that_begin_and_end_at_the_same_time_do_not_trip_over_each_other():
    def again_and_again(number):
        for _ in range(200):
            with scratch.folder(1, "a test", "wait") as own:
                (own / "whose").write_text(str(number))
                assert (own / "whose").read_text() == str(number)

    # A lock belongs to who opened the file: threads keep each other out as processes do
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(again_and_again, range(4)))
    assert folders() == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot take space beforehand")
def test_an_array_takes_all_its_space_at_once():
    path = Path("array")
    found = scratch.array(path, (100, 3, 1000), np.float32)
    assert found.shape == (100, 3, 1000)
    # Nothing has been written yet; a file with holes would have next to no blocks (of 512 bytes)
    assert path.stat().st_size == 100 * 3 * 1000 * 4
    assert path.stat().st_blocks * 512 >= 100 * 3 * 1000 * 4


def test_an_array_gives_back_what_was_put_into_it_also_in_bfloat16():
    bfloat16 = np.dtype(ml_dtypes.bfloat16)
    found = scratch.array(Path("array"), (2, 3), bfloat16)
    assert found.dtype == bfloat16
    found[:, 1] = np.array([1.0, -2.5], bfloat16)
    assert found.astype(float).tolist() == [[0, 1, 0], [0, -2.5, 0]]
    # The upper half of the bits that float32 has: 1 is 3F80 0000 there, -2.5 is C020 0000
    found.flush()
    assert np.fromfile("array", "<u2").tolist() == [0, 0x3F80, 0, 0, 0xC020, 0]
