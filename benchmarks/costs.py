"""The cost of determinism, and of state from which interrupted work continues.

    python -m benchmarks.costs OUTPUT.json

Run it in a folder in which the pipeline has run. It times features, train_tl and finetune without their imports: as
they are, and without TensorFlow's determinism, alternating. The cost of the state is the time spent in the functions
that keep it, because its share is smaller than the difference between two runs.
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
REPETITIONS = 7
EPOCHS = 6
INPUTS = ("prepared", "features", "models", "weights")
# Each variant, and the statement that makes it.
VARIANTS = {
    "as_it_is": "",
    "without_determinism": "tensorflow.tf.config.experimental.enable_op_determinism = lambda: None",
}
# The imports come first, so that those in a stage's `main` take no time.
PROGRAM = """
import functools, importlib, json, sys, time
from transfer.caching import activations, completed_batches, fingerprint, state_file
from transfer.models import backbone, checkpoint, classifier, pretrained, tensorflow
from transfer.training import curves, loop, state

seconds, depth = 0.0, 0

def timed(function):
    @functools.wraps(function)
    def wrapper(*values, **named):
        global seconds, depth
        started, depth = time.perf_counter(), depth + 1
        try:
            return function(*values, **named)
        finally:
            depth -= 1
            # The time of a nested call is part of that of the outer call.
            seconds += 0 if depth else time.perf_counter() - started
    return wrapper

owners = {{
    fingerprint: ("compute",),
    state_file: ("save", "load"),
    completed_batches.CompletedBatches: ("__init__", "contains", "add", "flush"),
}}
for owner, names in owners.items():
    for name in names:
        setattr(owner, name, timed(getattr(owner, name)))
{change}
stage = importlib.import_module("stages.{stage}")
started = time.perf_counter()
stage.main()
print(json.dumps({{"stage": time.perf_counter() - started, "state": seconds}}), file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    runs: dict[str, dict[str, list[dict[str, float]]]] = {stage: {name: [] for name in VARIANTS} for stage in STAGES}
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        for folder in INPUTS:
            shutil.copytree(folder, project / folder)
        shutil.copy("params.yaml", project)
        clones.change_params(project, {"finetune.epochs": EPOCHS})
        for repetition in tqdm(range(REPETITIONS), "costs", disable=None):
            for stage in STAGES:
                # The second run may find the files of the first in memory: each variant is first as often as the other.
                for name in list(VARIANTS)[:: 1 if repetition % 2 else -1]:
                    runs[stage][name].append(time_stage(project, stage, VARIANTS[name]))
    runs["all"] = {
        name: [sum_runs(of_stages) for of_stages in zip(*(runs[stage][name] for stage in STAGES), strict=True)]
        for name in VARIANTS
    }
    costs = {stage: relative_costs(of_stage) for stage, of_stage in runs.items()}
    io.write_json(arguments.output, {"epochs_of_finetune": EPOCHS, "times": REPETITIONS, "stages": costs})
    for stage, of_stage in costs.items():
        low, high = of_stage["determinism_interval"]
        print(
            f"{stage}: determinism {of_stage['determinism']:+.1%} (95 % interval {low:+.1%} to {high:+.1%}), "
            f"state {of_stage['state']:.2%}"
        )


def relative_costs(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The cost of determinism and of the state, as shares of a stage's time.

    The cost of determinism is the median over the pairs of runs, and its interval comes from a bootstrap.

    Args:
        runs: for each variant, the seconds of each run.
    """
    seconds = {name: np.array([run["stage"] for run in of_variant]) for name, of_variant in runs.items()}
    ratios = seconds["as_it_is"] / seconds["without_determinism"] - 1
    interval = stats.bootstrap([ratios], np.median, rng=np.random.default_rng(1), method="percentile")
    return {
        "seconds": {name: of_variant.tolist() for name, of_variant in seconds.items()},
        "determinism": float(np.median(ratios)),
        "determinism_interval": [float(end) for end in interval.confidence_interval],
        "state": median(run["state"] / run["stage"] for run in runs["as_it_is"]),
    }


def sum_runs(runs: tuple[dict[str, float], ...]) -> dict[str, float]:
    """The seconds of one run of each stage, added up as if the stages were one."""
    return {name: sum(run[name] for run in runs) for name in runs[0]}


def time_stage(project: Path, stage: str, change: str) -> dict[str, float]:
    """Run a stage once: its seconds, and how many of them it spent on its state."""
    process = subprocess.run(  # noqa: S603 - no shell
        [sys.executable, "-c", PROGRAM.format(stage=stage, change=change)],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise UserError(f"{stage} failed: {process.stderr}")
    seconds: dict[str, float] = json.loads(process.stderr.splitlines()[-1])
    return seconds


if __name__ == "__main__":
    command.run(main)
