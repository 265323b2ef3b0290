"""Whether changed data are still bound to the embedded sample, and how the binding is made and taken off."""

from pathlib import Path

import pytest
import yaml
from transfer.interface.errors import UserError

from transfer.dataset import dvcfile

HASH = "55b9af08d3230a52d8458c45992eec74.dir"
OUT = f"- md5: {HASH}\n  size: 12\n  nfiles: 3\n  hash: md5\n  path: dataset_images\n"
BOUND = f"outs:\n{OUT}  remote: embedded\n  push: false\n"
DVC_FILE = Path("dataset_images.dvc")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project with an embedded remote, which holds the sample."""
    monkeypatch.chdir(tmp_path)
    sample = tmp_path / "sample" / "remote" / "files" / "md5" / HASH[:2] / HASH[2:]
    sample.parent.mkdir(parents=True)
    sample.touch()
    return sample


def test_the_sample_bound_as_it_came_passes():
    DVC_FILE.write_text(BOUND)
    assert dvcfile.binding_errors(DVC_FILE) == []


def test_changed_data_that_are_still_bound_are_refused(project):
    DVC_FILE.write_text(BOUND.replace(HASH, "0" + HASH[1:]))
    [told] = dvcfile.binding_errors(DVC_FILE)
    assert told.startswith("dataset_images.dvc is bound to the embedded sample, but its data are others")


def test_bound_data_that_the_embedded_remote_has_not_are_refused(project):
    project.unlink()
    DVC_FILE.write_text(BOUND)
    [told] = dvcfile.binding_errors(DVC_FILE)
    assert "take the lines `remote: embedded` and `push: false` out of it" in told


@pytest.mark.parametrize("more", ["", "  remote: ours\n", "  push: false\n"])
def test_other_data_that_are_not_bound_pass(more):
    DVC_FILE.write_text(f"outs:\n{OUT}{more}".replace(HASH, "0" + HASH[1:]))
    assert dvcfile.binding_errors(DVC_FILE) == []


def test_data_that_dvc_does_not_track_pass():
    assert dvcfile.binding_errors(DVC_FILE) == []
    assert not DVC_FILE.exists()


def test_release_takes_both_lines_off_and_keeps_the_others():
    DVC_FILE.write_text(BOUND)
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == f"outs:\n{OUT}"


@pytest.mark.parametrize("more", ["", "  remote: ours\n  push: false\n", "  push: false\n"])
def test_release_leaves_a_file_that_is_not_bound_as_it_is(more):
    text = f"# Our photographs, of May\nouts:\n{OUT}{more}meta:\n    owner: 'us'\n"
    DVC_FILE.write_text(text)
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == text


def test_release_makes_no_file_where_there_is_none():
    dvcfile.release(DVC_FILE)
    assert not DVC_FILE.exists()


def test_bind_is_undone_by_release():
    DVC_FILE.write_text(f"outs:\n{OUT}")
    dvcfile.bind(DVC_FILE)
    assert yaml.safe_load(DVC_FILE.read_text()) == yaml.safe_load(BOUND)
    assert dvcfile.binding_errors(DVC_FILE) == []
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == f"outs:\n{OUT}"


@pytest.mark.parametrize("act", [dvcfile.binding_errors, dvcfile.bind, dvcfile.release])
def test_a_broken_file_is_named_and_left(act):
    DVC_FILE.write_text("<<<<<<< HEAD\nouts: [\n")
    with pytest.raises(UserError, match=r"dataset_images\.dvc is not as DVC writes it"):
        act(DVC_FILE)
    assert DVC_FILE.read_text() == "<<<<<<< HEAD\nouts: [\n"
