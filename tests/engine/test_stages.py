"""The stages with the engine `ray`: the same bytes as with `local`, also if a worker or the driver is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from runs import environment, run_python, write_params

pytest.importorskip("ray", reason="Ray is not installed (requirements-ray.txt)")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
OUTS = (
    "features",
    "models/backbone",
    "results/cross_validate",
    "models/finetune",
    "results/finetune",
    "plots/finetune",
)
STAGES = ("features", "cross_validate", "finetune")


def files(folder, *outs):
    """The bytes of every file of some outs."""
    paths = [path for out in outs for path in sorted((folder / out).rglob("*")) if path.is_file()]
    assert paths
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def use_ray(folder, address, shared=False):
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["engine"] = {"name": "ray", "address": address, "shared": shared}
    path.write_text(yaml.safe_dump(params))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A project in which the stages have run with the engine `local`, and what `features` and `finetune` printed."""
    folder = tmp_path_factory.mktemp("local")
    seed = 0
    for split, images in (("train", 80), ("validation", 10), ("test", 10)):
        for label in ("a", "b", "c"):
            for number in range(images):
                seed += 1
                path = folder / "dataset_images" / split / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 48, 3), np.uint8)).save(path)
    write_params(folder, image_size=96, batch_size=16)
    printed = {}
    for stage in ("prepare", "features", "train_tl", "cross_validate", "finetune"):
        process = run_python(folder, "-m", f"stages.{stage}")
        assert process.returncode == 0, process.stderr
        printed[stage] = process.stdout
    return folder, printed


@pytest.fixture
def copy(local, two_workers, tmp_path):
    """A copy of this project, without the outs of frozen layers and with Ray in its parameters."""
    folder = tmp_path / "project"
    shutil.copytree(local[0], folder)
    for out in (*OUTS, ".scratch"):
        shutil.rmtree(folder / out)
    use_ray(folder, two_workers[1])
    return folder


@pytest.mark.parametrize("shared", [False, True])
def test_frozen_layers_and_heads_give_the_same_bytes_on_ray(local, copy, two_workers, shared):
    folder, printed = local
    use_ray(copy, two_workers[1], shared)
    for stage in STAGES:
        process = run_python(copy, "-m", f"stages.{stage}")
        assert process.returncode == 0, process.stderr
        assert process.stdout == printed[stage]
    assert files(copy, *OUTS) == files(folder, *OUTS)


def start_features(folder, cluster):
    """Start `features`; returns the process when a worker of the cluster computes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.features"], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )
    while not computing(cluster):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


def computing(cluster):
    """The processes of the cluster's workers that run a batch now."""
    workers = []
    for process in psutil.Process(cluster[0].pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name() == "ray::compute":
                workers.append(process)
    return workers


def test_a_worker_killed_in_the_middle_changes_no_byte(local, copy, two_workers):
    process = start_features(copy, two_workers)
    killed = []
    for seconds in (0.5, 1.5):
        time.sleep(seconds)
        for worker in computing(two_workers)[:1]:
            worker.kill()
            killed.append(worker.pid)
    assert process.wait() == 0, process.stderr.read()
    assert killed
    assert files(copy, "features") == files(local[0], "features")


def test_a_killed_driver_is_continued_to_the_same_bytes(local, copy, two_workers):
    process = start_features(copy, two_workers)
    time.sleep(2)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not (copy / "features").exists()
    process.stderr.close()
    # Work that one engine has begun, another continues.
    shutil.copy(local[0] / "params.yaml", copy)
    continued = run_python(copy, "-m", "stages.features")
    assert continued.returncode == 0, continued.stderr
    assert files(copy, "features") == files(local[0], "features")


def test_an_address_that_nobody_answers_stops_a_stage_with_one_sentence(copy):
    use_ray(copy, "127.0.0.1:1")
    for stage in STAGES:
        process = run_python(copy, "-m", f"stages.{stage}")
        assert process.returncode == 1
        assert process.stderr.startswith("No Ray cluster answers at 127.0.0.1:1 (")
        assert len(process.stderr.splitlines()) == 1
