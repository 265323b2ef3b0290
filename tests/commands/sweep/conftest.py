"""A project with stubs for stages."""

import pytest

from runs import STAGES, dvc, ran, run
from stubs import make_project
from sweeps import SWEEP_STUB


@pytest.fixture(scope="module")
def stub_project(tmp_path_factory):
    """A clone of this project with the stubs, in which they have run and are committed."""
    folder = make_project(tmp_path_factory.mktemp("sweep") / "a project # 1")
    for stage in STAGES:
        (folder / "stages" / f"{stage}.py").write_text(SWEEP_STUB)
    assert ran(dvc(folder, "repro")) == STAGES
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "stubs that sweeps can compare")
    return folder


@pytest.fixture
def runs(tmp_path):
    """The file in which every run of a stage is a line."""
    path = tmp_path / "runs.txt"
    path.touch()
    return path
