"""What `make verify` compares: outs by dvc.lock, and the files of a folder by what DVC and git remember of it."""

import json

import pytest

from commands import verify
from runs import run
from transfer.faults import Fault

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
    with pytest.raises(Fault, match=r"dvc\.lock is not committed: run `dvc repro`"):
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
