"""`make verify`: outs are compared by dvc.lock, and the files of a folder by what DVC's cache and Git have of it."""

import json

import numpy as np
import pytest

from commands.verify import __main__ as verify
from runs import dvc, run, run_forked
from transfer.interface.errors import UserError

LOCK = """
stages:
  prepare:
    outs:
    - {path: prepared, md5: 1a.dir}
    - {path: metrics/prepare.json, md5: 2b}
  features:
    deps:
    - {path: prepared, md5: 1a.dir}
"""


def write_folder_list(cache, digest, entries):
    """Write what DVC's cache has for a folder: the list of its files with their digests."""
    place = cache / "files/md5" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps([{"relpath": name, "md5": md5} for name, md5 in entries.items()]))


def test_the_outs_of_every_stage_are_read_from_the_lock(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert verify.locked_outs(tmp_path) == {
        "prepare": {"prepared": "1a.dir", "metrics/prepare.json": "2b"},
        "features": {},
    }


def test_a_missing_lock_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"^dvc\.lock is not committed: run `dvc repro`, and commit"):
        verify.locked_outs(tmp_path)


def test_the_files_of_a_folder_that_differ_are_named(tmp_path):
    cache, clone = tmp_path / "cache", tmp_path / "clone"
    write_folder_list(cache, "1a2.dir", {"same": "0", "other": "1", "gone": "2"})
    write_folder_list(clone / ".dvc/cache", "3b4.dir", {"same": "0", "other": "9", "new": "3"})
    assert verify.describe_differences("models/x", "1a2.dir", "3b4.dir", clone, cache) == [
        "models/x/gone",
        "models/x/new",
        "models/x/other",
    ]


def test_the_numbers_of_a_file_that_differs_are_compared(tmp_path):
    cache, clone = tmp_path / "cache", tmp_path / "clone"
    write_folder_list(cache, "1a2.dir", {"train.npy": "aa1"})
    write_folder_list(clone / ".dvc/cache", "3b4.dir", {"train.npy": "bb2"})
    for place, last in ((cache / "files/md5/aa/1", 4.0), (clone / ".dvc/cache/files/md5/bb/2", 3.0)):
        place.parent.mkdir(parents=True)
        with place.open("wb") as file:
            np.save(file, np.array([1.0, last]))
    assert verify.describe_differences("features", "1a2.dir", "3b4.dir", clone, cache) == [
        "features/train.npy (by at most 0.2 of the largest value)"
    ]


def test_files_that_are_not_in_the_cache_are_reported_as_unknown(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    [reason] = verify.describe_differences("features", "1a2.dir", "3b4.dir", tmp_path, tmp_path / "cache")
    assert reason == "its differing files are unknown, because the committed ones are not in the cache: run `dvc pull`"
    missing = verify.describe_differences("new", None, "3b4", tmp_path, tmp_path)
    assert missing == ["it is not in the committed dvc.lock"]
    assert verify.describe_differences("old", "1a2", None, tmp_path, tmp_path) == ["it is no longer an out"]


def test_git_names_the_files_of_a_folder_that_dvc_does_not_cache(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    for name in ("same", "other"):
        (tmp_path / "plots").mkdir(exist_ok=True)
        (tmp_path / "plots" / name).write_text("before")
    run(tmp_path, "git", "add", "plots")
    run(tmp_path, "git", "commit", "--quiet", "--message", "before")
    (tmp_path / "plots/other").write_text("after")
    differences = verify.describe_differences("plots", "1a2.dir", "3b4.dir", tmp_path, tmp_path / "cache")
    assert differences == ["plots/other"]
    # The out itself is named already.
    assert verify.describe_differences("plots/other", "1a", "3b", tmp_path, tmp_path / "cache") == []


def test_changed_accuracies_are_named_with_both_values(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    (tmp_path / "metrics").mkdir()
    for accuracy in (0.5, 0.75):
        metrics = {"train_tl": {"accuracy": 0.25}, "finetune": {"accuracy": accuracy}}
        (tmp_path / "metrics/evaluate.json").write_text(json.dumps(metrics))
        if accuracy == 0.5:
            run(tmp_path, "git", "add", "metrics")
            run(tmp_path, "git", "commit", "--quiet", "--message", "before")
    assert verify.changed_accuracies(tmp_path) == [("test accuracy of finetune", 0.5, 0.75)]


PIPELINE = """
stages:
  first:
    cmd: python make.py
    deps: [make.py]
    outs: [out]
    metrics: [{metrics/evaluate.json: {cache: false}}]
"""
MAKE = """
import json, pathlib
pathlib.Path("out").mkdir()
pathlib.Path("out/a.txt").write_text("a")
pathlib.Path("out/b.txt").write_text("b")
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/evaluate.json").write_text(json.dumps(dict.fromkeys(("train_tl", "finetune"), {"accuracy": 1})))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A project of one stage, run and committed."""
    folder = tmp_path_factory.mktemp("small")
    run(folder, "git", "init", "--quiet")
    dvc(folder, "init", "--quiet")
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "make.py").write_text(MAKE)
    (folder / ".gitignore").write_text("/out\n")
    dvc(folder, "repro", "--quiet")
    commit(folder)
    return folder


def commit(folder):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "a state")


def run_verify(folder):
    """Run `make verify`; the status may be any."""
    return run_forked(folder, "-m", "commands.verify")


def test_if_everything_is_reproduced_the_status_is_0(small):
    done = run_verify(small)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "  reproduced      out" in lines and "  reproduced      metrics/evaluate.json" in lines
    assert lines[-1].startswith("All of ") and lines[-1].endswith(" is reproduced, byte for byte.")


def test_a_committed_metric_that_the_lock_contradicts_is_not_reproduced(small):
    metrics = small / "metrics/evaluate.json"
    before = metrics.read_text()
    metrics.write_text(before.replace("1", "2"))
    commit(small)
    done = run_verify(small)
    metrics.write_text(before)
    commit(small)
    assert done.returncode == 1
    line = "NOT reproduced metrics/evaluate.json: the result agrees with dvc.lock, but the committed file differs"
    assert line in done.stdout.splitlines()
    assert "test accuracy of finetune: 2 committed, 1 in this run" in done.stderr


def test_a_stage_that_no_longer_exists_is_not_reproduced(small):
    lock = small / "dvc.lock"
    before = lock.read_text()
    lock.write_text(before + "  second:\n    cmd: 'true'\n    outs:\n    - {path: more, md5: 1a, size: 1}\n")
    commit(small)
    done = run_verify(small)
    lock.write_text(before)
    commit(small)
    assert done.returncode == 1
    assert "  NOT reproduced  more" in done.stdout.splitlines()


def test_an_out_that_differs_is_named_with_its_files_and_the_status_is_1(small):
    committed = (small / "make.py").read_text()
    (small / "make.py").write_text(committed.replace('write_text("b")', 'write_text("c")'))
    commit(small)
    done = run_verify(small)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[lines.index("  NOT reproduced  out") + 1].split() == ["out/b.txt"]
    assert "  reproduced      metrics/evaluate.json" in lines
    assert "is not reproduced on this machine" in done.stderr and "Traceback" not in done.stderr


def test_a_stage_that_the_committed_lock_lacks_is_not_reproduced(small):
    (small / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    commit(small)
    done = run_verify(small)
    assert done.returncode == 1
    assert "  NOT reproduced  out" in done.stdout.splitlines()
