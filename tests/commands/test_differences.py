"""What `make run` says about committed results that differ after a run."""

import copy

import pytest
import yaml

from commands import differences
from runs import run, run_python

STAGES = {
    "prepare": {
        "cmd": "python -m stages.prepare",
        "deps": [{"path": "dataset_images", "md5": "1"}, {"path": "stages/prepare.py", "md5": "2"}],
        "params": {"params.yaml": {"seed": 1, "augment.flip": None}},
        "outs": [{"path": "prepared", "md5": "3"}, {"path": "metrics/prepare.json", "md5": "4"}],
    },
    "features": {
        "cmd": "python -m stages.features",
        "deps": [{"path": "prepared", "md5": "3"}],
        "outs": [{"path": "features", "md5": "5"}],
    },
}


@pytest.fixture(params=[".", "services/a vision"])
def folder(request, tmp_path):
    """A project whose results are committed, also as a folder of a larger repository."""
    run(tmp_path, "git", "init", "--quiet")
    folder = tmp_path / request.param
    for name in ("metrics/prepare.json", "plots/images/a.png", "plots/b.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("committed")
    write_lock(folder, STAGES)
    run(tmp_path, "git", "add", "--all")
    run(tmp_path, "git", "commit", "--quiet", "--message", "results")
    return folder


def write_lock(folder, stages):
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def message(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    differences.main()
    return capsys.readouterr().out


def test_nothing_is_said_if_nothing_differs_or_nothing_is_committed(folder, tmp_path_factory, monkeypatch, capsys):
    assert message(folder, monkeypatch, capsys) == ""
    without_git = tmp_path_factory.mktemp("archive")
    write_lock(without_git, STAGES)
    assert message(without_git, monkeypatch, capsys) == ""


def test_results_that_differ_with_the_same_inputs_are_a_matter_of_the_processor(folder, monkeypatch, capsys):
    stages = copy.deepcopy(STAGES)
    stages["features"]["outs"][0]["md5"] = "6"
    # An out in Git is named by its files, not by its entry in dvc.lock.
    stages["prepare"]["outs"][1]["md5"] = "7"
    write_lock(folder, stages)
    (folder / "metrics/prepare.json").write_text("changed")
    assert message(folder, monkeypatch, capsys) == (
        f"Different from the committed results: metrics/prepare.json and features. {differences.ROUNDING}\n"
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"params": {"params.yaml": {"seed": 2, "augment.flip": None}}}, "seed"),
        ({"params": {"params.yaml": {"seed": 1, "augment.flip": "horizontal"}}}, "augment.flip"),
        ({"cmd": "python -m stages.other"}, "the command of prepare"),
        (
            {"deps": [{"path": "dataset_images", "md5": "9"}, {"path": "stages/prepare.py", "md5": "2"}]},
            "dataset_images",
        ),
    ],
)
def test_changed_inputs_are_the_reason(folder, monkeypatch, capsys, change, named):
    stages = copy.deepcopy(STAGES)
    stages["prepare"] |= change
    stages["prepare"]["outs"][0]["md5"] = stages["features"]["deps"][0]["md5"] = "8"
    write_lock(folder, stages)
    assert message(folder, monkeypatch, capsys) == (
        "Different from the committed results: prepared. "
        f"The run has other inputs than the committed results: {named}.\n"
    )


def test_many_files_are_counted_and_a_removed_one_is_named(folder, monkeypatch, capsys):
    (folder / "plots/b.csv").unlink()
    for number in range(9):
        (folder / f"plots/{number}.csv").write_text("new")
    run(folder, "git", "add", "plots")
    said = message(folder, monkeypatch, capsys)
    # The first six of ten in Git's order, which are the new files.
    assert said.startswith("Different from the committed results: plots/0.csv, plots/1.csv, plots/2.csv, plots/3.csv, ")
    assert "plots/5.csv and 4 more. Code, data" in said


def test_the_module_runs_as_make_runs_it(folder):
    (folder / "plots/b.csv").write_text("changed")
    done = run_python(folder, "-m", "commands.differences")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Different from the committed results: plots/b.csv. {differences.ROUNDING}\n"
