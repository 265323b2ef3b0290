"""`make doctor`: every fault is named with its path and a remedy, and the remedy works.

The remote is a folder here; tests/pipeline/test_sharing.py has the servers.
"""

import json
import shutil
import sys
from contextlib import chdir
from types import SimpleNamespace

import pytest
import yaml

import stubs
from commands import remote
from commands.doctor import __main__ as doctor
from commands.doctor.objects import Place
from runs import dvc, run, run_forked
from transfer.interface.errors import UserError

pytestmark = pytest.mark.xdist_group("doctor")


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """The project and its remote, a folder with all objects. The data are two images."""
    folder = tmp_path_factory.mktemp("doctor")
    project = stubs.make_project(folder / "project")
    (project / "dataset_images/two.txt").write_text("another image")
    dvc(project, "repro", "--quiet")
    with chdir(project):
        remote.add(str(folder / "remote"))
    (folder / "remote").mkdir()
    dvc(project, "push", "--quiet")
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--message", "two images")
    return folder


@pytest.fixture
def project(committed, tmp_path, monkeypatch):
    """A copy of the project and its remote, to be damaged; the working folder is the project."""
    shutil.copytree(committed, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "project")
    path = tmp_path / "project/.dvc/config"
    path.write_text(path.read_text().replace(str(committed / "remote"), str(tmp_path / "remote")))
    run(tmp_path / "project", "git", "commit", "--all", "--quiet", "--message", "another remote")
    return tmp_path / "project"


@pytest.fixture
def examine(project, monkeypatch, capsys):
    """A function that runs the doctor, and returns what it raises (empty if nothing) and what it prints."""

    def run_doctor():
        monkeypatch.setattr(sys, "argv", ["doctor"])
        capsys.readouterr()
        try:
            doctor.main()
            raised = ""
        except UserError as error:
            raised = str(error)
        return raised, capsys.readouterr().out

    return run_doctor


def repair(project):
    done = run_forked(project, "-m", "commands.doctor", "--repair")
    assert "Traceback" not in done.stderr
    return done


def stored(folder, digest):
    return folder / "files/md5" / digest[:2] / digest[2:]


@pytest.fixture
def places(project):
    """The cache and the remote."""
    return SimpleNamespace(cache=project / ".dvc/cache", remote=project.parent / "remote")


@pytest.fixture
def images(project, places):
    """The digests of the list of the data, and of the file two.txt."""
    [out] = yaml.safe_load((project / "dataset_images.dvc").read_text())["outs"]
    entries = json.loads(stored(places.cache, out["md5"]).read_text())
    [digest] = [entry["md5"] for entry in entries if entry["relpath"] == "two.txt"]
    return SimpleNamespace(list=out["md5"], file=digest)


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


def test_a_whole_project(examine, places):
    number = sum(path.is_file() for path in places.remote.rglob("*"))
    assert examine() == ("", f"{number} objects are whole, here and on team.\n")


def test_a_flipped_byte_in_the_cache(project, examine, places, images):
    path = stored(places.cache, images.file)
    flip_byte(path)
    # DVC trusts its notes.
    assert "up to date" in run(project, sys.executable, "-m", "dvc", "fetch")
    assert examine()[0] == (
        "Damaged here, whole on team: run `make doctor REPAIR=1`, which removes the damaged copy here and runs "
        f"`dvc fetch`:\n  dataset_images/two.txt ({path})"
    )
    assert repair(project).returncode == 0
    assert path.read_text() == "another image"
    assert examine()[0] == ""


def test_a_missing_object_beside_its_list_on_the_remote(project, examine, places, images):
    path = stored(places.remote, images.file)
    path.unlink()
    assert "in sync" in dvc(project, "status", "--cloud")
    assert "up to date" in dvc(project, "push")
    assert examine()[0] == (
        "Missing on team, which `dvc push` does not notice: run `make doctor REPAIR=1`, which removes the list of the "
        f"folder there and runs `dvc push`:\n  dataset_images/two.txt ({path})"
    )
    assert repair(project).returncode == 0
    assert path.read_text() == "another image"
    assert examine()[0] == ""


@pytest.mark.parametrize("change", [flip_byte, lambda path: (path.chmod(0o644), path.write_bytes(b""))])
@pytest.mark.parametrize("name", ["file", "list"])
def test_a_damaged_object_on_the_remote(project, examine, places, images, name, change):
    path = stored(places.remote, getattr(images, name))
    whole = path.read_bytes()
    change(path)
    what = "dataset_images/two.txt" if name == "file" else "dataset_images"
    assert examine()[0] == (
        "Damaged on team, whole here: run `make doctor REPAIR=1`, which removes the damaged copy there and runs "
        f"`dvc push`:\n  {what} ({path})"
    )
    assert repair(project).returncode == 0
    assert path.read_bytes() == whole
    assert examine()[0] == ""


def test_what_is_only_here(project, examine, places, images):
    for digest in (images.list, images.file):
        stored(places.remote, digest).unlink()
    [image] = [entry["md5"] for entry in json.loads(stored(places.cache, images.list).read_text())][:1]
    stored(places.remote, image).unlink()
    assert examine()[0] == "Only here, not on team: run `dvc push`:\n  dataset_images/ (3 objects)"
    dvc(project, "push", "--quiet")
    assert examine()[0] == ""


