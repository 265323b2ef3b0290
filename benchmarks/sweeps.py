"""What a sweep costs: 12 trials that share features by `make sweep`, and by 12 `dvc exp run` one after the other.

    python -m benchmarks.sweeps OUTPUT.json --epochs 20

Both begin with an empty cache, on the embedded sample. The whole time of the sweep is compared with that of the
trainings: the stages train_tl, cross_validate and finetune of the 12 `dvc exp run`. A third run of the sweep is killed
three times at random instants and started again: no experiment may be made twice, and the table has to be the same.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml

from benchmarks import clones
from commands.programs import call, dvc, environment
from commands.sweep import table
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

KEY = "train_tl.weight_decay"
VALUES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3]
TRAININGS = ("train_tl", "cross_validate", "finetune")
KILLS = 3
# Python imports this module before any program: it notes when a stage begins, and when it ends by itself.
SITE = """
import atexit, os, sys, time
stage = next((word for word in sys.orig_argv if word.startswith("stages.")), None)
if stage and "STAGE_RUNS" in os.environ:
    started = time.time()
    def note(ended):
        with open(os.environ["STAGE_RUNS"], "a") as file:
            seconds = ended - started if ended else 0
            file.write(f"{stage.removeprefix('stages.')} {seconds} {sum(os.times()[:2])}\\n")
    note(None)
    atexit.register(lambda: note(time.time()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of fine-tuning in each trial (default: 20)")
    parser.add_argument("--trials", type=int, default=len(VALUES), help="how many trials (default: 12)")
    parser.add_argument("--parallel", type=int, default=2, help="trials of the sweep at once (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other instants (default: 1)")
    arguments = parser.parse_args()
    values = VALUES[: arguments.trials]
    results: dict[str, Any] = {
        "trials": arguments.trials,
        "epochs": arguments.epochs,
        "parallel": arguments.parallel,
        "cpus": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        first = create(folder / "one-by-one", arguments.epochs)
        results["one_by_one"] = measure(first, lambda: one_by_one(first, values))
        shutil.rmtree(first)
        trainings = sum(results["one_by_one"]["seconds_of"][stage] for stage in TRAININGS)
        second = create(folder / "sweep", arguments.epochs)
        write_sweep(second, values, arguments.parallel)
        results["sweep"] = measure(second, lambda: sweep(second))
        results |= {"trainings": trainings, "ratio": results["sweep"]["seconds"] / trainings}
        io.write_json(arguments.output, results)
        expected = comparable(second)
        shutil.rmtree(second)
        third = create(folder / "killed", arguments.epochs)
        write_sweep(third, values, arguments.parallel)
        draw = random.Random(arguments.seed)  # noqa: S311 - no secret
        instants = [draw.uniform(5, results["sweep"]["seconds"] / (KILLS + 1)) for _ in range(KILLS)]
        replaced: list[str] = []
        results["killed"] = measure(third, lambda: replaced.extend(killed(third, instants)))
        same = comparable(third).equals(expected)
        results["killed"] |= {"instants": instants, "same_table": same, "experiments_made_twice": len(replaced)}
        io.write_json(arguments.output, results)
    if not same or replaced:
        raise UserError("After the kills, the table or the experiments were others: see the output.")


def create(folder: Path, epochs: int) -> Path:
    """A clone of the last commit with the sample, shorter or longer fine-tuning, and a cache of its own."""
    call("git", "clone", "--quiet", str(Path.cwd()), str(folder))
    weights = [str(path.relative_to(folder)) for path in (folder / "weights").glob("*.dvc")]
    dvc("pull", "--quiet", "dataset_images.dvc", *weights, folder=folder)
    clones.change_params(folder, {"finetune.epochs": epochs})
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    call("git", *author, "commit", "--all", "--quiet", "--allow-empty", "--message", "other epochs", folder=folder)
    for name, value in (("user.name", "benchmark"), ("user.email", "benchmark@localhost")):
        call("git", "config", name, value, folder=folder)
    return folder


def write_sweep(folder: Path, values: list[float], parallel: int) -> None:
    content = {"grid": {KEY: values}, "parallel": parallel}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def measure(folder: Path, work: Any) -> dict[str, Any]:
    """Seconds of some work, and of the stages in it; how often each began, and how often it came to its end.

    Seconds of processors are counted as well, because other work on the machine changes them little.
    """
    started, before = time.perf_counter(), processor_seconds()
    work()
    seconds, processors = time.perf_counter() - started, processor_seconds() - before
    notes = [line.split() for line in notes_of(folder).read_text(encoding="utf-8").splitlines()]
    ended = [(stage, float(taken), float(cpu)) for stage, taken, cpu in notes if float(taken)]
    stages = dict.fromkeys(stage for stage, *_ in notes)
    return {
        "seconds": seconds,
        "processor_seconds": processors,
        "load": os.getloadavg()[2],
        "seconds_of": {name: sum(taken for stage, taken, _ in ended if stage == name) for name in stages},
        "processor_seconds_of": {name: sum(cpu for stage, _, cpu in ended if stage == name) for name in stages},
        "begun": Counter(stage for stage, taken, _ in notes if not float(taken)),
        "ended": Counter(stage for stage, *_ in ended),
    }


def processor_seconds() -> float:
    """Seconds that the processors have spent on the programs that this one has started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def notes_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.txt")


def start(folder: Path, *words: str) -> subprocess.Popen:
    """Start Python in a group of its own, with the stages noting when they run."""
    variables = {"STAGE_RUNS": str(notes_of(folder)), "PYTHONPATH": str(folder.parent)}
    log = folder.with_name(f"{folder.name}.log")
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - no shell
            [sys.executable, *words],
            cwd=folder,
            env=environment() | variables,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def finish(process: subprocess.Popen, folder: Path) -> None:
    """Wait for a program. Raises UserError if it fails."""
    if process.wait():
        text = folder.with_name(f"{folder.name}.log").read_text(encoding="utf-8", errors="replace")
        raise UserError(f"A run in {folder} failed: {text[-2000:]}")


def one_by_one(folder: Path, values: list[float]) -> None:
    for value in values:
        finish(start(folder, "-m", "dvc", "exp", "run", "--set-param", f"{KEY}={value}"), folder)


def sweep(folder: Path) -> None:
    finish(start(folder, "-m", "commands.sweep"), folder)


def killed(folder: Path, instants: list[float]) -> list[str]:
    """Run the sweep, kill its group at each of these seconds after its start, and let it end at last.

    Returns:
        the experiments that were there after a kill, and are others at the end.
    """
    before: dict[str, str] = {}
    for instant in instants:
        process = start(folder, "-m", "commands.sweep")
        time.sleep(instant)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # The group is dead when nobody of it works in the folder any more.
        while any(works_in(other, folder) for other in psutil.process_iter()):
            time.sleep(0.1)
        before |= experiments(folder)
    sweep(folder)
    after = experiments(folder)
    return [name for name, commit in before.items() if after.get(name) != commit]


def works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False


def experiments(folder: Path) -> dict[str, str]:
    command = ("git", "for-each-ref", "--format=%(refname:lstrip=-1) %(objectname)", "refs/exps")
    lines = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
    return {name: commit for name, commit in (line.split() for line in lines) if name.startswith("sweep-")}


def comparable(folder: Path) -> pd.DataFrame:
    """The table of a sweep without what differs between clones: times and the commit."""
    return io.read_csv(folder / table.PATH).drop(columns=["seconds", "unmeasured", "commit"])


if __name__ == "__main__":
    command.run(main)
