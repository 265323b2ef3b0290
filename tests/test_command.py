"""How a command ends: its status, and what it says on standard error."""

import os
import signal
import subprocess
import sys

import pytest

from runs import ROOT

PROGRAM = """
from transfer import faults
def main():
    {body}
faults.run(main)
"""


def ended(body, **streams):
    words = [sys.executable, "-c", PROGRAM.format(body=body)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, stderr=subprocess.PIPE, text=True, **streams)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("print('all is well')", 0, ""),
        ("raise faults.Fault('mend it.')", 1, "mend it.\n"),
        ("raise faults.Faults([f'fault {number}.' for number in range(40)])", 1, "fault 0...fault 39.\n"),
        ("raise KeyboardInterrupt", 130, "Interrupted: run the same again to go on.\n"),
        ("open('/nowhere/at/all')", 1, "/nowhere/at/all cannot be read or written (No such file or directory)"),
        ("[0] * 10**15", 1, "There is not enough memory: lower batch_size or image_size in params.yaml.\n"),
    ],
)
def test_a_fault_is_told_without_a_traceback(body, status, told):
    done = ended(body, stdout=subprocess.DEVNULL)
    assert done.returncode == status
    assert all(piece in done.stderr for piece in told.split("...")) and "Traceback" not in done.stderr
    assert bool(done.stderr) == bool(told)


def test_ctrl_c_while_a_program_is_still_importing_is_one_line():
    # What a shell has started in the background ignores Ctrl-C, and so would the tests' own programs
    script = "import transfer, signal as s; s.signal(s.SIGINT, s.default_int_handler); s.raise_signal(s.SIGINT)"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "Interrupted: run the same again to go on.\n")


def test_what_nobody_foresaw_is_shown_whole():
    done = ended("1 / 0", stdout=subprocess.DEVNULL)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_a_reader_who_has_seen_enough_is_no_fault_to_be_told():
    reading, writing = os.pipe()
    os.close(reading)
    done = ended("print('a line')", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
