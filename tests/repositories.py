"""Repositories with a dataset, and sources of images, for tests of `make dataset`."""

import os

from runs import ROOT
from transfer.dataset import decoding

DVC_FILE = "dataset_images.dvc"
CONFLICTS = "dataset_conflicts.csv"
HOW_TO_DECIDE = (
    f"Write keep or remove into the column decision of {CONFLICTS}, so that each image is kept in one place only, and "
    f"run again with DECISIONS={CONFLICTS}."
)
BOUND = "  remote: embedded\n  push: false\n"


def environment(home):
    """Variables that hide the settings of the user who runs the tests."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DVC_"))}
    author = {f"GIT_{role}_{what}": "tests" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    folders = {f"DVC_{kind}_DIR": str(home / kind) for kind in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    no_settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "DVC_NO_ANALYTICS": "1"}
    return inherited | author | folders | no_settings | {"PYTHONPATH": str(ROOT)}


def contents(folder):
    """The content of every file below a folder, except for the files of Git and DVC."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".dvc"} & set(path.relative_to(folder).parts)
    }


def class_folders(folder, photograph, classes=("glass", "metal"), count=10):
    """A folder of class folders with `count` different images each."""
    for number, label in enumerate(classes):
        for image in range(count):
            photograph(folder / label / f"{image:02}.png", seed=100 * number + image)
    return folder


def split_of(repository):
    """The split of each image of a dataset, by class and digest."""
    paths = [path for path in (repository / "dataset_images").rglob("*") if path.is_file()]
    return {(path.parts[-2], decoding.decode(path).digest): path.parts[-3] for path in paths}


def errors(make, repository, source, *options, writes=()):
    """The error messages for a source. No file but `writes` has changed, and no traceback is shown."""
    before = contents(repository)
    done = make(repository, source, *options)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    after = contents(repository)
    assert {name: after[name] for name in after if name not in writes} == before
    assert after.keys() >= set(writes)
    assert not (repository / ".scratch").is_dir() or not list((repository / ".scratch").iterdir())
    assert not list(repository.glob(".*.partial"))
    return done.stderr.splitlines()


def groups_file(path, groups):
    """A CSV file of groups, written from pairs of a path and a group."""
    path.write_text("path,group\n" + "".join(f"{image},{group}\n" for image, group in groups))
    return path
