"""What it costs that a training is the same twice, and that it can be gone on with.

    python -m benchmarks.costs OUTPUT.json

Times fine-tuning, its frozen prefix included, in a project in which prepare, features and train_tl have run: as it is,
without TensorFlow's determinism, and without keeping how far it has come; alternating, medians.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks import clones
from commands.programs import environment
from transfer import files
from transfer.faults import Fault, run

ROOT = Path(__file__).resolve().parents[1]
TIMES = 3
EPOCHS = 6
INPUTS = ("prepared", "models/backbone", "models/train_tl")
WAYS = {
    "as_it_is": "",
    "without_determinism": "framework.tf.config.experimental.enable_op_determinism = lambda: None",
    "without_state": "resume.save = resume.Progress.note = resume.Progress.flush = lambda *_: None",
}
PROGRAM = """
import json, runpy, sys, time
from transfer import framework, resume, training
{change}
fit = training.fit
def timed(*words, **names):
    begun = time.perf_counter()
    found = fit(*words, **names)
    print(json.dumps(time.perf_counter() - begun), file=sys.stderr)
    return found
training.fit = timed
runpy.run_module("stages.finetune", run_name="__main__")
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        for folder in INPUTS:
            shutil.copytree(folder, project / folder)
        shutil.copy("params.yaml", project)
        clones.change(project, {"finetune.epochs": EPOCHS})
        for _ in tqdm(range(TIMES), "costs", disable=None):
            for way, change in WAYS.items():
                seconds[way].append(timed(project, change))
    medians = {way: median(times) for way, times in seconds.items()}
    shares = {way: medians["as_it_is"] / medians[way] - 1 for way in WAYS if way != "as_it_is"}
    files.write_json(asked.output, {"seconds": seconds, "cost": shares})
    print(", ".join(f"{way}: as it is takes {share:+.1%}" for way, share in shares.items()))


def timed(project: Path, change: str) -> float:
    """Seconds of the trainings of one run of the stage."""
    done = subprocess.run(  # noqa: S603 - no shell
        [sys.executable, "-c", PROGRAM.format(change=change)],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Fault(f"finetune failed: {done.stderr}")
    return sum(json.loads(line) for line in done.stderr.splitlines())


if __name__ == "__main__":
    run(main)
