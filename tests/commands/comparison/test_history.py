"""What changed since a commit, in a small repository of a parameter file, a dataset's .dvc file, code and tables."""

import json

import pytest
import yaml

from commands.comparison import code_changes, data_changes, history
from runs import run
from transfer.common import io
from transfer.common.dvcfile import REMOTE_FOLDER

PIPELINE = {
    "stages": {
        "prepare": {"cmd": "x", "deps": ["dataset_images", "stages/prepare.py", "transfer/dataset"]},
        "train_tl": {"cmd": "x", "deps": ["stages/train_tl.py", "transfer/training"]},
        "evaluate": {"cmd": "x", "deps": ["transfer/training", "weights"]},
    }
}
PARAMS = "seed: 1\nfinetune:\n  epochs: 20\n  frozen_layers: [54]\n  patience: null\nold: a\n"
IMAGES = {"train/a/1.jpg": "11", "train/a/2.jpg": "12", "train/b/1.jpg": "21", "test/b/2.jpg": "22"}
CONFIG = """['remote "embedded"']
    url = ../sample/remote
['remote "team"']
    url = ../../team
[core]
    remote = team
    analytics = false
"""
FILES = ("stages/prepare.py", "transfer/training/loop.py", "transfer/training/params.py", "transfer/training/README.md")
FILES += ("transfer/dataset/checks.py", "weights/w.json", "docs/a.md")


def write_data(images, digest, remote=REMOTE_FOLDER):
    """Write the .dvc file of a dataset, its table, and the list of its files as a remote has it, if one has it."""
    io.write_text("dataset_images.dvc", f"outs:\n- md5: {digest}\n  path: dataset_images\n")
    counts = {}
    for path in images:
        split, label, _ = path.split("/")
        counts[split, label] = counts.get((split, label), 0) + 1
    rows = "".join(f"{split},{label},{number}\n" for (split, label), number in counts.items())
    io.write_text("plots/dataset.csv", f"split,class,images\n{rows}")
    if remote:
        files = [{"relpath": path, "md5": content} for path, content in images.items()]
        io.write_text(remote / "files/md5" / digest[:2] / digest[2:], json.dumps(files))


