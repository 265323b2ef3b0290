"""What it costs that a result is the same twice, and that work broken off can be gone on with.

    python -m benchmarks.costs OUTPUT.json

To be run where the pipeline has run. Times features, train_tl and finetune, imports left out, as they are and without
TensorFlow's determinism, alternating. What is kept to go on with is told by the seconds spent in it: its share is below
what one run differs from the next by.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

from benchmarks import clones
from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("features", "train_tl", "finetune")
TIMES = 7
EPOCHS = 6
INPUTS = ("prepared", "features", "models", "weights")
WAYS = {
    "as_it_is": "",
    "without_determinism": "framework.tf.config.experimental.enable_op_determinism = lambda: None",
}
PROGRAM = """
import functools, importlib, json, sys, time
from transfer import classifier, curves, framework, prefix, resume, training

spent, depth = 0.0, 0

def timed(function):
    @functools.wraps(function)
    def measured(*given, **named):
        global spent, depth
        begun, depth = time.perf_counter(), depth + 1
        try:
            return function(*given, **named)
        finally:
            depth -= 1
            # What is called from within another is in that one's time
            spent += 0 if depth else time.perf_counter() - begun
    return measured

for owner, names in ((resume, ("key", "save", "load")), (resume.Progress, ("__init__", "done", "note", "flush"))):
    for name in names:
        setattr(owner, name, timed(getattr(owner, name)))
{change}
stage = importlib.import_module("stages.{stage}")
begun = time.perf_counter()
stage.main()
print(json.dumps({{"stage": time.perf_counter() - begun, "state": spent}}), file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    found: dict[str, dict[str, list[dict[str, float]]]] = {stage: {way: [] for way in WAYS} for stage in STAGES}
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        for folder in INPUTS:
            shutil.copytree(folder, project / folder)
        shutil.copy("params.yaml", project)
        clones.change(project, {"finetune.epochs": EPOCHS})
        for time_over in tqdm(range(TIMES), "costs", disable=None):
            for stage in STAGES:
                # Whoever goes first finds the other's files in memory, or not: each way is first as often as it can be
                for way in list(WAYS)[:: 1 if time_over % 2 else -1]:
                    found[stage][way].append(timed(project, stage, WAYS[way]))
    found["all"] = {way: [added(runs) for runs in zip(*(found[s][way] for s in STAGES), strict=True)] for way in WAYS}
    told = {stage: cost(ways) for stage, ways in found.items()}
    io.write_json(asked.output, {"epochs_of_finetune": EPOCHS, "times": TIMES, "stages": told})
    for stage, costs in told.items():
        low, high = costs["determinism_interval"]
        print(
            f"{stage}: determinism {costs['determinism']:+.1%} (95 % interval {low:+.1%} to {high:+.1%}), "
            f"state {costs['state']:.2%}"
        )


def cost(ways: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Shares of a stage's time: determinism by the median of the pairs, its interval by bootstrap; and the state."""
    seconds = {way: np.array([command.run["stage"] for command.run in runs]) for way, runs in ways.items()}
    ratios = seconds["as_it_is"] / seconds["without_determinism"] - 1
    interval = stats.bootstrap([ratios], np.median, rng=np.random.default_rng(1), method="percentile")
    return {
        "seconds": {way: times.tolist() for way, times in seconds.items()},
        "determinism": float(np.median(ratios)),
        "determinism_interval": [float(end) for end in interval.confidence_interval],
        "state": median(command.run["state"] / command.run["stage"] for command.run in ways["as_it_is"]),
    }


def added(runs: tuple[dict[str, float], ...]) -> dict[str, float]:
    """The stages' seconds as those of one."""
    return {name: sum(command.run[name] for command.run in runs) for name in runs[0]}


def timed(project: Path, stage: str, change: str) -> dict[str, float]:
    """Seconds of one run of a stage, and those of them that went into its state."""
    done = subprocess.run(  # noqa: S603 - no shell
        [sys.executable, "-c", PROGRAM.format(stage=stage, change=change)],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(f"{stage} failed: {done.stderr}")
    result: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return result


if __name__ == "__main__":
    command.run(main)
