"""Notes of libraries on standard error: held back, and printed if the work fails."""

import os
import sys

import pytest

from transfer.interface.quiet import quiet


def test_notes_are_held_back_and_later_errors_are_printed(capfd):
    with quiet():
        os.write(2, b"a note of a library\n")
        print("a warning of Python", file=sys.stderr)
    print("an error", file=sys.stderr)
    assert capfd.readouterr().err.endswith("an error\n")
    os.write(2, b"another error\n")
    assert capfd.readouterr().err == "another error\n"


def test_the_notes_of_work_that_fails_are_printed(capfd):
    with pytest.raises(ValueError, match="failed"), quiet():
        os.write(2, b"the reason\n")
        raise ValueError("failed")
    assert capfd.readouterr().err == "the reason\n"
