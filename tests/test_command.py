"""How a command ends: its exit status, and what it prints on standard error."""

import os
import signal
import subprocess
import sys

import pytest

from runs import ROOT

PROGRAM = """
from transfer import command
from transfer.interface.errors import UserError, UserErrors
def main():
    {body}
command.run(main)
"""
INTERRUPTED = "Interrupted: run the same command again to continue.\n"


def run_program(code, **streams):
    """Run code in a new Python process; only standard error is captured."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True, **streams)


def run_main(body, **streams):
    return run_program(PROGRAM.format(body=body), **streams)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("print('success')", 0, ""),
        ("raise UserError('change it.')", 1, "change it.\n"),
        (
            "raise UserErrors([f'error {number}.' for number in range(40)])",
            1,
            "".join(f"error {number}.\n" for number in range(40)),
        ),
        ("raise KeyboardInterrupt", 130, INTERRUPTED),
        (
            "open('/nowhere/at/all')",
            1,
            "/nowhere/at/all cannot be read or written (No such file or directory): "
            "check it and its disk, then run again.\n",
        ),
        ("[0] * 10**15", 1, "There is not enough memory: lower batch_size or image_size in params.yaml.\n"),
    ],
    ids=["success", "one-error", "many-errors", "interrupt", "missing-file", "no-memory"],
)
def test_an_error_is_printed_without_a_traceback(body, status, message):
    process = run_main(body, stdout=subprocess.DEVNULL)
    assert process.returncode == status
    assert "Traceback" not in process.stderr
    assert process.stderr == message


def test_ctrl_c_while_a_program_is_still_importing_prints_one_line():
    # A shell makes background programs ignore Ctrl-C, and a program of the tests would inherit that.
    script = "import transfer, signal as s; s.signal(s.SIGINT, s.default_int_handler); s.raise_signal(s.SIGINT)"
    process = run_program(script)
    assert (process.returncode, process.stderr) == (-signal.SIGINT, INTERRUPTED)


def test_an_unforeseen_exception_keeps_its_traceback():
    process = run_main("1 / 0", stdout=subprocess.DEVNULL)
    assert process.returncode == 1 and "Traceback" in process.stderr


def test_a_reader_that_stops_reading_causes_no_message():
    reading, writing = os.pipe()
    os.close(reading)
    process = run_main("print('a line')", stdout=writing)
    os.close(writing)
    assert (process.returncode, process.stderr) == (1, "")