def commit(subject):
    io.write_text("docs/a.md", subject)
    run(".", "git", "add", "--all")
    run(".", "git", "commit", "--quiet", "--message", subject)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, which is the working folder."""
    tmp_path = tmp_path / "project"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "--quiet", "--initial-branch", "main")
    io.write_text(".dvc/config", CONFIG)
    io.write_text(".dvc/.gitignore", "*\n!config\n")
    io.write_text("params.yaml", PARAMS)
    io.write_text("dvc.yaml", yaml.safe_dump(PIPELINE, sort_keys=False))
    io.write_text("requirements.txt", "keras==3.1 \\\n    --hash=sha256:1\nnumpy==2.0\n")
    for path in FILES:
        io.write_text(path, f"{path}\n")
    write_data(IMAGES, "aa1.dir")
    commit("first")
    return tmp_path


def tables(changes):
    return {table.caption: [list(row) for row in table.rows] for table in changes.tables}


def test_nothing_changed(repository):
    changes = history.since("HEAD")
    assert changes.unchanged and not changes.tables and not changes.notes and not changes.commits.rows
    assert changes.summary == [
        *(("Parameters", "the same"), ("Data", "the same images (md5 aa1.dir)")),
        *(("Code", "the same"), ("Commits", "none that changes a file here")),
    ]


def test_parameters_are_compared_key_by_key(repository):
    changed = PARAMS.replace("20", "5").replace("[54]", "[54, 0]").replace("null", "2").replace("old: a", "new: true")
    io.write_text("params.yaml", changed)
    changes = history.since("HEAD")
    assert tables(changes)["Parameters that changed"] == [
        ["finetune.epochs", "20", "5"],
        ["finetune.frozen_layers", "[54]", "[54, 0]"],
        ["finetune.patience", "null", "2"],
        ["new", "–", "true"],
        ["old", "a", "–"],
    ]
    assert dict(changes.summary)["Parameters"] == (
        "finetune.epochs 20 → 5, finetune.frozen_layers [54] → [54, 0], finetune.patience null → 2 and 2 more"
    )
    assert dict(changes.summary)["Commits"] == "none that changes a file here; the workspace has uncommitted changes"
    assert not changes.unchanged


def test_images_are_compared_one_by_one_and_counted_by_class(repository):
    now = {"train/a/new name.jpg": "11", "train/a/2.jpg": "13", "validation/b/1.jpg": "21", "test/a/2.jpg": "22"}
    write_data(now, "bb2.dir")
    changes = history.since("HEAD")
    assert tables(changes)["Images that changed"] == [
        ["train/a/2.jpg", "added", ""],
        ["test/a/2.jpg", "moved to another class", "test/b/2.jpg"],
        ["validation/b/1.jpg", "moved to another split", "train/b/1.jpg"],
        ["train/a/2.jpg", "removed", ""],
        ["train/a/new name.jpg", "renamed", "train/a/1.jpg"],
    ]
    assert tables(changes)["Images of the classes that changed, before → now"] == [
        ["all classes", "3 → 2", "0 → 1", "1"],
        ["a", "2", "0", "0 → 1"],
        ["b", "1 → 0", "0 → 1", "1 → 0"],
    ]
    assert dict(changes.summary)["Data"] == (
        "4 images of 2 classes; 1 added, 1 removed, 1 moved to another split, 1 moved to another class, 1 renamed; "
        "md5 aa1.dir → bb2.dir"
    )
    # In the same split: its near-duplicates are those of an image that was there before.
    assert changes.renamed == {"train/a/new name.jpg": "train/a/1.jpg", "test/a/2.jpg": "test/b/2.jpg"}


def test_an_image_that_is_there_twice_is_counted_twice():
    before, now = {"train/a/1": "1", "train/a/2": "1"}, {"train/a/1": "1", "test/a/2": "1", "test/a/3": "1"}
    assert data_changes.changed_files(before, now) == [
        ("test/a/3", "added", ""),
        ("test/a/2", "moved to another split", "train/a/2"),
    ]


def test_the_list_of_files_is_read_from_the_default_remote_and_nothing_is_pulled(repository):
    write_data({**IMAGES, "test/b/3.jpg": "23"}, "cc3.dir", remote=repository.parent / "team")
    changes = history.since("HEAD")
    assert tables(changes)["Images that changed"] == [["test/b/3.jpg", "added", ""]]
    assert not (repository / ".dvc/cache").exists()


def test_without_the_list_of_files_images_are_counted_only(repository):
    write_data(IMAGES, "cc3.dir", remote=None)
    changes = history.since("HEAD")
    assert dict(changes.summary)["Data"] == "4 images of 2 classes; md5 aa1.dir → cc3.dir"
    assert changes.notes == [
        "The workspace has images of which neither DVC's cache nor the remote has a list, so they are not compared one "
        "by one: run `dvc push` in the clone that made them."
    ]


def test_code_is_named_with_the_stages_that_read_it(repository):
    for path in FILES:
        io.write_text(path, "changed\n")
    io.write_text("transfer/training/new.py", "")
    io.write_text("metrics/evaluate.json", "{}")
    io.write_text("requirements.txt", "keras==3.2\nnumpy==2.0\nscipy==1.0\n")
    code, others = code_changes.since("HEAD")
    assert code == [
        ("requirements.txt", ["keras 3.1 → 3.2", "scipy – → 1.0"], []),
        ("stages/prepare.py", ["prepare.py"], ["prepare"]),
        ("transfer/dataset", ["checks.py"], ["prepare"]),
        ("transfer/training", ["loop.py", "new.py"], ["train_tl", "evaluate"]),
        ("weights", ["w.json"], ["evaluate"]),
    ]
    # A schema of parameters, a file that is not Python, and documentation.
    assert others == 3
    assert code_changes.describe(code, others) == (
        "requirements.txt, stages/prepare.py, transfer/dataset and 2 more; also 3 files that no stage reads"
    )
    assert code_changes.describe([], 1) == "the same in every stage; 1 file that no stage reads changed"


def test_code_that_no_stage_reads_any_more_was_read_before(repository):
    pipeline = {"stages": {"prepare": PIPELINE["stages"]["prepare"]}}
    io.write_text("dvc.yaml", yaml.safe_dump(pipeline, sort_keys=False))
    # Moved out of the folder: for the stages, it is gone.
    run(".", "git", "mv", "transfer/training/loop.py", "docs/loop.py")
    code, _ = code_changes.since("HEAD")
    assert code == [
        ("dvc.yaml", ["the definition of the stages"], []),
        ("transfer/training", ["loop.py"], ["train_tl", "evaluate"]),
    ]


def test_commits_are_those_between_with_their_subjects(repository):
    run(".", "git", "branch", "other")
    for subject in ("second", "a | b <i>", "third"):
        commit(subject)
    changes = history.since("HEAD~3")
    assert [subject for _, subject in changes.commits.rows] == ["third", "a | b <i>", "second"]
    assert dict(changes.summary)["Commits"] == "3: “third” and 2 more"
    assert changes.unchanged and dict(changes.summary)["Code"].startswith("the same in every stage; 1 file")

    run(".", "git", "switch", "--quiet", "other")
    commit("elsewhere")
    changes = history.since("main")
    assert changes.notes == [] and not changes.unchanged
    assert changes.moved_on == (
        "Revision main has 3 commits that the workspace does not build on: what they changed appears here as undone. "
        "Merge them, and run `dvc repro`."
    )
    assert dict(changes.summary)["Commits"] == "1: “elsewhere”"


def test_a_revision_without_files_or_with_others_is_compared_as_far_as_possible(repository):
    for path, content in (("params.yaml", "a: [\n"), ("dataset_images.dvc", "outs: 1\n"), ("plots/dataset.csv", "a\n")):
        io.write_text(path, content)
    io.write_text("dvc.yaml", "- 1\n")
    commit("other files")
    run(".", "git", "checkout", "HEAD~1", "--", ".")
    changes = history.since("HEAD")
    assert changes.notes == [
        "Revision HEAD has no params.yaml that can be read: parameters are not compared.",
        "Revision HEAD has no usable plots/dataset.csv: images are not counted by class and split.",
        "Revision HEAD has no dataset_images.dvc that names data: the images are not compared one by one.",
    ]
    assert not changes.unchanged and changes.summary[:2] == [("Parameters", "unknown"), ("Data", "unknown")]
    nothing = run(
        ".", "git", "commit-tree", run(".", "git", "hash-object", "-t", "tree", "/dev/null").strip(), "-m", ""
    )
    assert history.since(nothing.strip()).notes[:3] == [note.replace("HEAD", nothing.strip()) for note in changes.notes]
