"""make sweep with stubs for stages: trials become experiments, share stages, survive kills, and are compared."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest

from commands.sweep import table
from runs import STAGES, dvc, run
from sweeps import environment, experiments, started, sweep

pytestmark = pytest.mark.xdist_group("sweep")

# Two heads and two fine-tunings: what they share is run once.
GRID = """
grid:
  train_tl.weight_decay: [0.25, 0.75]
  finetune.learning_rate: [0.001, 0.002]
parallel: 2
"""


def read_table(folder):
    return pd.read_csv(folder / table.PATH, keep_default_na=False)


def left(folder):
    """What the trials of a sweep have left."""
    return sorted(path.name for path in (folder / ".scratch/sweep").iterdir())


def test_trials_are_experiments_and_share_stages(stub_project, runs):
    output, _ = sweep(stub_project, runs, GRID)
    assert output.startswith("4 trials, of which 0 ran before.\n")
    # The data and the seed are as committed, so prepare and features have run before. Two heads, four fine-tunings.
    expected = dict.fromkeys(STAGES, 0) | {"train_tl": 2, "cross_validate": 2, "finetune": 4, "evaluate": 4}
    assert started(runs) == expected
    names = experiments(stub_project)
    assert len(names) == 4
    # Nothing of the trials is left in the project but their experiments, and what they took.
    assert sorted(path.name for path in (stub_project / ".scratch/sweep").iterdir()) == [
        "cache",
        "lock",
        "seconds.json",
    ]
    assert run(stub_project, "git", "status", "--porcelain").split() == ["M", "sweep.yaml"]

    # The table: the heads with the higher weight decay are better, and the higher rate decides among equals.
    made = read_table(stub_project)
    assert made["train_tl.weight_decay"].tolist() == [0.75, 0.75, 0.25, 0.25]
    assert made["finetune.learning_rate"].tolist() == [0.002, 0.001, 0.002, 0.001]
    assert made["against_the_best"].tolist() == [table.BEST, table.SAME, table.WORSE, table.WORSE]
    assert made["unmeasured"].tolist() == ["prepare features"] * 4
    assert (made["seconds"] > 0).all()
    assert all(f"{name}-seed1" in names for name in made["experiments"])

    # Run again, nothing runs: the experiments answer, also for the seconds.
    before = (stub_project / table.PATH).read_bytes()
    output, _ = sweep(stub_project, runs, GRID)
    assert output.startswith("4 trials, of which 4 ran before.\n")
    assert started(runs) == expected and experiments(stub_project) == names
    assert (stub_project / table.PATH).read_bytes() == before


def test_dvc_shows_and_applies_the_trials(stub_project, runs):
    sweep(stub_project, runs, GRID)
    best = read_table(stub_project)["experiments"][0] + "-seed1"
    assert best in dvc(stub_project, "exp", "list", "--name-only").split()
    dvc(stub_project, "exp", "apply", best)
    try:
        changed = run(stub_project, "git", "diff", "-U0", "params.yaml").splitlines()
        assert [line for line in changed if line.startswith("+ ")] == [
            "+  weight_decay: 0.75       # weight decay of kernels, decoupled from the gradient (AdamW)",
            "+  learning_rate: 0.002     # learning rate of Adam; with the cosine schedule, its highest value",
        ]
        assert "up to date" in dvc(stub_project, "status")
    finally:
        run(stub_project, "git", "checkout", "--quiet", ".")
        dvc(stub_project, "checkout", "--quiet")


def wait_for(condition):
    """Wait until something has happened."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_three_times_it_goes_on_to_the_same_table(stub_project, runs):
    # Eight trials that no other test has run: some remain after each kill, whatever was on its way.
    rates = ", ".join(f"0.00{number}" for number in range(1, 9))
    text = GRID.replace("0.25, 0.75", "0.5").replace("0.001, 0.002", rates) + "seeds: [1]\n"
    (stub_project / "sweep.yaml").write_text(text)
    kept, errors = dict(experiments(stub_project)), ""
    # All of its processes, the command alone, and Ctrl-C in another terminal's `kill`.
    for kill, status in ((os.killpg, -signal.SIGKILL), (os.kill, -signal.SIGKILL), (os.kill, 130)):
        before, lines = len(kept), len(runs.read_text().splitlines())
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.sweep"],
            cwd=stub_project,
            env=environment(runs, 0.5),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if kill is os.killpg:
            wait_for(lambda lines=lines: len(runs.read_text().splitlines()) > lines)
        else:
            wait_for(lambda before=before: len(experiments(stub_project)) > before)
        trials = psutil.Process(process.pid).children(recursive=True)
        kill(process.pid, signal.SIGINT if status == 130 else signal.SIGKILL)
        assert process.wait() == status
        # Trials outlive a command that was killed alone. What they leave must not be taken for the next command's.
        psutil.wait_procs(trials, timeout=60)
        errors = process.stderr.read() if status == 130 else ""
        kept |= experiments(stub_project)
    assert errors == "Interrupted: run the same command again to continue.\n"
    sweep(stub_project, runs, text, seconds=0.5)
    after = experiments(stub_project)
    assert {name: after[name] for name in kept} == kept
    interrupted = read_table(stub_project).drop(columns="seconds")
    assert left(stub_project) == ["cache", "lock", "seconds.json"]

    # The same without kills.
    names = [f"{name}-seed1" for name in interrupted["experiments"]]
    dvc(stub_project, "exp", "remove", *names)
    sweep(stub_project, runs, text)
    assert read_table(stub_project).drop(columns="seconds").equals(interrupted)
    assert set(experiments(stub_project)) == set(after)


