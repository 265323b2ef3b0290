"""The binding of a dataset to the embedded sample: detected when the data have changed, set and removed."""

from pathlib import Path

import pytest
import yaml

from transfer.common import dvcfile
from transfer.interface.errors import UserError

HASH = "55b9af08d3230a52d8458c45992eec74.dir"
OUT = f"- md5: {HASH}\n  size: 12\n  nfiles: 3\n  hash: md5\n  path: dataset_images\n"
BOUND = f"outs:\n{OUT}  remote: embedded\n  push: false\n"
DVC_FILE = Path("dataset_images.dvc")
ERROR = (
    "dataset_images.dvc is bound to the embedded sample, but its data have changed and would never be pushed: "
    "remove the lines `remote: embedded` and `push: false` from it, or use `make dataset SOURCE=folder`."
)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project with an embedded remote that holds the sample; returns the sample's file there."""
    monkeypatch.chdir(tmp_path)
    sample = tmp_path / "sample" / "remote" / "files" / "md5" / HASH[:2] / HASH[2:]
    sample.parent.mkdir(parents=True)
    sample.touch()
    return sample


def test_the_unchanged_sample_may_be_bound():
    DVC_FILE.write_text(BOUND)
    assert dvcfile.binding_errors(DVC_FILE) == []


def test_changed_data_may_not_be_bound(project):
    DVC_FILE.write_text(BOUND.replace(HASH, "0" + HASH[1:]))
    assert dvcfile.binding_errors(DVC_FILE) == [ERROR]


def test_data_that_the_embedded_remote_lacks_may_not_be_bound(project):
    project.unlink()
    DVC_FILE.write_text(BOUND)
    assert dvcfile.binding_errors(DVC_FILE) == [ERROR]


@pytest.mark.parametrize("more", ["", "  remote: ours\n", "  push: false\n"])
def test_other_data_without_a_binding_pass(more):
    DVC_FILE.write_text(f"outs:\n{OUT}{more}".replace(HASH, "0" + HASH[1:]))
    assert dvcfile.binding_errors(DVC_FILE) == []


def test_data_that_dvc_does_not_track_pass():
    assert dvcfile.binding_errors(DVC_FILE) == []
    assert not DVC_FILE.exists()


def test_release_removes_both_lines_and_keeps_the_others():
    DVC_FILE.write_text(BOUND)
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == f"outs:\n{OUT}"


@pytest.mark.parametrize("more", ["", "  remote: ours\n  push: false\n", "  push: false\n"])
def test_release_leaves_a_file_without_a_binding_unchanged(more):
    text = f"# Our photographs from May\nouts:\n{OUT}{more}meta:\n    owner: 'us'\n"
    DVC_FILE.write_text(text)
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == text


def test_release_does_not_create_a_missing_file():
    dvcfile.release(DVC_FILE)
    assert not DVC_FILE.exists()


@pytest.mark.parametrize(
    ("deps", "origin"),
    [
        (
            "- path: photos\n  repo:\n    url: git@example.com:team/registry\n    rev_lock: 1234\n",
            "git@example.com:team/registry",
        ),
        ("- etag: '12'\n  path: https://example.com/photos\n", "https://example.com/photos"),
        ("- photos\n", "elsewhere"),
    ],
)
def test_release_removes_an_import_whole_and_says_where_it_came_from(deps, origin):
    DVC_FILE.write_text(f"md5: 1f\nfrozen: true\ndeps:\n{deps}outs:\n{OUT}")
    assert dvcfile.release(DVC_FILE) == origin
    assert not DVC_FILE.exists()


def test_only_data_of_the_embedded_remote_are_bound():
    assert not dvcfile.is_bound(DVC_FILE)
    DVC_FILE.write_text(f"outs:\n{OUT}  remote: ours\n")
    assert not dvcfile.is_bound(DVC_FILE)
    DVC_FILE.write_text(BOUND)
    assert dvcfile.is_bound(DVC_FILE)


def test_release_undoes_bind():
    DVC_FILE.write_text(f"outs:\n{OUT}")
    dvcfile.bind(DVC_FILE)
    assert yaml.safe_load(DVC_FILE.read_text()) == yaml.safe_load(BOUND)
    assert dvcfile.binding_errors(DVC_FILE) == []
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == f"outs:\n{OUT}"


def test_the_sample_with_other_labels_is_marked_until_other_data_replace_it():
    DVC_FILE.write_text(BOUND)
    assert dvcfile.is_of_sample(DVC_FILE)
    for _ in range(2):
        dvcfile.release(DVC_FILE, derived=True)
        assert yaml.safe_load(DVC_FILE.read_text())["outs"][0]["meta"] == {"derived_from": "the embedded sample"}
        assert dvcfile.is_of_sample(DVC_FILE) and not dvcfile.is_bound(DVC_FILE)
    dvcfile.release(DVC_FILE)
    assert DVC_FILE.read_text() == f"outs:\n{OUT}"
    # The mark stands beside what a team writes about the data.
    DVC_FILE.write_text(f"{BOUND}  meta:\n    camera: phone\n")
    dvcfile.release(DVC_FILE, derived=True)
    assert yaml.safe_load(DVC_FILE.read_text())["outs"][0]["meta"] == {
        "camera": "phone",
        "derived_from": "the embedded sample",
    }
    dvcfile.release(DVC_FILE)
    assert yaml.safe_load(DVC_FILE.read_text())["outs"][0]["meta"] == {"camera": "phone"}
    # Data of one's own are not marked, and what a team writes about them stays.
    text = f"outs:\n{OUT}  meta:\n    camera: phone\n"
    DVC_FILE.write_text(text)
    dvcfile.release(DVC_FILE, derived=True)
    assert DVC_FILE.read_text() == text and not dvcfile.is_of_sample(DVC_FILE)


@pytest.mark.parametrize("act", [dvcfile.binding_errors, dvcfile.bind, dvcfile.release, dvcfile.is_bound])
@pytest.mark.parametrize(
    "text",
    # A conflict, and values that do not fit their tags: for each of these, the parser raises an error of another type.
    ["<<<<<<< HEAD\nouts: [\n", *(f"outs:\n- md5: !!{tag}\n" for tag in ("int ''", "bool x", "timestamp x"))],
)
def test_a_broken_file_is_named_and_left_unchanged(act, text):
    DVC_FILE.write_text(text)
    with pytest.raises(
        UserError,
        match=r"^dataset_images\.dvc is not a valid \.dvc file: restore it with `git checkout dataset_images\.dvc`\.$",
    ):
        act(DVC_FILE)
    assert DVC_FILE.read_text() == text
