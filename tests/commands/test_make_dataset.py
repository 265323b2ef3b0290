"""`make dataset` in a repository of its own: what it makes of a folder, and what it refuses."""

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

from transfer.dataset import decoding

ROOT = Path(__file__).parents[1]
DVC_FILE = "dataset_images.dvc"
BOUND = "  remote: embedded\n  push: false\n"


def environment(home):
    """What the commands see: nothing of the settings of whoever runs the tests."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DVC_"))}
    who = {f"GIT_{role}_{what}": "tests" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    folders = {f"DVC_{kind}_DIR": str(home / kind) for kind in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return mine | who | folders | nowhere | {"DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home):
    """A function that runs a command in a folder."""

    def run(folder, *words, check=True):
        return subprocess.run(
            words, cwd=folder, env=environment(home), capture_output=True, text=True, check=check, timeout=120
        )

    return run


@pytest.fixture(scope="module")
def commit(run):
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
    """A function that runs the command in a repository."""
    return lambda repository, source, *words: run(
        repository, sys.executable, "-m", "commands.dataset", str(source), *map(str, words), check=False
    )


def contents(folder):
    """Every file below a folder but those that git and DVC keep for themselves."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".dvc"} & set(path.relative_to(folder).parts)
    }


def class_folders(folder, photograph, classes=("glass", "metal"), count=10):
    for number, label in enumerate(classes):
        for image in range(count):
            photograph(folder / label / f"{image:02}.png", seed=100 * number + image)
    return folder


def placed(repository):
    """The split of each image in a dataset, by class and pixels."""
    paths = [path for path in (repository / "dataset_images").rglob("*") if path.is_file()]
    return {(path.parts[-2], decoding.pixel_digest(decoding.decode(path).pixels)): path.parts[-3] for path in paths}


