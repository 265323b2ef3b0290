"""The running time and the peak memory of whole processes."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from commands.programs import environment
from transfer.interface.errors import UserError

# Seconds between two looks at the memory.
INTERVAL = 0.02


@dataclass(frozen=True)
class Measurement:
    """Seconds from start to end, and the peak of anonymous memory over the process and its children, in bytes."""

    seconds: float
    peak: int

    def metrics(self, validation_accuracy: float) -> dict[str, float]:
        """The measurement of a training and the accuracy that it reached, for JSON."""
        return {"seconds": self.seconds, "peak_bytes": self.peak, "validation_accuracy": validation_accuracy}


def run(*command: str, folder: Path = Path(), **variables: str) -> Measurement:
    """Run a program to its end in `folder`, with additional environment variables.

    Anonymous memory (RssAnon) is what a process has allocated itself. Pages of mapped files do not count: the system
    can take them back at any time.

    Raises:
        UserError: the program fails.
    """
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - no shell
        command, cwd=folder, env=environment() | variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        peak = max(peak, _anonymous_memory(watched))
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - started
    assert process.stderr is not None  # noqa: S101 - for the type checker
    if process.returncode:
        raise UserError(f"`{' '.join(command)}` failed: {process.stderr.read()}")
    return Measurement(seconds, peak)


def run_python(*arguments: str, folder: Path = Path(), **variables: str) -> Measurement:
    """Run the Python that runs this program; see `run`."""
    return run(sys.executable, *arguments, folder=folder, **variables)


def _anonymous_memory(process: psutil.Process) -> int:
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            for line in Path(f"/proc/{member.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        pass  # the process ended in the meantime
    return total
