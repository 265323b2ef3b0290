"""`make dataset` in a repository of its own: the dataset that it makes of a folder, and its errors."""

import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from PIL import Image

from commands.dataset.__main__ import user_path
from runs import ROOT
from transfer.dataset import decoding

DVC_FILE = "dataset_images.dvc"
BOUND = "  remote: embedded\n  push: false\n"


def environment(home):
    """Variables that hide the settings of the user who runs the tests."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DVC_"))}
    author = {f"GIT_{role}_{what}": "tests" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    folders = {f"DVC_{kind}_DIR": str(home / kind) for kind in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    no_settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "DVC_NO_ANALYTICS": "1"}
    return inherited | author | folders | no_settings | {"HOME": str(home), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home):
    """A function that runs a program in a folder."""

    def run(folder, *command, check=True):
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
    run(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    (folder / ".dvc" / "config").write_text("['remote \"embedded\"']\n    url = ../sample/remote\n")
    shutil.copy(ROOT / "params.yaml", folder)
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def full_repository(tmp_path_factory, empty_repository, make_dataset, run, commit):
    """A repository with a committed dataset, bound to the embedded remote."""
    folder = tmp_path_factory.mktemp("full") / "repository"
    shutil.copytree(empty_repository, folder)
    make_dataset(folder / "dataset_images", classes=("old", "older"))
    run(folder, sys.executable, "-m", "dvc", "add", "--quiet", "dataset_images")
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
        repository, sys.executable, "-m", "commands.dataset", str(source), *map(str, options), check=False
    )


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
    return {(path.parts[-2], decoding.pixel_digest(decoding.decode(path).pixels)): path.parts[-3] for path in paths}


def test_class_folders_are_split_80_10_10_without_copies(tmp_path, empty, make, run, photograph):
    source = class_folders(tmp_path / "two words", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "copy.png")
    with Image.open(source / "glass" / "04.png") as image:
        image.save(source / "glass" / "copy.bmp")
    (source / "metal" / "notes.txt").write_text("no image")
    (source / "metal" / ".DS_Store").write_text("no image")
    before = contents(source)

    done = make(empty, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 images have the same pixels as others and were left out." in done.stdout
    assert "dataset_images/ holds 20 images: 16 train, 2 validation, 2 test" in done.stdout
    assert "Skipped 2 files that are not images." in done.stdout
    assert done.stdout.endswith(f"Next: `git add {DVC_FILE}`, `dvc repro`, and `git commit` when you are satisfied.\n")
    assert contents(source) == before

    splits = split_of(empty)
    assert len(splits) == 20
    assert Counter((split, label) for (label, _), split in splits.items()) == {
        (split, label): count
        for split, count in {"train": 8, "validation": 1, "test": 1}.items()
        for label in ("glass", "metal")
    }
    # DVC tracks and pushes the dataset; the user commits it.
    (out,) = yaml.safe_load((empty / DVC_FILE).read_text())["outs"]
    assert (out["path"], out["nfiles"]) == ("dataset_images", 20)
    assert "/dataset_images" in (empty / ".gitignore").read_text().splitlines()
    assert f"?? {DVC_FILE}" in run(empty, "git", "status", "--porcelain").stdout.splitlines()
    run(empty, sys.executable, "-m", "dvc", "status", "--quiet", DVC_FILE)
    assert not list(empty.glob(".*.partial"))


def test_the_split_depends_only_on_pixels_and_seed(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    renamed = shutil.copytree(source, tmp_path / "renamed")
    for number, path in enumerate(sorted(renamed.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"photo {number:03}.png"))
    reseeded = shutil.copytree(empty, tmp_path / "reseeded")
    params = yaml.safe_load((empty / "params.yaml").read_text())
    (reseeded / "params.yaml").write_text(yaml.safe_dump(params | {"seed": 5}))
    again = shutil.copytree(empty, tmp_path / "again")

    for repository, folder in ((empty, source), (again, renamed), (reseeded, source)):
        assert make(repository, folder).returncode == 0
    assert split_of(again) == split_of(empty)
    assert split_of(reseeded).keys() == split_of(empty).keys()
    assert split_of(reseeded) != split_of(empty)


def test_a_folder_that_is_already_split_replaces_the_sample_unchanged(tmp_path, full, make, make_dataset, run):
    source = make_dataset(tmp_path / "source", classes=("007", "é"))
    done = make(full, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(full / "dataset_images") == contents(source)
    text = (full / DVC_FILE).read_text()
    assert "remote" not in text
    assert "push" not in text
    assert "nfiles: 20" in text
    # The old data can be restored: their .dvc file is in Git, and the data are in DVC's cache.
    assert run(full, "git", "status", "--porcelain").stdout == f" M {DVC_FILE}\n"
    run(full, "git", "checkout", "--quiet", DVC_FILE)
    run(full, sys.executable, "-m", "dvc", "checkout", "--quiet", "--force", DVC_FILE)
    assert {path.parts[-2] for path in (full / "dataset_images").rglob("*.png")} == {"old", "older"}


def errors(make, repository, source, *options):
    """The error messages for a source. Nothing has changed, and no traceback is shown."""
    before = contents(repository)
    done = make(repository, source, *options)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert contents(repository) == before
    assert not list(repository.glob(".*.partial"))
    return done.stderr.splitlines()


def test_data_that_dvc_does_not_track_are_not_replaced(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    photograph(empty / "dataset_images" / "train" / "mine" / "1.png")
    (message,) = errors(make, empty, source)
    assert message.startswith(f"dataset_images/ holds data that {DVC_FILE} does not track: commit the data")


def test_data_changed_since_they_were_added_are_not_replaced(tmp_path, full, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    photograph(full / "dataset_images" / "train" / "old" / "new.png", seed=999)
    (message,) = errors(make, full, source)
    assert message.startswith(f"dataset_images/ holds data that {DVC_FILE} does not track: commit the data")


@pytest.mark.parametrize("added_once", [True, False])
def test_data_whose_dvc_file_is_not_committed_are_not_replaced(tmp_path, full, make, run, photograph, added_once):
    source = class_folders(tmp_path / "source", photograph)
    if added_once:
        (full / DVC_FILE).write_text((full / DVC_FILE).read_text().replace(BOUND, ""))
    else:
        run(full, "git", "rm", "--quiet", "--cached", DVC_FILE)
    (message,) = errors(make, full, source)
    assert message.startswith(f"{DVC_FILE} is not committed, so its data could not be restored: commit the data")


def test_all_unreadable_files_are_reported_and_the_old_data_stay(tmp_path, full, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    (source / "metal" / "empty.png").touch()
    assert errors(make, full, source) == [
        f"{source}/glass/broken.jpg is not a readable image: remove or replace it.",
        f"{source}/metal/empty.png is empty: remove or replace it.",
    ]


def test_one_image_in_two_classes_is_an_error(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "metal" / "other.png")
    assert errors(make, empty, source) == [
        f"{source}/glass/03.png and {source}/metal/other.png are the same image in two classes: keep one."
    ]


def test_a_tilde_in_source_and_groups_is_the_home_folder(home, empty, make, photograph):
    # The Makefile quotes both, so that no shell expands them.
    class_folders(home / "photographs", photograph)
    groups_file(home / "groups.csv", [("glass/00.png", "a"), ("glass/01.png", "a")])
    done = make(empty, "~/photographs", "--groups", "~/groups.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "dataset_images/ holds 20 images" in done.stdout


def test_messages_name_a_path_with_a_tilde_in_full(home, empty, make):
    assert errors(make, empty, "~/nothing") == [
        f"{home}/nothing is not a folder: SOURCE must be a folder of class folders."
    ]


def test_the_tilde_of_an_unknown_user_stays_as_it_is():
    assert user_path("~no-such-user/photographs") == Path("~no-such-user/photographs")


def test_a_missing_source_is_an_error(tmp_path, empty, make):
    assert errors(make, empty, tmp_path / "no such folder") == [
        f"{tmp_path}/no such folder is not a folder: SOURCE must be a folder of class folders."
    ]


@pytest.mark.parametrize("source", ["dataset_images", "dataset_images/train", "."])
def test_a_source_that_overlaps_with_the_dataset_is_an_error(full, make, source):
    assert errors(make, full, source) == [f"{source} overlaps with dataset_images/: SOURCE must be a folder elsewhere."]


def test_a_single_class_is_an_error(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph, classes=["glass"])
    assert errors(make, empty, source) == [
        f"{source}/ has one class folder: at least two are needed, one for each class."
    ]


def test_a_class_too_small_to_split_is_an_error(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    for number in range(2, 10):
        (source / "metal" / f"{number:02}.png").unlink()
    assert errors(make, empty, source) == [
        "The class metal has 2 different images: at least 3 are needed, one for each split."
    ]


def test_wrong_shares_and_a_missing_class_of_a_split_source_are_errors(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(7, 2, 1))
    shutil.rmtree(source / "test" / "glass")
    messages = errors(make, empty, source)
    assert messages[0] == f"{source}/test/glass/ is missing, but another split has the class glass: add the folder."
    assert [message.split(" holds ")[0] for message in messages[1:]] == [
        f"{source}/train/",
        f"{source}/validation/",
        f"{source}/test/",
    ]


def groups_file(path, groups):
    """A CSV file of groups, written from pairs of a path and a group."""
    path.write_text("path,group\n" + "".join(f"{image},{group}\n" for image, group in groups))
    return path


def test_images_of_one_group_go_to_the_same_split_whatever_its_name(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "03 copy.png")
    # Pairs in glass, a group with images of both classes, and a copy that is listed in place of its image.
    groups = {f"glass/{number:02}.png": f"glass {number // 2}" for number in range(6) if number != 3}
    groups |= {
        "glass/03 copy.png": "glass 1",
        "glass/09.png": "shelf",
        "metal/08.png": "shelf",
        "metal/09.png": "shelf",
    }
    again = shutil.copytree(empty, tmp_path / "again")
    done = make(empty, source, "--groups", groups_file(tmp_path / "groups.csv", groups.items()))
    assert (done.returncode, done.stderr) == (0, "")
    assert "dataset_images/ holds 20 images: 16 train, 2 validation, 2 test" in done.stdout

    splits = split_of(empty)
    digests = {name: decoding.pixel_digest(decoding.decode(source / name).pixels) for name in groups}
    by_group = {}
    for name, group in groups.items():
        by_group.setdefault(group, set()).add(splits[name.split("/")[0], digests[name]])
    assert all(len(of_group) == 1 for of_group in by_group.values())

    others = [(name, f"no. {len(group)}{group}") for name, group in reversed(groups.items())]
    assert make(again, source, "--groups", groups_file(tmp_path / "others.csv", others)).returncode == 0
    assert split_of(again) == splits


def test_groups_of_one_image_do_not_change_the_split(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    again = shutil.copytree(empty, tmp_path / "again")
    assert make(empty, source).returncode == 0
    groups = [("glass/00.png", "mine"), ("metal/03.png", "yours")]
    assert make(again, source, "--groups", groups_file(tmp_path / "groups.csv", groups)).returncode == 0
    assert split_of(again) == split_of(empty)


def test_groups_too_large_for_the_shares_are_an_error(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    groups = groups_file(tmp_path / "groups.csv", [(f"glass/{number:02}.png", number // 4) for number in range(10)])
    messages = errors(make, empty, source, "--groups", groups)
    assert messages[0].startswith(f"{source}/train/ holds 60.0% of the 20 images")
    assert all("add images, make groups smaller, or change data.split" in message for message in messages)


def test_one_image_in_two_groups_is_an_error(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "copy.png")
    groups = groups_file(tmp_path / "groups.csv", [("glass/03.png", "a"), ("glass/copy.png", "b")])
    copies = f"{source}/glass/03.png and {source}/glass/copy.png"
    assert errors(make, empty, source, "--groups", groups) == [
        f"{copies} are the same image in the groups a and b: give it one group."
    ]


def test_errors_of_the_groups_file_are_reported_before_an_image_is_opened(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    groups = groups_file(tmp_path / "groups.csv", [("glass/77.png", "a")])
    assert errors(make, empty, source, "--groups", groups) == [
        f"{groups} lists 'glass/77.png', which is not an image in SOURCE: write paths relative to SOURCE, such as "
        "glass/1.jpg."
    ]


def test_groups_for_a_folder_that_is_already_split_are_an_error(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source")
    groups = groups_file(tmp_path / "groups.csv", [("train/glass/00.png", "a")])
    assert errors(make, empty, source, "--groups", groups) == [
        f"{source} is already split, and its split is kept: use GROUPS only with a folder of class folders."
    ]


@pytest.mark.parametrize("target", ["dataset", "report", "bench"])
def test_make_passes_on_a_name_unchanged_whatever_characters_it_has(run, target):
    odd = "a `touch b` $HOME $(touch c) 'd' \"e\" ;"
    names = {"dataset": ("SOURCE", "GROUPS"), "report": ("REV",), "bench": ("SOURCE",)}[target]
    options = ("--no-print-directory", "--dry-run", "--assume-old=.venv/run")
    lines = run(ROOT, "make", *options, target, *(f"{name}={odd}" for name in names)).stdout.splitlines()
    assert shlex.split(lines[-1]).count(odd) == len(names)
