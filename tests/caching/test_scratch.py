"""Scratch folders: used again for the same work, by one process at a time, and removed when the work is complete."""

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

from runs import ROOT
from transfer.caching import scratch
from transfer.common import arrays
from transfer.interface.errors import UserError

# Prints which folder it has, and keeps it until it reads a line.
PROGRAM = """
from transfer.caching import scratch
with scratch.locked_folder("stage", "0123") as folder:
    (folder / "half").write_bytes(bytes(1000))
    print(folder, flush=True)
    input()
"""


@contextmanager
def another_process():
    """A process that is inside the block, and its scratch folder."""
    words = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def folders():
    """The scratch folders, without the lock that all processes share."""
    return sorted(path for path in scratch.SCRATCH.iterdir() if path.name != "lock")


def test_the_folder_is_removed_when_the_work_is_complete():
    with scratch.locked_folder("stage", "0123") as folder:
        (folder / "deeper").mkdir()
        (folder / "deeper/file").write_bytes(b"1")
        assert folders() == [folder] == [Path(".scratch/stage-0123")]
    assert folders() == []


def test_the_folder_stays_after_an_interruption_and_is_used_again():
    with pytest.raises(KeyboardInterrupt), scratch.locked_folder("stage", "0123") as folder:
        (folder / "file").write_bytes(b"1")
        raise KeyboardInterrupt
    with scratch.locked_folder("stage", "0123") as folder:
        assert (folder / "file").read_bytes() == b"1"
    assert folders() == []


def test_an_empty_folder_is_removed_also_after_an_error():
    with pytest.raises(UserError), scratch.locked_folder("stage", "0123") as folder:
        (folder / "deeper").mkdir()
        raise UserError("no space")
    assert folders() == []


def test_the_folder_of_a_killed_process_is_used_again():
    with another_process() as (process, left_behind):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with scratch.locked_folder("stage", "0123") as folder:
            assert folder == left_behind
            assert (folder / "half").stat().st_size == 1000


def test_unfinished_work_with_other_inputs_is_kept_and_reported(capsys):
    with another_process() as (process, left_behind):
        process.kill()
        process.wait()
        with scratch.locked_folder("stage", "4567") as folder:
            assert folders() == [left_behind, folder]
        assert folders() == [left_behind]
    message = capsys.readouterr().err
    assert message.startswith(
        ".scratch/stage-0123/ (0.0 MB) is unfinished work of stage with other parameters, data or code"
    )
    assert message.count("\n") == 1
    with scratch.locked_folder("other", "4567"):
        assert capsys.readouterr().err == ""


def test_two_processes_never_do_the_same_work_at_once(capsys):
    with another_process() as (process, in_use):
        with pytest.raises(UserError, match=r"stage-0123/ is in use: another process does the same work; wait until"):
            scratch.locked_folder("stage", "0123").__enter__()
        # Other work is possible meanwhile, and does not mention this work.
        with scratch.locked_folder("stage", "4567") as folder:
            assert folders() == [in_use, folder]
        assert capsys.readouterr().err == ""
        assert (in_use / "half").stat().st_size == 1000
        process.communicate("end\n")
        assert process.returncode == 0
        assert folders() == []


def test_a_disk_that_is_too_small_is_reported_with_both_amounts(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=50_000_000))
    scratch.check_disk_space(50_000_000, "a test", "wait")
    with pytest.raises(UserError) as raised:
        scratch.check_disk_space(3_210_000_000, "keeping an array", "keep less")
    message = "keeping an array needs 3.2 GB of disk space, but 50.0 MB are free: free some space, or keep less."
    assert str(raised.value) == f"{tmp_path / '.scratch'}: {message}"


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot allocate space in advance")
def test_the_space_of_an_array_is_allocated_at_once():
    path = Path("array.npy")
    array = scratch.open_array(path, (100, 3, 1000), np.float32)
    assert array.shape == (100, 3, 1000)
    # Nothing has been written yet. A file with holes would have almost no blocks of 512 bytes.
    assert 100 * 3 * 1000 * 4 < path.stat().st_size < 100 * 3 * 1000 * 4 + 1000
    assert path.stat().st_blocks * 512 >= 100 * 3 * 1000 * 4


def test_an_array_keeps_its_values_also_in_bfloat16():
    bfloat16 = np.dtype(ml_dtypes.bfloat16)
    array = scratch.open_array(Path("array.npy"), (2, 3), bfloat16)
    assert array.dtype == bfloat16
    array[:, 1] = np.array([1.0, -2.5], bfloat16)
    array.flush()
    reopened = scratch.open_array(Path("array.npy"), (2, 3), bfloat16)
    assert reopened.astype(float).tolist() == [[0, 1, 0], [0, -2.5, 0]]
    # The upper half of the bits of float32, in which 1 is 3F80 0000 and -2.5 is C020 0000.
    assert np.load("array.npy").ravel().tolist() == [0, 0x3F80, 0, 0, 0xC020, 0]


def test_an_array_without_all_its_space_is_never_used(monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "posix_fallocate", refuse, raising=False)
        scratch.open_array(Path("array.npy"), (2, 3), np.float32)
    assert not Path("array.npy").exists()
    assert arrays.create_npy("other.npy", (2, 3), np.float32).tolist() == [[0, 0, 0], [0, 0, 0]]
