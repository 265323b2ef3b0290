"""Running `make sweep` with stubs for stages: each notes that it ran, and may fail."""

import subprocess
import sys

import numpy as np
import pandas as pd

from runs import ROOT, STAGES, activated, quick_python, run
from stubs import STUB

# How right a head is depends on the weight decay, and a fine-tuned model on the learning rate of fine-tuning.
SWEEP_STUB = (
    STUB
    + """
import os, random, time
if runs := os.environ.get("STAGE_RUNS"):
    with open(runs, "a") as file:
        file.write(f"{name} {params['seed']}\\n")
    time.sleep(float(os.environ.get("STAGE_SECONDS", 0)))
if name == "train_tl" and params["train_tl"]["dropout"] == 0.75:
    sys.exit("The head cannot be trained so.")
if name == "evaluate":
    draw = random.Random(params["seed"])
    share = 0.5 + 0.3 * params["train_tl"]["weight_decay"]
    rows = ["path,pixels,split,actual,predicted,probability,folds,right"]
    count = 0
    for image in range(200):
        right = "".join(str(int(draw.random() < share)) for _ in range(2))
        count += right.count("1")
        rows.append(f"train/a/{image}.png,{image:016x},train,a,b,0.9,{draw.randrange(5)} {draw.randrange(5)},{right}")
    pathlib.Path("plots/cross_validation/predictions.csv").write_text("\\n".join(rows) + "\\n")
    accuracy = {"accuracy": count / 400}
    pathlib.Path("metrics/cross_validation.json").write_text(json.dumps(accuracy))
    tuned = {"kept": {"validation": {"accuracy": params["finetune"]["learning_rate"]}}}
    pathlib.Path("metrics/finetune.json").write_text(json.dumps(tuned))
    pathlib.Path("metrics/prepare.json").write_text(json.dumps({"images": {"validation": 100}}))
"""
)


def environment(runs, seconds=0.0, python=sys.executable):
    """The variables of a sweep whose stages note that they run, and take so long."""
    noted = {"STAGE_RUNS": str(runs), "STAGE_SECONDS": str(seconds), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return activated(python) | noted


def sweep(folder, runs, text, status=0, seconds=0.0):
    """Run `make sweep` on this sweep.yaml, in forks; what it prints, and its errors."""
    (folder / "sweep.yaml").write_text(text)
    process = subprocess.run(
        [quick_python(), "-m", "commands.sweep"],
        cwd=folder,
        env=environment(runs, seconds, quick_python()),
        capture_output=True,
        text=True,
    )
    assert process.returncode == status, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process.stdout, process.stderr


def experiments(folder):
    """The experiments of the project, by name, with their commits."""
    lines = run(folder, "git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    return {line.split()[0].rpartition("/")[2]: line.split()[1] for line in lines if "/sweep-" in line}


def started(runs):
    """How often each stage ran."""
    names = [line.split()[0] for line in runs.read_text().splitlines()]
    return {stage: names.count(stage) for stage in STAGES}


def predictions(right, seed, folds=5):
    """A table for images that are right in two repeats with this probability."""
    draw = np.random.default_rng(seed)
    images = 300
    cells = [
        {
            "path": f"{image}.png",
            "pixels": f"{image:016x}",
            "right": "".join(str(int(value)) for value in draw.random(2) < right),
            "folds": " ".join(map(str, draw.integers(0, folds, 2))),
        }
        for image in range(images)
    ]
    return pd.DataFrame(cells)
