"""Scratch space: found again by who has the same work to do, taken by nobody else, gone when the work is done."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from transfer.interface.errors import UserError

from runs import ROOT
from transfer.caching import scratch
from transfer.common import arrays

# Says which folder it has, and keeps it until it is told to end
OTHER = """
from transfer import scratch
with scratch.folder("stage", "0123") as folder:
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


def test_the_folder_goes_when_the_work_is_done():
    with scratch.folder("stage", "0123") as folder:
        (folder / "deeper").mkdir()
        (folder / "deeper/file").write_bytes(b"1")
        assert folders() == [folder] == [Path(".scratch/stage-0123")]
    assert folders() == []


def test_the_folder_stays_when_the_work_is_broken_off_and_is_found_again():
    with pytest.raises(KeyboardInterrupt), scratch.folder("stage", "0123") as folder:
        (folder / "file").write_bytes(b"1")
        raise KeyboardInterrupt
    with scratch.folder("stage", "0123") as folder:
        assert (folder / "file").read_bytes() == b"1"
    assert folders() == []


def test_nothing_stays_where_nothing_was_begun():
    with pytest.raises(UserError), scratch.folder("stage", "0123") as folder:
        (folder / "deeper").mkdir()
        raise UserError("no space")
    assert folders() == []


def test_what_a_killed_process_has_left_is_gone_on_with():
    with another_process() as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with scratch.folder("stage", "0123") as own:
            assert own == left
            assert (own / "half").stat().st_size == 1000


def test_work_made_from_something_else_is_left_alone_and_said(capsys):
    with another_process() as (process, left):
        process.kill()
        process.wait()
        with scratch.folder("stage", "4567") as own:
            assert folders() == [left, own]
        assert folders() == [left]
    told = capsys.readouterr().err
    assert told.startswith(
        ".scratch/stage-0123/ (0.0 MB) is unfinished work of stage on other parameters, data or code"
    )
    assert told.count("\n") == 1
    with scratch.folder("other", "4567"):
        assert capsys.readouterr().err == ""


def test_the_same_work_is_not_done_by_two_processes_at_once(capsys):
    with another_process() as (process, its_own):
        with pytest.raises(UserError, match=r"stage-0123/ is in use: another process is at the same work"):
            scratch.folder("stage", "0123").__enter__()
        # Other work goes on beside it, and says nothing of it
        with scratch.folder("stage", "4567") as own:
            assert folders() == [its_own, own]
        assert capsys.readouterr().err == ""
        assert (its_own / "half").stat().st_size == 1000
        process.communicate("go on\n")
        assert process.returncode == 0
        assert folders() == []


def test_a_disk_that_is_too_small_is_told_with_both_amounts(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=50_000_000))
    scratch.check_disk_space(50_000_000, "a test", "wait")
    with pytest.raises(UserError) as raised:
        scratch.check_disk_space(3_210_000_000, "keeping a thing", "keep less")
    told = "keeping a thing needs 3.2 GB of disk, and 50.0 MB are free: free some, or keep less."
    assert str(raised.value) == f"{tmp_path / '.scratch'}: {told}"


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot take space beforehand")
def test_an_array_takes_all_its_space_at_once():
    path = Path("array.npy")
    found = scratch.open_array(path, (100, 3, 1000), np.float32)
    assert found.shape == (100, 3, 1000)
    # Nothing has been written yet; a file with holes would have next to no blocks (of 512 bytes)
    assert 100 * 3 * 1000 * 4 < path.stat().st_size < 100 * 3 * 1000 * 4 + 1000
    assert path.stat().st_blocks * 512 >= 100 * 3 * 1000 * 4


def test_an_array_gives_back_what_was_put_into_it_also_in_bfloat16():
    bfloat16 = np.dtype(ml_dtypes.bfloat16)
    found = scratch.open_array(Path("array.npy"), (2, 3), bfloat16)
    assert found.dtype == bfloat16
    found[:, 1] = np.array([1.0, -2.5], bfloat16)
    found.flush()
    again = scratch.open_array(Path("array.npy"), (2, 3), bfloat16)
    assert again.astype(float).tolist() == [[0, 1, 0], [0, -2.5, 0]]
    # The upper half of the bits that float32 has: 1 is 3F80 0000 there, -2.5 is C020 0000
    assert np.load("array.npy").ravel().tolist() == [0, 0x3F80, 0, 0, 0xC020, 0]


def test_an_array_whose_space_was_not_taken_whole_is_never_found(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "posix_fallocate", full, raising=False)
        scratch.open_array(Path("array.npy"), (2, 3), np.float32)
    assert not Path("array.npy").exists()
    assert arrays.create_npy("other.npy", (2, 3), np.float32).tolist() == [[0, 0, 0], [0, 0, 0]]