def test_what_is_only_on_the_remote(project, examine, places, images):
    shutil.rmtree(places.cache)
    raised, _ = examine()
    first, *paths = raised.splitlines()
    assert first == (
        "Only on team, not here: run `dvc pull`, or `make doctor REPAIR=1` and `dvc checkout` if that fails:"
    )
    assert len(paths) == 14 and "  dataset_images/ (3 objects)" in paths
    dvc(project, "pull", "--quiet")
    assert examine()[0] == ""


def test_one_file_of_a_folder_is_missing_here(project, examine, places, images):
    path = stored(places.cache, images.file)
    path.unlink()
    assert f"  dataset_images/two.txt ({path})" in examine()[0]
    dvc(project, "fetch", "--quiet")
    assert examine()[0] == ""


def test_what_is_whole_nowhere(project, examine, places, images):
    for folder in (places.cache, places.remote):
        flip_byte(stored(folder, images.file))
    first, path = examine()[0].splitlines()
    assert first == (
        "Damaged here, damaged on team: run `dvc push` on the machine of a colleague who has it, or make it again, "
        "data by `make dataset`, results by `dvc repro --force`:"
    )
    assert path == f"  dataset_images/two.txt ({stored(places.cache, images.file)})"
    before = stored(places.cache, images.file).read_bytes()
    assert repair(project).returncode == 1
    # Nothing is removed of which there is no whole copy.
    assert stored(places.cache, images.file).read_bytes() == before


def test_the_size_on_a_server_of_what_is_not_here(project, examine, places, images, monkeypatch):
    # Of servers, only sizes are asked. Those of files that are not here are known as a sum.
    monkeypatch.setattr(Place, "is_folder", property(lambda place: place.name == "the cache"))
    path = stored(places.remote, images.file)
    stored(places.cache, images.file).unlink()
    path.chmod(0o644)
    path.write_text("cut off")
    assert "Missing here, damaged on team" in examine()[0]


def test_a_folder_that_is_not_mounted(project, examine, places):
    places.remote.rename(places.remote.with_name("elsewhere"))
    assert examine()[0] == (
        f"The folder of the remote team, {places.remote}, does not exist: mount its disk, or make the folder if the "
        "remote is new."
    )


def test_no_remote(project, examine):
    run(project, "git", "checkout", "--quiet", "HEAD~3", "--", ".dvc/config")
    assert examine()[0] == (
        "There is no default remote, so all data and models are on this machine only: run `make remote URL=...`, then "
        "`dvc push`."
    )


def test_a_client_that_is_not_installed(project, examine):
    dvc(project, "remote", "modify", "team", "url", "gs://bucket/path")
    assert examine()[0] == (
        "The remote team needs a client that is not installed: run `python -m pip install dvc-gs`, which this project "
        "neither pins nor tests."
    )


def test_the_embedded_sample_is_checked_where_it_is(project, examine, places, images):
    path = project / "dataset_images.dvc"
    path.write_text(path.read_text() + "  remote: embedded\n  push: false\n")
    raised, printed = examine()
    assert printed.startswith("dataset_images.dvc differs from the last commit: what it needs here and now is checked.")
    assert raised.startswith("Only here, not on embedded:")


def test_a_stage_that_has_never_run(project, examine):
    (project / "dvc.lock").unlink()
    assert examine()[0] == "prepared has never been made: run `dvc repro`, and commit dvc.lock."


def test_files_that_dvc_cannot_read(project, examine):
    (project / "dvc.yaml").write_text("stages: [")
    assert examine()[0].startswith("DVC cannot read this project: ")
    assert "\n" not in examine()[0]


def test_what_is_damaged_on_the_remote_is_not_pulled(project, places, images):
    flip_byte(stored(places.remote, images.file))
    shutil.rmtree(places.cache)
    shutil.rmtree(project / "dataset_images")
    done = run_forked(project, "-m", "dvc", "pull", "dataset_images.dvc")
    assert done.returncode != 0 and "ERROR" in done.stderr
    assert not (project / "dataset_images/two.txt").exists()


def test_commits_from_before_the_remote_are_pushed_once_the_remote_is_set_outside_of_git(project, examine, places):
    shutil.rmtree(places.remote)
    places.remote.mkdir()
    run(project, "git", "tag", "v1", "HEAD~2")
    dvc(project, "push", "--all-tags", "--quiet")
    here = {path.name for path in places.cache.rglob("*") if path.is_file()}
    assert {path.name for path in places.remote.rglob("*") if path.is_file()} < here
    dvc(project, "remote", "modify", "--local", "team", "url", str(places.remote))
    dvc(project, "config", "--local", "core.remote", "team")
    dvc(project, "push", "--all-tags", "--quiet")
    first = yaml.safe_load(run(project, "git", "show", "v1:dataset_images.dvc"))["outs"][0]["md5"]
    assert stored(places.remote, first).exists()
