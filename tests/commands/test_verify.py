"""What `make verify` compares: outs by dvc.lock, and the files of a folder by what DVC and git remember of it."""

import json

import h5py
import numpy as np
import pytest
from transfer.interface.errors import UserError

from commands import distances, verify
from runs import dvc, run, run_python

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


def remembered(cache, digest, entries):
    place = cache / "files/md5" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps([{"relpath": name, "md5": md5} for name, md5 in entries.items()]))


def test_outs_are_those_of_every_stage(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert verify.outs(tmp_path) == {"prepare": {"prepared": "1a.dir", "metrics/prepare.json": "2b"}, "features": {}}


def test_without_results_there_is_nothing_to_verify(tmp_path):
    with pytest.raises(UserError, match=r"dvc\.lock is not committed: run `dvc repro`"):
        verify.outs(tmp_path)


def test_of_a_folder_the_files_that_differ_are_named(tmp_path):
    ours, clone = tmp_path / "cache", tmp_path / "clone"
    remembered(ours, "1a2.dir", {"same": "0", "other": "1", "gone": "2"})
    remembered(clone / ".dvc/cache", "3b4.dir", {"same": "0", "other": "9", "new": "3"})
    assert verify.different("models/x", "1a2.dir", "3b4.dir", clone, ours) == [
        "models/x/gone",
        "models/x/new",
        "models/x/other",
    ]


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_how_far_the_numbers_of_two_files_are_apart(tmp_path, suffix, monkeypatch):
    # A row at a time: the largest value and the largest difference may be in different blocks
    monkeypatch.setattr(distances, "BLOCK", 2)
    ours = {"a": np.float32([[1, -8], [2, 0], [0.5, 0.25]]), "b": np.float32([100, 200])}
    others = {
        "same": ({}, 0),
        "near": ({"a": np.float32([[1, -8], [2, 0.5], [0.5, 0.25]])}, 0.5 / 8),
        "another array": ({"b": np.float32([100, 150])}, 0.25 if suffix == ".h5" else 0),
        "another shape": ({"a": np.float32([[1, -8]])}, None),
        "no number": ({"a": np.float32([[1, -8], [2, np.nan], [0.5, 0.25]])}, None),
    }
    for name, (changes, expected) in others.items():
        for path, arrays in ((tmp_path / "1", ours), (tmp_path / "2", ours | changes)):
            if suffix == ".npy":
                with path.open("wb") as file:
                    np.save(file, arrays["a"])
            else:
                with h5py.File(path, "w") as file:
                    for place, values in arrays.items():
                        file[f"layers/{place}"] = values
        assert distances.largest(tmp_path / "1", tmp_path / "2", f"x{suffix}") == expected, name


def test_files_that_hold_no_arrays_are_no_distance_apart(tmp_path):
    assert distances.largest(tmp_path / "1", tmp_path / "2", "classes.json") is None


def test_the_numbers_of_a_file_that_differs_are_compared(tmp_path):
    ours, clone = tmp_path / "cache", tmp_path / "clone"
    remembered(ours, "1a2.dir", {"train.npy": "aa1"})
    remembered(clone / ".dvc/cache", "3b4.dir", {"train.npy": "bb2"})
    for place, last in ((ours / "files/md5/aa/1", 4.0), (clone / ".dvc/cache/files/md5/bb/2", 3.0)):
        place.parent.mkdir(parents=True)
        with place.open("wb") as file:
            np.save(file, np.array([1.0, last]))
    assert verify.different("features", "1a2.dir", "3b4.dir", clone, ours) == [
        "features/train.npy (by at most 0.2 of the largest value)"
    ]


def test_of_what_is_not_known_here_just_that_is_said(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    [told] = verify.different("features", "1a2.dir", "3b4.dir", tmp_path, tmp_path / "cache")
    assert told.startswith("which of its files is not known here")
    assert verify.different("new", None, "3b4", tmp_path, tmp_path) == ["it is not in the committed dvc.lock"]
    assert verify.different("old", "1a2", None, tmp_path, tmp_path) == ["it is no out any more"]


def test_of_a_folder_that_git_keeps_git_names_them(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    for name in ("same", "other"):
        (tmp_path / "plots").mkdir(exist_ok=True)
        (tmp_path / "plots" / name).write_text("before")
    run(tmp_path, "git", "add", "plots")
    run(tmp_path, "git", "commit", "--quiet", "--message", "before")
    (tmp_path / "plots/other").write_text("after")
    assert verify.different("plots", "1a2.dir", "3b4.dir", tmp_path, tmp_path / "cache") == ["plots/other"]
    # A single file is named already
    assert verify.different("plots/other", "1a", "3b", tmp_path, tmp_path / "cache") == []


def test_accuracies_that_came_out_otherwise_are_told(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    (tmp_path / "metrics").mkdir()
    for accuracy in (0.5, 0.75):
        found = {"train_tl": {"accuracy": 0.25}, "finetune": {"accuracy": accuracy}}
        (tmp_path / "metrics/evaluate.json").write_text(json.dumps(found))
        if accuracy == 0.5:
            run(tmp_path, "git", "add", "metrics")
            run(tmp_path, "git", "commit", "--quiet", "--message", "before")
    assert verify.changes(tmp_path) == [("test accuracy of finetune", 0.5, 0.75)]


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


def verified(folder):
    return run_python(folder, "-m", "commands.verify")


def test_what_comes_out_as_committed_is_said_and_the_status_is_0(small):
    done = verified(small)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert "  reproduced      out" in told and "  reproduced      metrics/evaluate.json" in told
    assert told[-1].startswith("All of ") and told[-1].endswith(" is reproduced, byte for byte.")


def test_a_metric_that_was_committed_otherwise_than_the_lock_has_it_is_not_reproduced(small):
    metrics = small / "metrics/evaluate.json"
    before = metrics.read_text()
    metrics.write_text(before.replace("1", "2"))
    commit(small)
    done = verified(small)
    metrics.write_text(before)
    commit(small)
    assert done.returncode == 1
    told = "NOT reproduced metrics/evaluate.json: dvc.lock has it as it came out, but something else is committed"
    assert told in done.stdout.splitlines()
    assert "test accuracy of finetune: 2 was committed, 1 is what came out" in done.stderr


def test_a_stage_that_is_no_more_is_not_reproduced(small):
    lock = small / "dvc.lock"
    before = lock.read_text()
    lock.write_text(before + "  second:\n    cmd: 'true'\n    outs:\n    - {path: more, md5: 1a, size: 1}\n")
    commit(small)
    done = verified(small)
    lock.write_text(before)
    commit(small)
    assert done.returncode == 1
    assert "  NOT reproduced  more" in done.stdout.splitlines()


def test_what_does_not_is_named_with_its_files_and_the_status_is_1(small):
    committed = (small / "make.py").read_text()
    (small / "make.py").write_text(committed.replace('write_text("b")', 'write_text("c")'))
    commit(small)
    done = verified(small)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[told.index("  NOT reproduced  out") + 1].split() == ["out/b.txt"]
    assert "  reproduced      metrics/evaluate.json" in told
    assert "is not reproduced on this machine" in done.stderr and "Traceback" not in done.stderr


def test_a_stage_that_the_committed_lock_has_not_is_not_reproduced(small):
    (small / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    commit(small)
    done = verified(small)
    assert done.returncode == 1
    assert "  NOT reproduced  out" in done.stdout.splitlines()
