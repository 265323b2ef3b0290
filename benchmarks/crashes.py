"""Kill stages at random instants, and fill their disk at random writes: do they still end with the same bytes?

    python -m benchmarks.crashes OUTPUT.json --kills 50 --full-disks 20

Each case begins with a small project just before a stage. The stage is killed (SIGKILL), or its disk, a tmpfs, is too
small (this needs root). Then the stage runs again, and all its outputs must have the same bytes as after an
uninterrupted run. The work of both runs is counted in batches and epochs: at most one of them may be done twice.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from tqdm import tqdm

from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("features", "train_tl", "finetune")
OUTS = ("features", "models", "results", "plots")
COUNTS = {"train": 40, "validation": 5, "test": 5}
CLASSES = ("glass", "metal", "paper")
# The state is saved at every chance, so that kills happen at every step of its writing. The file `work`, beside the
# project, gets one byte for each batch and each epoch. The handler of Ctrl-C is set, because a process that a shell
# starts in the background inherits that the signal is ignored.
LAUNCH = """
import os, runpy, signal, sys
from transfer.caching import scratch, state_file
signal.signal(signal.SIGINT, signal.default_int_handler)
state_file.MAX_LOSS = -1
work, is_due = os.open("../work", os.O_WRONLY | os.O_CREAT | os.O_APPEND), state_file.SaveTimer.is_due
def count_and_ask(timer):
    os.write(work, b".")
    return is_due(timer)
state_file.SaveTimer.is_due = count_and_ask
if {unchecked}:
    scratch.check_disk_space = lambda *_: None
