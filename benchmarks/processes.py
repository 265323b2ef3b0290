"""Whole processes, timed and weighed."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from commands.programs import environment
from transfer.interface.errors import UserError

INTERVAL = 0.02


@dataclass(frozen=True)
class Measured:
    """Seconds from start to end, and the peak of anonymous memory over the process and its children, in bytes."""

    seconds: float
    peak: int


def measured(*words: str, folder: Path = Path(), **variables: str) -> Measured:
    """Run a program to its end in `folder`, with further environment variables. Raises Fault if it fails.

    Anonymous memory (RssAnon) is what a process has asked for itself: pages of mapped files, which the system can take
    back at any time, are not in it.
    """
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - no shell
        words, cwd=folder, env=environment() | variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        peak = max(peak, _anonymous(watched))
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - started
    assert process.stderr is not None  # noqa: S101 - for the type checker
    if process.returncode:
        raise UserError(f"`{' '.join(words)}` failed: {process.stderr.read()}")
    return Measured(seconds, peak)


def python(*words: str, folder: Path = Path(), **variables: str) -> Measured:
    """Run this very Python; see `measured`."""
    return measured(sys.executable, *words, folder=folder, **variables)


def _anonymous(process: psutil.Process) -> int:
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            for line in Path(f"/proc/{one.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        pass  # it ended between two looks
    return total
