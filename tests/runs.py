"""Running the stages as DVC does, in a folder of their own, and the recipe of a training as the study had it."""

import os
import subprocess
import sys
from pathlib import Path

import yaml
from transfer.training.params import TrainingParams

ROOT = Path(__file__).parents[1]
STAGES = ["prepare", "features", "train_tl", "finetune", "evaluate"]


def run_python(folder, *words):
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def run_stage(stage, folder):
    return run_python(folder, "-m", f"stages.{stage}")


def write_params(folder, **changes):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"image_size": 32, "batch_size": 8, "backbone": {"name": "MobileNetV2", "weights": None}}
    # One training of each kind: the best epoch of one is kept, the last of the other
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
    """One epoch in the manner of the study, at a rate that moves no weight to speak of."""
    values = {
        "epochs": 1,
        "learning_rate": 1e-9,
        "schedule": "constant",
        "warmup_epochs": 0,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
    }
    return TrainingParams(**values | changes, early_stopping={"patience": patience, "min_delta": min_delta})


def run(folder, *words, status=0):
    # The stages run `python`: it must be this one, as in an activated environment
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(words, cwd=folder, env=os.environ | names | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def dvc(folder, *words, status=0):
    return run(folder, sys.executable, "-m", "dvc", *words, status=status)


def ran(output):
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]