sys.argv = [{path!r}]
runpy.run_module("stages.{stage}", run_name="__main__")
"""
# Seconds after which a run is considered to hang.
TIMEOUT = 600


def main() -> None:
    parser = argparse.ArgumentParser(prog="make crash-test", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--kills", type=int, default=50, help="how many times to kill a stage (default: 50)")
    parser.add_argument("--full-disks", type=int, default=20, help="how many times to fill the disk (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other instants (default: 1)")
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        crashes = Crashes(Path(temporary))
        kinds: dict[str, tuple[int, Callable[[str, float], dict[str, Any]]]] = {
            "kills": (arguments.kills, crashes.kill),
            "full_disks": (arguments.full_disks, crashes.fill_disk),
        }
        results: dict[str, Any] = {"seed": arguments.seed}
        for kind, (number, crash) in kinds.items():
            cases = [(STAGES[case % len(STAGES)], float(generator.random())) for case in range(number)]
            with ThreadPoolExecutor(2) as pool:
                outcomes = list(tqdm(pool.map(crash, *zip(*cases, strict=True)), kind, number)) if cases else []
            identical = sum(outcome["identical"] for outcome in outcomes)
            results[kind] = {"number": number, "identical": identical, "cases": outcomes}
            most = max((outcome["repeated"] for outcome in outcomes), default=0)
            results[kind]["most_repeated"] = most
            print(
                f"{kind}: {identical} of {number} ended with the same bytes; at most {most} batches or epochs were "
                "done twice"
            )
    io.write_json(arguments.output, results)
    if any(
        results[kind]["identical"] < results[kind]["number"] or results[kind]["most_repeated"] > 1 for kind in kinds
    ):
        raise UserError(
            f"Some cases ended with other bytes, or did more than one batch or epoch twice: {arguments.output} lists "
            "them."
        )


class Crashes:
    """A project just before each stage, below one temporary folder, and measurements of an uninterrupted run.

    Attributes:
        python: the Python of the runs that no signal ends.
        expected: for each stage, the digests of the files that the project has after it.
        courses: for each stage, how many batches and epochs are done after so many seconds.
        sizes: for each stage, the disk usage of the project before it, and the largest during it, in bytes.
        work: for each stage, the number of its batches and epochs.
    """

    def __init__(self, temporary: Path, python: str = sys.executable):
        self.temporary = temporary
        self.python = python
        self.expected: dict[str, dict[str, str]] = {}
        self.courses: dict[str, list[tuple[float, int]]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.work: dict[str, int] = {}
        project = temporary / "project"
        create_project(project)
        start("prepare", project, self.python).communicate()
        for stage in STAGES:
            shutil.copytree(project, temporary / stage)
            size_before, work_before = disk_usage(project), work_done(project)
            process = start(stage, project, python)
            wait_for_scratch(project, process)
            started, largest = time.monotonic(), size_before
            course = self.courses[stage] = []
            while process.poll() is None:
                largest = max(largest, disk_usage(project))
                # Only until the work is complete: TensorFlow takes a while to end the process.
                if any(project.glob(".scratch/*/")):
                    course.append((time.monotonic() - started, work_done(project) - work_before))
                time.sleep(0.02)
            if process.returncode:
                raise UserError(f"{stage} failed without a crash: {process.communicate()[1]}")
            self.sizes[stage] = size_before, largest
            self.work[stage] = work_done(project) - work_before
            self.expected[stage] = digests(project)

    def kill(self, stage: str, instant: float) -> dict[str, Any]:
        """Kill a stage at this share of its course, and run it again.

        Returns:
            The exit status and the scratch files of the killed run, and the result of the second run.
        """
        with self.copy(stage) as project:
            process = start(stage, project)
            self.wait(stage, instant, project, process)
            process.kill()
            process.communicate()
            left = sorted(path.name for path in project.glob(".scratch/*/**/*") if path.is_file())
            if not left and process.returncode <= 0:
                # The stage was faster this time, and was complete already.
                return self.kill(stage, 0.8 * instant)
            killed = {"stage": stage, "instant": instant, "status": process.returncode, "left": left}
            return killed | self._run_again(stage, project)

    def fill_disk(self, stage: str, share: float) -> dict[str, Any]:
        """Run a stage on a disk that has this share of the space that it needs, then again on one that is large enough.

        Returns:
            The exit status and the messages of the first run, and the result of the second run.
        """
        before, largest = self.sizes[stage]
        with self.copy(stage) as project, small_disk(project, int(before + share * (largest - before))) as enlarge:
            process = start(stage, project, self.python, unchecked=True)
            messages = process.communicate()[1]
            succeeded = process.returncode == 0
            # A run that reports success must have the right outputs. Any other must end with a sentence and status 1.
            honest = digests(project) == self.expected[stage] if succeeded else process.returncode == 1
            enlarge()
            first = {"stage": stage, "share": share, "status": process.returncode, "told": messages.strip()}
            second = {"identical": honest, "repeated": 0} if succeeded else self._run_again(stage, project)
            return first | second | {"identical": second["identical"] and honest and "Traceback" not in messages}

    def _run_again(self, stage: str, project: Path) -> dict[str, Any]:
        process = start(stage, project, self.python)
        messages = process.communicate(timeout=TIMEOUT)[1]
        actual, expected = digests(project), self.expected[stage]
        different = sorted(path for path in actual | expected if actual.get(path) != expected.get(path))
        return {
            "identical": process.returncode == 0 and not different,
            "different": different,
            "repeated": work_done(project) - self.work[stage],
            "second": messages.strip(),
        }

    def wait(self, stage: str, instant: float, project: Path, process: subprocess.Popen) -> None:
        """Wait until a stage has done the work of this share of its course.

        Work is what counts, not time: two stages that run at once take longer.
        """
        course = self.courses[stage]
        seconds_wanted = instant * course[-1][0]
        work_wanted = max(work for seconds, work in course if seconds <= max(seconds_wanted, course[0][0]))
        reached = min(seconds for seconds, work in course if work == work_wanted)
        wait_for_scratch(project, process)
        while process.poll() is None and work_done(project) < work_wanted:
            time.sleep(0.001)
        time.sleep(max(seconds_wanted - reached, 0))

    @contextmanager
    def copy(self, stage: str) -> Iterator[Path]:
        """A copy of the project just before a stage, removed when the block ends."""
        with tempfile.TemporaryDirectory(dir=self.temporary) as folder:
            project = Path(folder) / "project"
            shutil.copytree(self.temporary / stage, project)
            yield project


def create_project(project: Path) -> None:
    """Create a project of three classes of noise, with trainings long enough for a kill to hit them."""
    generator = np.random.default_rng(1)
    for split, number in COUNTS.items():
        for label in CLASSES:
            folder = project / "dataset_images" / split / label
            folder.mkdir(parents=True)
            for image in range(number):
                cv2.imwrite(str(folder / f"{image}.png"), generator.integers(0, 256, (64, 64, 3), np.uint8))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"image_size": 64, "batch_size": 8, "backbone": {"name": "MobileNetV2", "weights": None}}
    params["augment"]["views"] = 6
    # One training keeps its best epoch, the other its last.
    params["train_tl"] |= {"epochs": 90, "early_stopping": {"patience": 90, "min_delta": 0.001}}
    params["finetune"] |= {"epochs": 4, "frozen_layers": [150, 130]}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def start(stage: str, project: Path, python: str = sys.executable, unchecked: bool = False) -> subprocess.Popen:
    """Start a stage, after removing its outs as DVC does.

    Args:
        unchecked: skip the check of the disk space before the work, as if another program filled the disk later.
    """
    for path in outs(stage):
        out = project / path
        shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    program = LAUNCH.format(stage=stage, unchecked=unchecked, path=str(ROOT / "stages" / f"{stage}.py"))
    return subprocess.Popen(  # noqa: S603 - no shell
        [python, "-c", program],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def work_done(project: Path) -> int:
    """How many batches and epochs all processes in a project have done."""
    work = project.with_name("work")
    return work.stat().st_size if work.exists() else 0


def outs(stage: str) -> list[str]:
    """The outs and metrics that dvc.yaml lists for a stage."""
    entry = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    listed = [*entry.get("outs", []), *entry.get("metrics", [])]
    return [next(iter(out)) if isinstance(out, dict) else out for out in listed]


def wait_for_scratch(project: Path, process: subprocess.Popen) -> None:
    """Wait until a stage has begun its work."""
    while process.poll() is None and not any(project.glob(".scratch/*/")):
        time.sleep(0.01)


def digests(project: Path) -> dict[str, str]:
    """The SHA-256 digest of every file that the stages have written, by path."""
    paths = sorted(path for out in OUTS for path in (project / out).rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def disk_usage(project: Path) -> int:
    """The bytes that a project takes on a disk with pages of 4096 bytes."""
    total = 0
    # Unlike `rglob`, `os.walk` ignores a folder that has just been removed.
    for folder, folders, files in os.walk(project):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                total += -(-Path(folder, name).stat().st_size // 4096) * 4096
    return total


@contextmanager
def small_disk(project: Path, size: int) -> Iterator[Callable[[], None]]:
    """Move a project to a disk of `size` bytes. Yields a function that makes the disk large enough."""
    aside = project.rename(project.with_name("aside"))
    project.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(project))
    try:
        shutil.copytree(aside, project, dirs_exist_ok=True)
        yield lambda: mount("-o", "remount,size=1g", str(project))
    finally:
        subprocess.run(["umount", str(project)], check=True)  # noqa: S603, S607


def mount(*arguments: str) -> None:
    process = subprocess.run(["mount", *arguments], capture_output=True, text=True)  # noqa: S603, S607
    if process.returncode:
        raise UserError(f"`mount` failed ({process.stderr.strip()}): run as root, or with --full-disks 0.")


if __name__ == "__main__":
    command.run(main)
