"""Running the stages as DVC does, in a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

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
    params["train_tl"]["epochs"] = params["finetune"]["epochs"] = 2
    params["augment"]["views"] = 2
    params["finetune"]["frozen_layers"] = [150, 140]
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            params[section][name] = value
        else:
            params[section] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
