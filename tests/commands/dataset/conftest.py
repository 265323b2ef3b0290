"""Repositories for `make dataset`: one without a dataset, and one with."""

import shutil
import subprocess

import pytest

from repositories import BOUND, DVC_FILE, environment
from runs import SAMPLE_PARAMS, quick_python


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home):
    """A function that runs a program in a folder."""

    def run(folder, program, *words, check=True):
        command = [quick_python() if program == "python" else program, *words]
        return subprocess.run(
            command, cwd=folder, env=environment(home), capture_output=True, text=True, check=check, timeout=120
        )

    return run


@pytest.fixture(scope="module")
def commit(run):
    """A function that commits everything in a folder."""

    def commit(folder):
        run(folder, "git", "add", "--all")
        run(folder, "git", "commit", "--quiet", "--message", "All")

    return commit


@pytest.fixture(scope="module")
def empty_repository(tmp_path_factory, run, commit):
    folder = tmp_path_factory.mktemp("empty")
    run(folder, "git", "init", "--quiet")
    run(folder, "python", "-m", "dvc", "init", "--quiet")
    (folder / ".dvc" / "config").write_text("['remote \"embedded\"']\n    url = ../sample/remote\n")
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def full_repository(tmp_path_factory, empty_repository, make_dataset, run, commit):
    """A repository with a committed dataset, bound to the embedded remote."""
    folder = tmp_path_factory.mktemp("full") / "repository"
    shutil.copytree(empty_repository, folder)
    make_dataset(folder / "dataset_images", classes=("old", "older"))
    run(folder, "python", "-m", "dvc", "add", "--quiet", "dataset_images")
    with (folder / DVC_FILE).open("a") as file:
        file.write(BOUND)
    commit(folder)
    return folder


@pytest.fixture
def empty(empty_repository, tmp_path):
    return shutil.copytree(empty_repository, tmp_path / "repository")


@pytest.fixture
def full(full_repository, tmp_path):
    return shutil.copytree(full_repository, tmp_path / "repository")


@pytest.fixture
def make(run):
    """A function that runs the command in a repository; the status may be any."""
    return lambda repository, source, *options: run(
        repository, "python", "-m", "commands.dataset", str(source), *map(str, options), check=False
    )
