"""Running commands and stages as a user or DVC does, in any folder, and the training recipe of the study."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

from forks import Forks
from transfer.training.params import TrainingParams

ROOT = Path(__file__).parents[1]
# The parameters of the sample, whatever a team has committed for data of its own.
SAMPLE_PARAMS = ROOT / "tests" / "sample_params.yaml"
STAGES = ["prepare", "features", "train_tl", "cross_validate", "finetune", "evaluate"]


def run_python(folder, *words):
    """Run this Python with the project importable; the status may be any."""
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment(), capture_output=True, text=True)


def environment():
    """The variables of a program: those of this process, apart from the one that pytest sets anew for each test."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return inherited | {"PYTHONPATH": str(ROOT)}


@cache
def forks():
    return Forks()


def quick_python():
    """This Python; or, on Linux, a script that runs programs in a fraction of its time (see `forks`)."""
    # On macOS, a fork may not use the system's libraries.
    return str(forks().python) if sys.platform == "linux" else sys.executable


def run_forked(folder, *words):
    """`run_python` in a fraction of its time, for a program that imports TensorFlow."""
    return subprocess.run([quick_python(), *words], cwd=folder, env=environment(), capture_output=True, text=True)


def run_stage(stage, folder):
    """Run a stage, in a fork; the status may be any."""
    return run_forked(folder, "-m", f"stages.{stage}")


def params_for_any_data():
    """The sample's parameters with random weights: those of the sample are refused where the data are a team's."""
    params = yaml.safe_load(SAMPLE_PARAMS.read_text())
    params["backbone"]["weights"] = None
    return params


def write_params(folder, **changes):
    """Write parameters with which all stages run in seconds; a change is `key=value` or `section__key=value`."""
    params = yaml.safe_load(SAMPLE_PARAMS.read_text())
    params |= {"image_size": 32, "batch_size": 8, "backbone": {"name": "MobileNetV2", "weights": None}}
    # One training of each kind: one keeps its best epoch, the other its last.
    params["train_tl"] |= {"epochs": 2, "early_stopping": {"patience": 2, "min_delta": 0.001}}
    params["finetune"] |= {
        "epochs": 2,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "early_stopping": {"patience": None, "min_delta": 0.001},
    }
    params["augment"]["views"] = 2
    params["finetune"]["frozen_layers"] = [150, 140]
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            params[section][name] = value
        else:
            params[section] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def recipe(patience=2, min_delta=0.0, **changes):
    """One epoch with the study's recipe, at a learning rate too low to change any weight noticeably."""
    values = {
        "epochs": 1,
        "learning_rate": 1e-9,
        "schedule": "constant",
        "warmup_epochs": 0,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "class_weights": None,
    }
    return TrainingParams(**values | changes, early_stopping={"patience": patience, "min_delta": min_delta})


def run(folder, *words, status=0):
    """Run a program, check its exit status, and return what it prints on standard output.

    A first word `python`, and the `python` that such a program starts, are quick (see `quick_python`).
    """
    program, *arguments = words
    # Git alone needs no process that forks, which takes seconds to start.
    python = sys.executable if program == "git" else quick_python()
    process = subprocess.run(
        [python if program == "python" else program, *arguments],
        cwd=folder,
        env=activated(python),
        capture_output=True,
        text=True,
    )
    assert process.returncode == status, process.stdout + process.stderr
    return process.stdout


def activated(python):
    """The variables of a program in an activated environment, whose `python` is this one, with an author for Git."""
    names = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return os.environ | names | {"PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}


def dvc(folder, *words, status=0):
    return run(folder, "python", "-m", "dvc", *words, status=status)


def ran(output):
    """The stages that `dvc repro` ran, according to its output."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]
