"""What it costs that a result is the same twice, and that work broken off can be gone on with.

    python -m benchmarks.costs OUTPUT.json

To be run where the pipeline has run. Times features, train_tl and finetune, imports left out: as they are, without
TensorFlow's determinism, and without keeping how far they have come; alternating, medians.
"""

import argparse
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
STAGES = ("features", "train_tl", "finetune")
TIMES = 3
EPOCHS = 6
INPUTS = ("prepared", "features", "models", "weights")
WAYS = {
    "as_it_is": "",
    "without_determinism": "framework.tf.config.experimental.enable_op_determinism = lambda: None",
    # What is kept, and finding out whether there is something to go on with
    "without_state": (
        "resume.save = resume.Progress.note = resume.Progress.flush = lambda *_: None; resume.key = lambda *_: '0'"
    ),
}
PROGRAM = """
import importlib, sys, time
from transfer import classifier, curves, framework, prefix, resume, training
{change}
stage = importlib.import_module("stages.{stage}")
begun = time.perf_counter()
stage.main()
print(time.perf_counter() - begun, file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    seconds: dict[str, dict[str, list[float]]] = {way: {stage: [] for stage in STAGES} for way in WAYS}
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        for folder in INPUTS:
            shutil.copytree(folder, project / folder)
        shutil.copy("params.yaml", project)
        clones.change(project, {"finetune.epochs": EPOCHS})
        for _ in tqdm(range(TIMES), "costs", disable=None):
            for stage in STAGES:
                for way, change in WAYS.items():
                    seconds[way][stage].append(timed(project, stage, change))
    medians = {way: {stage: median(times) for stage, times in found.items()} for way, found in seconds.items()}
    costs = {
        way: {
            **{stage: medians["as_it_is"][stage] / found[stage] - 1 for stage in STAGES},
            "all": sum(medians["as_it_is"].values()) / sum(found.values()) - 1,
        }
        for way, found in medians.items()
        if way != "as_it_is"
    }
    files.write_json(asked.output, {"epochs_of_finetune": EPOCHS, "seconds": seconds, "cost": costs})
    for way, shares in costs.items():
        print(f"Beside {way}: " + ", ".join(f"{name} takes {share:+.1%}" for name, share in shares.items()))


def timed(project: Path, stage: str, change: str) -> float:
    """Seconds of one run of a stage."""
    done = subprocess.run(  # noqa: S603 - no shell
        [sys.executable, "-c", PROGRAM.format(stage=stage, change=change)],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Fault(f"{stage} failed: {done.stderr}")
    return float(done.stderr.splitlines()[-1])


if __name__ == "__main__":
    run(main)
