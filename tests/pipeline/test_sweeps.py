"""make sweep with the real stages on small images: a stage that is killed in a trial continues to the same bytes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from runs import ROOT, dvc, ran, run, write_params
from sweeps import environment, experiments, sweep

GRID = "grid: {finetune.learning_rate: [0.001, 0.002]}\nparallel: 2\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory, make_dataset):
    """A clone with a small dataset and parameters with which all stages run in seconds; the pipeline has not run."""
    folder = tmp_path_factory.mktemp("small") / "project"
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(folder))
    make_dataset(folder / "dataset_images", counts=(16, 2, 2))
    write_params(folder, finetune__epochs=6)
    (folder / "dataset_images.dvc").unlink()
    dvc(folder, "add", "--quiet", "dataset_images")
    weights = [path.relative_to(folder).as_posix() for path in (folder / "weights").glob("*.dvc")]
    dvc(folder, "pull", "--quiet", *weights)
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "small images")
    return folder


def test_a_killed_trial_continues_to_the_same_bytes(small, tmp_path):
    runs = tmp_path / "runs.txt"
    (small / "sweep.yaml").write_text(GRID)
    process = subprocess.Popen(
        [sys.executable, "-m", "commands.sweep"],
        cwd=small,
        env=environment(runs),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    states = small / ".scratch/sweep"
    while not list(states.glob("sweep-*/.scratch/finetune-*/round-*.npz")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not experiments(small)
    output, _ = sweep(small, runs, GRID)
    assert output.startswith("2 trials, of which 0 ran before.\n")
    names = experiments(small)
    assert len(names) == 2

    # Run from the beginning, the stage gives the same.
    dvc(small, "exp", "apply", min(names))
    before = (small / "dvc.lock").read_text()
    assert ran(dvc(small, "repro", "--force", "--single-item", "finetune")) == ["finetune"]
    assert (small / "dvc.lock").read_text() == before
