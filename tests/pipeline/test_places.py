"""Where a project can stand: each place works, or is refused by a true sentence.

The stages are stubs (see `stubs`): they write no pictures, so `make report` is tested up to what it asks of Git.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import stubs
from commands.comparison import changes, history
from runs import STAGES, activated, dvc, quick_python, ran, run
from transfer.interface.errors import UserError

pytestmark = pytest.mark.xdist_group("places")


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    return stubs.make_project(tmp_path_factory.mktemp("places") / "project")


@pytest.fixture
def project(committed, tmp_path):
    """A copy of the project, to be changed."""
    return shutil.copytree(committed, tmp_path / "project", symlinks=True)


def program(folder, *words, **environment):
    """Run a program of the project itself in a folder; the status may be any, but there is no traceback."""
    python = quick_python()
    variables = {name: value for name, value in (activated(python) | environment).items() if value is not None}
    done = subprocess.run([python, *words], cwd=folder, env=variables, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def reruns(folder, **environment):
    """The stages that run after a change of a parameter of the head, and again without a change."""
    path = folder / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  dropout: ", "  dropout: 0.3 # "), encoding="utf-8")
    outputs = [program(folder, "-m", "dvc", "repro", **environment) for _ in range(2)]
    assert [done.returncode for done in outputs] == [0, 0], outputs[0].stderr
    return [ran(done.stdout) for done in outputs]


HEAD_AND_LATER = [["train_tl", "cross_validate", "finetune", "evaluate"], []]
PREDICTIONS = "model,path,pixels,actual,predicted,probability\ntrain_tl,test/a/1.png,1f,a,a,0.9\n"
# What the report needs of metrics/evaluate.json for its verdict.
CROSS_VALIDATED = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "estimates": "accuracy", "notes": []}
METRICS = {
    "selected": "train_tl",
    "train_tl": {"accuracy": 1.0, "accuracy_low": 0.2, "accuracy_high": 1.0},
    "comparison": {"both_right": 1, "only_train_tl_right": 0, "only_finetune_right": 0, "neither_right": 0},
}


def commit_predictions(folder, *, probability):
    """Commit a table of predictions, as `evaluate` writes it, beside the metrics."""
    (folder / "plots").mkdir(exist_ok=True)
    (folder / "plots/predictions.csv").write_text(PREDICTIONS.replace("0.9", probability))
    (folder / "metrics/evaluate.json").write_text('{"selected": "train_tl"}')
    run(folder, "git", "add", "--all", ".")
    run(folder, "git", "commit", "--quiet", "--message", f"probability {probability}")


@pytest.fixture
def monorepo(project, tmp_path):
    """The project as a folder of a larger repository, whose root is another project's."""
    top = tmp_path / "all"
    top.mkdir()
    run(top, "git", "init", "--quiet", "--initial-branch", "main")
    folder = top / "it's all" / "50% vision"
    shutil.rmtree(project / ".git")
    shutil.copytree(project, folder, symlinks=True)
    (top / "README.md").write_text("all of it\n")
    (top / "metrics").mkdir()
    (top / "metrics/evaluate.json").write_text("another project's\n")
    run(top, "git", "add", "--all")
    run(top, "git", "commit", "--quiet", "--message", "all of it")
    return folder


def test_in_a_folder_of_a_larger_repository_the_pipeline_runs(monorepo):
    assert reruns(monorepo) == HEAD_AND_LATER


def test_in_a_folder_of_a_larger_repository_a_revision_is_the_folders(monorepo, monkeypatch):
    commit_predictions(monorepo, probability="0.25")
    commit_predictions(monorepo, probability="0.75")
    (monorepo.parent / "other").write_text("not of this project")
    monkeypatch.chdir(monorepo)
    for revision, probability in (("HEAD", 0.75), ("HEAD~1", 0.25)):
        assert changes.revision_predictions(revision)["probability"].tolist() == [probability]
        assert changes.revision_selected(revision) == "train_tl"
    compared = changes.since("HEAD~1", METRICS, CROSS_VALIDATED)
    assert [change.name for change in compared.models] and compared.left_out == []
    summary = dict(history.since("HEAD~1").summary)
    assert (summary["Code"], summary["Commits"]) == ("the same", "1: “probability 0.75”")


def test_in_a_folder_of_a_larger_repository_the_report_names_only_the_folders_changes(monorepo, monkeypatch):
    from commands import results

    monkeypatch.chdir(monorepo)
    commit = run(monorepo, "git", "rev-parse", "--short", "HEAD").strip()
    (monorepo.parent.parent / "README.md").write_text("changed\n")
    assert results.workspace_state() == f"Commit {commit}."
    (monorepo / "params.yaml").write_text("changed\n")
    assert results.workspace_state() == f"Commit {commit} with uncommitted changes."


