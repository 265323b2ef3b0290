"""Stages killed at random instants, and with the disk full at a random write: do they end with the same bytes?

    python -m benchmarks.crashes OUTPUT.json --kills 50 --full-disks 20

Each time, a small project stands just before a stage. The stage is killed (SIGKILL), or its disk, a tmpfs, is too small
(needs root); then it is run again, and everything it leaves must be, byte for byte, what an uninterrupted run leaves.
The work that both did is counted, in batches and epochs: no more than one may have been done twice.
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
OUTS = ("features", "models", "metrics", "plots")
COUNTS = {"train": 40, "validation": 5, "test": 5}
CLASSES = ("glass", "metal", "paper")
# A state is kept as often as can be, so that kills meet it at every stage of its writing. A byte in `work`, beside the
# project, stands for each batch and epoch done. Ctrl-C is taken as from a terminal: what a shell has put into the
# background would inherit that it is ignored.
LAUNCH = """
import os, runpy, signal, sys
from transfer import resume, scratch
signal.signal(signal.SIGINT, signal.default_int_handler)
resume.LOSS = -1
work, now = os.open("../work", os.O_WRONLY | os.O_CREAT | os.O_APPEND), resume.Due.now
def counted(due):
    os.write(work, b".")
    return now(due)
resume.Due.now = counted
if {unchecked}:
    scratch.check_space = lambda *words: None
sys.argv = [{path!r}]
runpy.run_module("stages.{stage}", run_name="__main__")
"""
LONGEST = 600


def main() -> None:
    parser = argparse.ArgumentParser(prog="make crash-test", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as temporary:
        crashes = Crashes(Path(temporary))
        kinds: dict[str, tuple[int, Callable[[str, float], dict[str, Any]]]] = {
            "kills": (asked.kills, crashes.killed),
            "full_disks": (asked.full_disks, crashes.full),
        }
        results: dict[str, Any] = {"seed": asked.seed}
        for kind, (number, crash) in kinds.items():
            cases = [(STAGES[case % len(STAGES)], float(chance.random())) for case in range(number)]
            with ThreadPoolExecutor(2) as pool:
                found = list(tqdm(pool.map(crash, *zip(*cases, strict=True)), kind, number)) if cases else []
            identical = sum(one["identical"] for one in found)
            results[kind] = {"number": number, "identical": identical, "cases": found}
            most = max((one["repeated"] for one in found), default=0)
            results[kind]["most_repeated"] = most
            print(
                f"{kind}: {identical} of {number} ended with the same bytes, at most {most} batches or epochs repeated"
            )
    io.write_json(asked.output, results)
    if any(
        results[kind]["identical"] < results[kind]["number"] or results[kind]["most_repeated"] > 1 for kind in kinds
    ):
        raise UserError(f"Not all ended with the same bytes and nearly no work repeated: {asked.output} says which.")


class Crashes:
    """A project just before each stage, what each stage leaves, and the course it takes, below one temporary folder.

    A course is how many batches and epochs are done after so many seconds.
    """

    def __init__(self, temporary: Path):
        self.temporary = temporary
        self.expected: dict[str, dict[str, str]] = {}
        self.courses: dict[str, list[tuple[float, int]]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.work: dict[str, int] = {}
        project = temporary / "project"
        make(project)
        start("prepare", project).communicate()
        for stage in STAGES:
            shutil.copytree(project, temporary / stage)
            before, work = size(project), worked(project)
            process = start(stage, project)
            wait_for_scratch(project, process)
            begun, most = time.monotonic(), before
            course = self.courses[stage] = []
            while process.poll() is None:
                most = max(most, size(project))
                # Until the end of the work; TensorFlow takes a while to end the process
                if any(project.glob(".scratch/*/")):
                    course.append((time.monotonic() - begun, worked(project) - work))
                time.sleep(0.02)
            if process.returncode:
                raise UserError(f"{stage} failed without a crash: {process.communicate()[1]}")
            self.sizes[stage] = before, most
            self.work[stage] = worked(project) - work
            self.expected[stage] = digests(project)

    def killed(self, stage: str, instant: float) -> dict[str, Any]:
        """Kill a stage at this share of its course, run it again, and say how it ended and what the first had left."""
        with self.copy(stage) as project:
            process = start(stage, project)
            self.wait(stage, instant, project, process)
            process.kill()
            process.communicate()
            left = sorted(path.name for path in project.glob(".scratch/*/**/*") if path.is_file())
            if not left and process.returncode <= 0:
                # It was faster this time, and done already
                return self.killed(stage, 0.8 * instant)
            return {"stage": stage, "instant": instant, "status": process.returncode, "left": left} | self._again(
                stage, project
            )

    def full(self, stage: str, share: float) -> dict[str, Any]:
        """Give a stage a disk that has this share of what it needs, then one that is large enough."""
        before, most = self.sizes[stage]
        with self.copy(stage) as project, disk(project, int(before + share * (most - before))) as enlarge:
            process = start(stage, project, unchecked=True)
            told = process.communicate()[1]
            whole = process.returncode == 0
            # What says that it went well must have gone well; what did not must say so in a sentence
            honest = digests(project) == self.expected[stage] if whole else process.returncode == 1
            enlarge()
            about = {"stage": stage, "share": share, "status": process.returncode, "told": told.strip()}
            again = {"identical": honest, "repeated": 0} if whole else self._again(stage, project)
            return about | again | {"identical": again["identical"] and honest and "Traceback" not in told}

    def _again(self, stage: str, project: Path) -> dict[str, Any]:
        process = start(stage, project)
        told = process.communicate(timeout=LONGEST)[1]
        found = digests(project)
        different = sorted(
            path for path in found | self.expected[stage] if found.get(path) != self.expected[stage].get(path)
        )
        return {
            "identical": process.returncode == 0 and not different,
            "different": different,
            "repeated": worked(project) - self.work[stage],
            "second": told.strip(),
        }

    def wait(self, stage: str, instant: float, project: Path, process: subprocess.Popen) -> None:
        """Wait for this share of a stage's course: for the work done by then, since two at once take longer."""
        course = self.courses[stage]
        wanted = instant * course[-1][0]
        done = max(done for seconds, done in course if seconds <= max(wanted, course[0][0]))
        begun = min(seconds for seconds, there in course if there == done)
        wait_for_scratch(project, process)
        while process.poll() is None and worked(project) < done:
            time.sleep(0.001)
        time.sleep(max(wanted - begun, 0))

    @contextmanager
    def copy(self, stage: str) -> Iterator[Path]:
        """The project just before a stage, to do with as one likes."""
        with tempfile.TemporaryDirectory(dir=self.temporary) as folder:
            project = Path(folder) / "project"
            shutil.copytree(self.temporary / stage, project)
            yield project