def test_a_trial_that_fails_has_its_reason_in_the_table_and_the_others_run(stub_project, runs):
    output, errors = sweep(stub_project, runs, "grid: {train_tl.dropout: [0.75, 0.1]}", status=1)
    made = read_table(stub_project)
    assert made["failed"].tolist() == [0, 1]
    assert made["reason"].tolist() == ["", "The head cannot be trained so."]
    assert made["accuracy"].tolist()[1] == ""
    assert f"{made['experiments'][1]}-seed1: failed: The head cannot be trained so." in output
    assert errors.startswith("1 of 2 trials failed, for the reasons above: ")


def test_changes_that_are_not_committed_are_named(stub_project, runs):
    params = stub_project / "params.yaml"
    committed = params.read_text()
    params.write_text(committed.replace("epochs: 40", "epochs: 41"))
    (stub_project / "stages" / "new.py").write_text("")
    # What a run leaves is nothing that trials read.
    (stub_project / "metrics/summary.json").write_text("{}")
    try:
        _, errors = sweep(stub_project, runs, GRID, status=1)
    finally:
        params.write_text(committed)
        (stub_project / "stages" / "new.py").unlink()
        run(stub_project, "git", "checkout", "--quiet", ".")
    assert errors == (
        "params.yaml, stages/new.py changed since the last commit, from which the trials of a sweep start: commit or "
        "stash first.\n"
    )


def test_a_second_sweep_waits_for_the_first_to_end(stub_project, runs):
    fcntl = pytest.importorskip("fcntl")
    (stub_project / ".scratch/sweep").mkdir(parents=True, exist_ok=True)
    with (stub_project / ".scratch/sweep/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _, errors = sweep(stub_project, runs, GRID, status=1)
    assert errors == "Another sweep of this project runs: wait until it ends, or stop it.\n"


def test_a_bad_sweep_is_refused_before_any_work(stub_project, runs):
    _, errors = sweep(stub_project, runs, "grid: {train_tl.epoch: [1]}", status=1)
    assert errors == "sweep.yaml: grid: train_tl.epoch is not a parameter; did you mean epochs?\n"
    assert runs.read_text() == ""