@pytest.mark.parametrize("status", [0, 1])
def test_in_a_folder_of_a_larger_repository_verify_runs_the_folder(monorepo, status):
    if status:
        with (monorepo / "metrics/prepare.json").open("a") as file:
            file.write("\n")
        run(monorepo, "git", "commit", "--all", "--quiet", "--message", "a metric that no run gives")
    done = program(monorepo, "-m", "commands.verify")
    assert done.returncode == status, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    if status:
        assert last.startswith("NOT reproduced metrics/prepare.json: the result agrees with dvc.lock, but")
    else:
        assert last.endswith("is reproduced, byte for byte.")


def test_in_a_folder_of_a_larger_repository_two_branches_merge(monorepo):
    make_install(monorepo)
    for name, old, new in (("head", "  dropout: 0.2", "  dropout: 0.3"), ("gallery", "worst", "glass")):
        run(monorepo, "git", "checkout", "--quiet", "-b", name, "main")
        dvc(monorepo, "checkout", "--quiet", "--force")
        path = monorepo / "params.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        dvc(monorepo, "repro", "--quiet")
        run(monorepo, "git", "add", "--all", ".")
        run(monorepo, "git", "commit", "--quiet", "--message", name)
    # From the top of the repository, where Git runs the driver in any case.
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "merge", "--quiet", "--no-edit", "head"],
        cwd=monorepo.parent.parent,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lock = yaml.safe_load((monorepo / "dvc.lock").read_text())["stages"]
    assert list(lock) == STAGES
    dvc(monorepo, "checkout", "--quiet", "--force")
    assert ran(dvc(monorepo, "repro")) == ["evaluate"]


def make_install(folder):
    """What `make install` does to the configuration of Git, with this environment in the place of its own."""
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    with (Path(run(folder, "git", "rev-parse", "--absolute-git-dir").strip()) / "info/exclude").open("a") as file:
        file.write(".venv\n")
    run(folder, "make", "--old-file", ".venv/run", "install")


def test_in_a_shallow_clone_a_missing_revision_is_said_to_be_missing(project, tmp_path, monkeypatch):
    commit_predictions(project, probability="0.25")
    commit_predictions(project, probability="0.75")
    shallow = tmp_path / "shallow"
    run(tmp_path, "git", "clone", "--quiet", "--depth", "1", f"file://{project}", str(shallow))
    monkeypatch.chdir(shallow)
    assert len(changes.revision_predictions("HEAD")) == 1
    with pytest.raises(UserError) as raised:
        changes.revision_predictions("HEAD~1")
    assert str(raised.value) == (
        "HEAD~1 is not in this clone, which is shallow and has only the latest commits: run `git fetch --unshallow`, "
        "or give a commit, a branch or a tag that `git log` lists."
    )
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match=r"^nope is not a revision of this repository: give a commit"):
        changes.revision_predictions("nope")


def test_a_shallow_clone_runs_the_pipeline(project, tmp_path):
    shallow = tmp_path / "shallow"
    run(tmp_path, "git", "clone", "--quiet", "--depth", "1", f"file://{project}", str(shallow))
    share_data(project, shallow)
    assert reruns(shallow) == HEAD_AND_LATER


def share_data(project, folder):
    """Give a checkout of the project its data, from the project's cache."""
    dvc(folder, "cache", "dir", "--local", str(project / ".dvc/cache"))
    dvc(folder, "checkout", "--quiet", "--force")


def test_a_worktree_runs_the_pipeline_and_verify(project, tmp_path):
    tree = tmp_path / "worktree"
    run(project, "git", "worktree", "add", "--quiet", "--detach", str(tree))
    share_data(project, tree)
    assert program(tree, "-m", "commands.verify").returncode == 0
    assert reruns(tree) == HEAD_AND_LATER


