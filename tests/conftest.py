"""Fixtures for all tests: small images and datasets, a project whose stages have run, and a clone of this one."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

import browsers
from provenance import data_are_the_sample, restore_sample
from runs import ROOT, SAMPLE_PARAMS, STAGES, activated, dvc, ran, run, run_python, write_params

# A script that runs the tests in the background lets them ignore Ctrl-C, and so every program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=50)
# For `make fuzz`: different examples each time, for about ten minutes.
settings.register_profile("long", derandomize=False, database=None, deadline=None, max_examples=20_000)
settings.load_profile("repeatable")

# Fixtures that run the pipeline, and tests that run DVC or real backbones.
SLOW_FIXTURES = {"project", "clone", "committed"}
SLOW_PATHS = ("pipeline", "models", "commands/export", "commands/dataset/test_main.py", "commands/verify/test_main.py")
SLOW_PATHS += ("commands/dataset/test_add.py", "commands/test_remote.py", "commands/doctor")
SLOW_PATHS += ("commands/report/test_main.py", "commands/review", "commands/relabel/test_main.py")
SLOW_PATHS += ("commands/sweep/test_main.py", "commands/label_review/test_main.py")
SLOW_PATHS += ("caching/test_activations.py", "project/test_photographs.py", "plotting/test_grad_cam.py")
SLOW_PATHS += ("project/test_fuzz.py", "project/test_fuzz_readers.py")


def pytest_collection_modifyitems(items):
    """Mark the tests that `make quick` leaves out."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests")
        if SLOW_FIXTURES & set(item.fixturenames) or any(path.is_relative_to(slow) for slow in SLOW_PATHS):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def photograph() -> Callable[..., np.ndarray]:
    """A function that writes an image of noise, (width, height) pixels, and returns its pixels."""

    def write(path: Path, size: tuple[int, int] = (8, 6), seed: int = 0) -> np.ndarray:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return pixels

    return write


@pytest.fixture(scope="session")
def make_dataset(photograph: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """A function that writes a dataset, with `counts` different images in each class of train, validation and test."""

    def write(
        folder: Path, classes: Sequence[str] = ("glass", "metal", "paper"), counts: Sequence[int] = (8, 1, 1)
    ) -> Path:
        seed = 0
        for split, count in zip(("train", "validation", "test"), counts, strict=True):
            for label in classes:
                for number in range(count):
                    seed += 1
                    photograph(folder / split / label / f"{number:02}.png", seed=seed)
        return folder

    return write


@pytest.fixture(scope="session")
def project(tmp_path_factory, make_dataset):
    """A folder in which all stages have run, and the finished process of each stage."""
    folder = tmp_path_factory.mktemp("project")
    make_dataset(folder / "dataset_images", ("a b", "é", "null"), (16, 2, 2))
    (folder / "dataset_images" / "train" / "é" / "notes.txt").write_text("no image")
    write_params(folder)
    processes = {}
    for stage in STAGES:
        # As a user's computer runs it: other tests run stages in forks.
        processes[stage] = run_python(folder, "-m", f"stages.{stage}")
        assert processes[stage].returncode == 0, processes[stage].stderr
    return folder, processes


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """A clone of this repository in which the sample is pulled, the pipeline has run and its results are committed.

    In a team's project, too, the clone has the sample and its parameters: the team's data may be anywhere, and of any
    size.
    """
    folder = tmp_path_factory.mktemp("clone") / "project"
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(folder))
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
    if not data_are_the_sample():
        restore_sample(folder)
    weights = [path.relative_to(folder).as_posix() for path in (folder / "weights").glob("*.dvc")]
    dvc(folder, "pull", "dataset_images.dvc", *weights)
    # Forced: DVC would skip the last stage on a machine that gives exactly the committed results. In processes of their
    # own, as a user's computer runs them: other tests run DVC and stages in forks.
    process = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--force"],
        cwd=folder,
        env=activated(sys.executable),
        capture_output=True,
        text=True,
    )
    assert (process.returncode, ran(process.stdout)) == (0, STAGES), process.stderr
    run(folder, "git", "commit", "--all", "--allow-empty", "--quiet", "--message", "results of this machine")
    return folder


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """The browser process that all tests of a worker share."""
    if not (browsers.CHROMIUM and browsers.DRIVER):
        pytest.skip("no Chromium with its driver on this machine")
    browser = browsers.start(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium):
    """A browser without a network, whose logs hold nothing of the pages of other tests."""
    browsers.clear_logs(chromium)
    return chromium