def test_class_folders_are_split_80_10_10_and_each_image_taken_once(tmp_path, empty, make, run, photograph):
    source = class_folders(tmp_path / "two words", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "copy.png")
    with Image.open(source / "glass" / "04.png") as image:
        image.save(source / "glass" / "copy.bmp")
    (source / "metal" / "notes.txt").write_text("no image")
    (source / "metal" / ".DS_Store").write_text("no image")
    before = contents(source)

    done = make(empty, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 images are copies of others, pixel by pixel, and were left out." in done.stdout
    assert "dataset_images/ holds 20 images: 16 train, 2 validation, 2 test" in done.stdout
    assert "Skipped 2 files that are no images." in done.stdout
    assert contents(source) == before

    found = placed(empty)
    assert len(found) == 20
    assert Counter((split, label) for (label, _), split in found.items()) == {
        (split, label): count
        for split, count in {"train": 8, "validation": 1, "test": 1}.items()
        for label in ("glass", "metal")
    }
    # DVC tracks it and pushes it, and git is left to whoever commits
    (out,) = yaml.safe_load((empty / DVC_FILE).read_text())["outs"]
    assert (out["path"], out["nfiles"]) == ("dataset_images", 20)
    assert "/dataset_images" in (empty / ".gitignore").read_text().splitlines()
    assert f"?? {DVC_FILE}" in run(empty, "git", "status", "--porcelain").stdout.splitlines()
    run(empty, sys.executable, "-m", "dvc", "status", "--quiet", DVC_FILE)
    assert not list(empty.glob(".*.partial"))


def test_the_split_depends_on_pixels_and_seed_alone(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    renamed = shutil.copytree(source, tmp_path / "renamed")
    for number, path in enumerate(sorted(renamed.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"photo {number:03}.png"))
    reseeded = shutil.copytree(empty, tmp_path / "reseeded")
    text = (empty / "params.yaml").read_text()
    (reseeded / "params.yaml").write_text(text.replace("seed: 1\n", "seed: 5\n"))
    again = shutil.copytree(empty, tmp_path / "again")

    for repository, folder in ((empty, source), (again, renamed), (reseeded, source)):
        assert make(repository, folder).returncode == 0
    assert placed(again) == placed(empty)
    assert placed(reseeded).keys() == placed(empty).keys()
    assert placed(reseeded) != placed(empty)


def test_a_folder_that_is_split_already_takes_the_place_of_the_sample_as_it_is(tmp_path, full, make, make_dataset, run):
    source = make_dataset(tmp_path / "source", classes=("007", "é"))
    done = make(full, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(full / "dataset_images") == contents(source)
    text = (full / DVC_FILE).read_text()
    assert "remote" not in text
    assert "push" not in text
    assert "nfiles: 20" in text
    # The old data can be found again: their .dvc file is in git, and they themselves in DVC's cache
    assert run(full, "git", "status", "--porcelain").stdout == f" M {DVC_FILE}\n"
    run(full, "git", "checkout", "--quiet", DVC_FILE)
    run(full, sys.executable, "-m", "dvc", "checkout", "--quiet", "--force", DVC_FILE)
    assert {path.parts[-2] for path in (full / "dataset_images").rglob("*.png")} == {"old", "older"}


def refused(make, repository, source, *words):
    """The sentences that a source is refused with; nothing has changed, and no traceback is shown."""
    before = contents(repository)
    done = make(repository, source, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert contents(repository) == before
    assert not list(repository.glob(".*.partial"))
    return done.stderr.splitlines()


def test_data_that_dvc_does_not_track_are_not_overwritten(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    photograph(empty / "dataset_images" / "train" / "mine" / "1.png")
    (told,) = refused(make, empty, source)
    assert told.startswith(f"dataset_images/ holds data that {DVC_FILE} does not have: commit it")


def test_data_changed_since_they_were_added_are_not_overwritten(tmp_path, full, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    photograph(full / "dataset_images" / "train" / "old" / "new.png", seed=999)
    (told,) = refused(make, full, source)
    assert told.startswith(f"dataset_images/ holds data that {DVC_FILE} does not have: commit it")


@pytest.mark.parametrize("added_once", [True, False])
def test_data_whose_dvc_file_is_not_committed_are_not_overwritten(tmp_path, full, make, run, photograph, added_once):
    source = class_folders(tmp_path / "source", photograph)
    if added_once:
        (full / DVC_FILE).write_text((full / DVC_FILE).read_text().replace(BOUND, ""))
    else:
        run(full, "git", "rm", "--quiet", "--cached", DVC_FILE)
    (told,) = refused(make, full, source)
    assert told.startswith(f"{DVC_FILE} is not committed, and its data could not be found again: commit it")


def test_a_source_that_cannot_be_used_is_told_and_the_old_data_stay(tmp_path, full, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    (source / "metal" / "empty.png").touch()
    assert refused(make, full, source) == [
        f"{source}/glass/broken.jpg is no image that can be read: remove or replace it.",
        f"{source}/metal/empty.png is empty: remove or replace it.",
    ]


def test_one_image_in_two_classes_is_refused(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "metal" / "other.png")
    assert refused(make, empty, source) == [
        f"{source}/glass/03.png and {source}/metal/other.png are the same image in two classes: keep one."
    ]


def test_a_missing_source_is_refused(tmp_path, empty, make):
    assert refused(make, empty, tmp_path / "no such folder") == [
        f"{tmp_path}/no such folder is no folder: SOURCE is a folder of class folders."
    ]


@pytest.mark.parametrize("source", ["dataset_images", "dataset_images/train", "."])
def test_the_dataset_itself_is_no_source(full, make, source):
    assert refused(make, full, source) == [
        f"{source} is dataset_images/ itself, or holds it: SOURCE must be a folder elsewhere."
    ]


def test_one_class_is_refused(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph, classes=["glass"])
    assert refused(make, empty, source) == [
        f"{source}/ has 1 class folders: a folder for each of at least two classes is needed."
    ]


def test_a_class_too_small_to_split_is_refused(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    for number in range(2, 10):
        (source / "metal" / f"{number:02}.png").unlink()
    assert refused(make, empty, source) == ["The class metal has 2 different images: 3 are the least, one a split."]


def test_a_split_source_with_other_shares_and_a_missing_class_is_refused(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(7, 2, 1))
    shutil.rmtree(source / "test" / "glass")
    told = refused(make, empty, source)
    assert told[0] == f"{source}/test/glass/ is missing, though another split has the class glass: add it."
    assert [line.split(" holds ")[0] for line in told[1:]] == [
        f"{source}/train/",
        f"{source}/validation/",
        f"{source}/test/",
    ]


def groups_file(path, groups):
    path.write_text("path,group\n" + "".join(f"{image},{group}\n" for image, group in groups))
    return path


def test_images_of_one_group_go_to_the_same_split_whatever_it_is_called(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "03 copy.png")
    # Pairs in glass, the last two images of metal with one of glass, and a copy that stands for its image
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

    found = placed(empty)
    digests = {name: decoding.pixel_digest(decoding.decode(source / name).pixels) for name in groups}
    splits = {}
    for name, group in groups.items():
        splits.setdefault(group, set()).add(found[name.split("/")[0], digests[name]])
    assert all(len(of_group) == 1 for of_group in splits.values())

    others = [(name, f"no. {len(group)}{group}") for name, group in reversed(groups.items())]
    assert make(again, source, "--groups", groups_file(tmp_path / "others.csv", others)).returncode == 0
    assert placed(again) == found


def test_without_groups_of_several_images_the_split_is_the_one_without_groups(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    again = shutil.copytree(empty, tmp_path / "again")
    assert make(empty, source).returncode == 0
    groups = [("glass/00.png", "mine"), ("metal/03.png", "yours")]
    assert make(again, source, "--groups", groups_file(tmp_path / "groups.csv", groups)).returncode == 0
    assert placed(again) == placed(empty)


def test_groups_too_large_for_the_shares_are_refused(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    groups = groups_file(tmp_path / "groups.csv", [(f"glass/{number:02}.png", number // 4) for number in range(10)])
    told = refused(make, empty, source, "--groups", groups)
    assert told[0].startswith(f"{source}/train/ holds 60.0% of the 20 images")
    assert all("add images, make groups smaller, or change data.split" in line for line in told)


def test_one_image_in_two_groups_is_refused(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "glass" / "copy.png")
    groups = groups_file(tmp_path / "groups.csv", [("glass/03.png", "a"), ("glass/copy.png", "b")])
    assert refused(make, empty, source, "--groups", groups) == [
        f"{source}/glass/03.png and {source}/glass/copy.png are the same image in the groups a and b: give them one."
    ]


def test_a_bad_file_of_groups_is_refused_before_an_image_is_opened(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    groups = groups_file(tmp_path / "groups.csv", [("glass/77.png", "a")])
    assert refused(make, empty, source, "--groups", groups) == [
        f"{groups} lists 'glass/77.png', which is no image in SOURCE: a path is as in glass/1.jpg."
    ]


def test_groups_of_a_folder_that_is_split_already_are_refused(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source")
    groups = groups_file(tmp_path / "groups.csv", [("train/glass/00.png", "a")])
    assert refused(make, empty, source, "--groups", groups) == [
        f"{source} is split already, and is taken as it is: GROUPS is for a folder of class folders."
    ]


@pytest.mark.parametrize("target", ["dataset", "report", "bench"])
def test_make_hands_on_a_name_as_it_is_whatever_the_shell_would_make_of_it(run, target):
    odd = "a `touch b` $HOME $(touch c) 'd' \"e\" ;"
    names = {"dataset": ("SOURCE", "GROUPS"), "report": ("REV",), "bench": ("SOURCE",)}[target]
    words = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "--assume-old=.venv/run",
        target,
        *(f"{name}={odd}" for name in names),
    ]
    lines = run(ROOT, *words).stdout.splitlines()
    assert shlex.split(lines[-1]).count(odd) == len(names)