def test_a_submodule_runs_the_pipeline_and_verify(project, tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    run(top, "git", "init", "--quiet")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
    run(top, "git", *add, str(project), "vision")
    share_data(project, top / "vision")
    assert program(top / "vision", "-m", "commands.verify").returncode == 0
    assert reruns(top / "vision") == HEAD_AND_LATER


def test_a_path_with_any_characters(committed, tmp_path):
    folder = shutil.copytree(committed, tmp_path / "Übung – café \N{SPARKLES} 'quoted' $HOME; #1", symlinks=True)
    assert reruns(folder) == HEAD_AND_LATER
    run(folder, "git", "commit", "--all", "--quiet", "--message", "another head")
    done = program(folder, "-m", "commands.verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert program(folder, "-m", "commands.differences").stdout == ""


@pytest.mark.parametrize("home", ["/sys", "/no/such/folder", None])
def test_a_home_that_is_read_only_or_missing(project, home):
    # Nobody may write into /sys, not even root.
    variables = {"HOME": home} | {f"XDG_{kind}_HOME": None for kind in ("CACHE", "CONFIG", "DATA")}
    assert reruns(project, **variables) == HEAD_AND_LATER


def test_the_c_locale(project):
    # POSIX is another name of it.
    variables = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": None, "PYTHONIOENCODING": None}
    assert reruns(project, **variables) == HEAD_AND_LATER


def test_files_that_only_their_owner_may_read(project):
    before = os.umask(0o077)
    try:
        assert reruns(project) == HEAD_AND_LATER
        run(project, "git", "commit", "--all", "--quiet", "--message", "another head")
        assert program(project, "-m", "commands.verify").returncode == 0
    finally:
        os.umask(before)


@pytest.mark.parametrize("disk", ["same", "another"])
@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_a_cache_of_links(project, tmp_path_factory, kind, disk):
    if disk == "another":
        shared_memory = Path("/dev/shm")  # noqa: S108 - another file system than that of temporary folders
        if not os.access(shared_memory, os.W_OK) or shared_memory.stat().st_dev == project.stat().st_dev:
            pytest.skip("no second file system on this machine")
        cache = shared_memory / project.parent.name
    else:
        cache = tmp_path_factory.mktemp("cache")
    try:
        dvc(project, "cache", "dir", "--local", str(cache))
        # Hard links end at the disk; DVC then copies.
        dvc(project, "config", "--local", "cache.type", f"{kind},copy")
        weights = [path.relative_to(project).as_posix() for path in (project / "weights").glob("*.dvc")]
        dvc(project, "commit", "--quiet", "--force", "dataset_images.dvc", *weights)
        assert ran(dvc(project, "repro", "--force")) == STAGES
        dvc(project, "checkout", "--quiet", "--relink")
        assert reruns(project) == HEAD_AND_LATER
    finally:
        if disk == "another":
            shutil.rmtree(cache, ignore_errors=True)


def test_a_dataset_that_is_a_link_to_a_folder_elsewhere(project, tmp_path):
    elsewhere = tmp_path / "big disk" / "images"
    elsewhere.parent.mkdir()
    (project / "dataset_images").rename(elsewhere)
    (project / "dataset_images").symlink_to(elsewhere)
    assert reruns(project) == HEAD_AND_LATER


@pytest.mark.parametrize("way", ["--temp", "--queue"])
def test_experiments_outside_the_workspace(project, way):
    before = (project / "params.yaml").read_text(encoding="utf-8")
    run(project, "git", "config", "user.name", "test")
    run(project, "git", "config", "user.email", "test@localhost")
    dvc(project, "exp", "run", way, "--name", "other", "-S", "train_tl.dropout=0.3")
    if way == "--queue":
        dvc(project, "exp", "run", "--run-all")
    lock = run(project, "git", "show", f"{experiment(project, 'other')}:dvc.lock")
    parameters = yaml.safe_load(lock)["stages"]["train_tl"]["params"]["params.yaml"]["train_tl"]
    assert parameters["dropout"] == 0.3
    assert (project / "params.yaml").read_text(encoding="utf-8") == before


def experiment(folder, name):
    [reference] = [
        line
        for line in run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
        if line.endswith(f"/{name}")
    ]
    return reference


@pytest.fixture
def archive(project, tmp_path):
    """The source of the last commit without its repository, as a code host offers it for download."""
    folder = tmp_path / "archive"
    folder.mkdir()
    run(project, "git", "archive", "--output", str(tmp_path / "source.tar"), "HEAD")
    run(tmp_path, "tar", "-xf", "source.tar", "-C", str(folder))
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "commands.verify"),
        ("-m", "commands.dataset", "photographs"),
        ("-m", "commands.report"),
        ("-m", "commands.report", "--rev", "HEAD~1"),
    ],
)
def test_without_a_repository_a_command_that_needs_one_says_so(archive, make_dataset, words):
    make_dataset(archive / "photographs")
    files = {path: path.stat().st_mtime_ns for path in archive.rglob("*") if path.is_file()}
    done = program(archive, *words, GIT_CEILING_DIRECTORIES=str(archive.parent))
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "This folder is not in a Git repository, which DVC and the comparison of results need: clone the project, or "
        "run `git init`, `git add .` and `git commit` here.\n",
    )
    assert {path: path.stat().st_mtime_ns for path in files} == files
