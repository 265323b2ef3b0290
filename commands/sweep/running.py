"""One trial: `dvc exp run` in its clone, watched stage by stage."""

import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from commands.programs import environment
from commands.sweep import workspaces
from commands.sweep.durations import Durations
from commands.sweep.trials import Trial
from commands.sweep.workspaces import Project
from transfer.interface.errors import UserError

# Seconds between two notes of how long a stage has been running.
TICK = 2.0
# What DVC prints about a stage: that it runs, is in the run-cache, or has not changed.
STAGE = re.compile(r"(Running stage|Stage) '(?P<name>[^']+)'(?::| is cached| didn't change)")
RUNS = "Running stage"
LONGEST_REASON = 300


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        reason: why it failed, in one line; None if it did not.
    """

    trial: Trial
    reason: str | None


class Runner:
    """Runs trials, each in a clone of its own. `run` may be called from several threads.

    Args:
        base: what params.yaml has.
        reached: called with a trial and a stage when all stages before this one are complete.
    """

    def __init__(
        self, project: Project, base: Mapping[str, Any], durations: Durations, reached: Callable[[Trial, str], None]
    ):
        self._project, self._base, self._durations, self._reached = project, base, durations, reached

    def run(self, trial: Trial) -> Outcome:
        """Make the experiment of a trial."""
        if workspaces.has_experiment(self._project, trial):
            return Outcome(trial, None)
        try:
            folder = workspaces.create(self._project, trial, self._base)
        except UserError as error:
            return Outcome(trial, str(error))
        log = log_of(trial)
        status = self._watch(trial, folder, log)
        if not status:
            return Outcome(trial, None)
        return Outcome(trial, reason_of(log.read_text(encoding="utf-8", errors="replace"), status))

    def _watch(self, trial: Trial, folder: Path, log: Path) -> int:
        """Run `dvc exp run` to its end, with its output in a file; its exit status."""
        command = (sys.executable, "-m", "dvc", "exp", "run", "--name", trial.name)
        process = subprocess.Popen(  # noqa: S603 - no shell
            command,
            cwd=folder,
            env=environment() | workspaces.environment_of(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker
        clock = _Clock(trial, folder, self._durations)
        with process, log.open("wb") as file:
            for line in _lines(process.stdout):
                if line is None:
                    clock.tick()
                    continue
                file.write(line)
                file.flush()
                if match := STAGE.search(line.decode(errors="replace")):
                    clock.next(match["name"], runs=match[1] == RUNS)
                    self._reached(trial, match["name"])
        if process.returncode == 0:
            clock.next(None, runs=False)
        return process.returncode


class _Clock:
    """Measures the stages of a trial. A stage ends when the next one begins: only then is it in dvc.lock."""

    def __init__(self, trial: Trial, folder: Path, durations: Durations):
        self._trial, self._folder, self._durations = trial, folder, durations
        self._stage: str | None = None
        self._before = 0.0
        self._started: float | None = None

    def next(self, stage: str | None, *, runs: bool) -> None:
        """Another stage begins: it `runs`, or its result is there already. Without a stage, the trial ends."""
        if self._stage is not None and self._seconds():
            self._durations.finished(self._trial.name, self._stage, self._seconds(), self._folder)
        self._stage, self._started = stage, time.monotonic() if runs else None
        # Seconds of a run that was killed. If the stage does not run again, the kill came just after its end.
        self._before = 0.0 if stage is None else self._durations.unfinished(self._trial.name, stage)

    def tick(self) -> None:
        if self._stage is not None and self._started is not None:
            self._durations.running(self._trial.name, self._stage, self._seconds())

    def _seconds(self) -> float:
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)


def log_of(trial: Trial) -> Path:
    """Where the output of a trial is."""
    return workspaces.FOLDER / f"{trial.name}.log"


def reason_of(log: str, status: int) -> str:
    """Why a trial failed, in one line: what its stage printed last, or otherwise DVC's own error.

    Args:
        log: what DVC and the stages printed.
        status: the exit status of DVC; negative if a signal ended it.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [number for number, line in enumerate(lines) if line.startswith("ERROR:")]
    if not errors:
        return f"DVC ended with status {status} and without a message: it was killed, perhaps for want of memory."
    printed = lines[: errors[0]]
    begun = max((number for number, line in enumerate(printed) if line.startswith("> ")), default=None)
    of_stage = printed[begun + 1 :] if begun is not None else []
    return (of_stage[-1] if of_stage else lines[errors[0]].removeprefix("ERROR: "))[:LONGEST_REASON]


def _lines(stream: IO[bytes]) -> Any:
    """The lines of a stream as they come, and None whenever there was none for a while."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(TICK):
                yield None
                continue
            block = stream.read1(65536)  # type: ignore[attr-defined]
            if not block:
                break
            *complete, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in complete)
    if rest:
        yield rest