def make(project: Path) -> None:
    """A project of three classes of noise, with trainings long enough to be met by a kill."""
    chance = np.random.default_rng(1)
    for split, number in COUNTS.items():
        for label in CLASSES:
            folder = project / "dataset_images" / split / label
            folder.mkdir(parents=True)
            for image in range(number):
                cv2.imwrite(str(folder / f"{image}.png"), chance.integers(0, 256, (64, 64, 3), np.uint8))
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings |= {"image_size": 64, "batch_size": 8, "backbone": {"name": "MobileNetV2", "weights": None}}
    settings["augment"]["views"] = 6
    # One training keeps its best epoch, the other its last
    settings["train_tl"] |= {"epochs": 90, "early_stopping": {"patience": 90, "min_delta": 0.001}}
    settings["finetune"] |= {"epochs": 4, "frozen_layers": [150, 130]}
    (project / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def start(stage: str, project: Path, unchecked: bool = False) -> subprocess.Popen:
    """Start a stage; what DVC removes before it runs one is removed.

    Args:
        unchecked: whether the disk is not asked before the work: another program may fill it meanwhile.
    """
    for path in outs(stage):
        remove = project / path
        shutil.rmtree(remove) if remove.is_dir() else remove.unlink(missing_ok=True)
    program = LAUNCH.format(stage=stage, unchecked=unchecked, path=str(ROOT / "stages" / f"{stage}.py"))
    return subprocess.Popen(  # noqa: S603 - no shell
        [sys.executable, "-c", program],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def worked(project: Path) -> int:
    """How many batches and epochs all processes in a project have done."""
    work = project.with_name("work")
    return work.stat().st_size if work.exists() else 0


def outs(stage: str) -> list[str]:
    """What dvc.yaml says that a stage leaves."""
    known = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    listed = [*known.get("outs", []), *known.get("metrics", [])]
    return [next(iter(out)) if isinstance(out, dict) else out for out in listed]


def wait_for_scratch(project: Path, process: subprocess.Popen) -> None:
    """Wait until a stage has begun its work."""
    while process.poll() is None and not any(project.glob(".scratch/*/")):
        time.sleep(0.01)


def digests(project: Path) -> dict[str, str]:
    """Every file that the stages have left, and its SHA-256."""
    paths = sorted(path for out in OUTS for path in (project / out).rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def size(project: Path) -> int:
    """Bytes that a project takes on a disk of pages of 4096 bytes."""
    total = 0
    # `os.walk`, unlike `rglob`, takes it that a folder which was there a moment ago is gone
    for folder, folders, files_there in os.walk(project):
        for name in (*folders, *files_there):
            with suppress(FileNotFoundError):
                total += -(-Path(folder, name).stat().st_size // 4096) * 4096
    return total


@contextmanager
def disk(project: Path, size: int) -> Iterator[Callable[[], None]]:
    """Put a project onto a disk of its own, of so many bytes; yields a function that makes it large enough."""
    aside = project.rename(project.with_name("aside"))
    project.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(project))
    try:
        shutil.copytree(aside, project, dirs_exist_ok=True)
        yield lambda: mount("-o", "remount,size=1g", str(project))
    finally:
        subprocess.run(["umount", str(project)], check=True)  # noqa: S603, S607


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)  # noqa: S603, S607
    if done.returncode:
        raise UserError(f"`mount` failed ({done.stderr.strip()}): run as root, or with --full-disks 0.")


if __name__ == "__main__":
    command.run(main)
