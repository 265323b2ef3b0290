"""`make dataset ADD=1` in a repository of its own: what changes, what stays, and what a failure leaves."""

import hashlib
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
import yaml

import scenes
from repositories import BOUND, DVC_FILE, contents, errors, groups_file
from scenes import scene
from transfer.loading.prepared import SPLITS

GROUPS = "dataset_groups.csv"
# Runs the command in a process in which one function does something else.
BROKEN = """
import errno, os, sys
from commands.dataset import __main__ as dataset, saving
from transfer import command
from transfer.common import atomic

def fail(*arguments, **options):
    {failure}

original = {target}
{target} = fail
sys.argv = ["dataset", "--add", {source!r}]
command.run(dataset.main)
"""
# As after a kill, nothing is cleaned up.
KILL = "os._exit(9)"
FULL = "raise OSError(errno.ENOSPC, 'No space left on device', 'dataset_images')"


@pytest.fixture(scope="module")
def repository(tmp_path_factory, empty_repository, run, commit):
    """A repository with a committed dataset of scenes, two classes of 20 images."""
    folder = tmp_path_factory.mktemp("scenes") / "repository"
    shutil.copytree(empty_repository, folder)
    scenes.dataset(folder / "dataset_images")
    with (folder / ".gitignore").open("a") as file:
        file.write("/.scratch/\n")
    run(folder, "python", "-m", "dvc", "add", "--quiet", "dataset_images")
    commit(folder)
    return folder


@pytest.fixture
def project(repository, tmp_path):
    return shutil.copytree(repository, tmp_path / "project")


@pytest.fixture
def new(tmp_path):
    """A source of six new images of glass, a copy, and a near-copy of a test image."""
    for seed in range(100, 106):
        scenes.save(tmp_path / f"new photographs/glass/{seed}.png", scene(seed))
    scenes.save(tmp_path / "new photographs/glass/copy.png", scene(3))
    scenes.save(tmp_path / "new photographs/glass/near.jpg", scene(20), quality=60)
    return tmp_path / "new photographs"


def add(make, repository, source, *options):
    done = make(repository, source, "--add", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def images(repository):
    return contents(repository / "dataset_images")


def test_every_image_stays_and_new_ones_are_added(project, make, new, run):
    before, params = images(project), (project / "params.yaml").read_bytes()
    output = add(make, project, new)
    after = images(project)
    assert {place: after[place] for place in before} == before
    added = {Path(place).name: place for place in after.keys() - before.keys()}
    assert sorted(added) == [*(f"{seed}.png" for seed in range(100, 106)), "near.jpg"]
    assert added["near.jpg"] == "test/glass/near.jpg"
    assert {name: after[place] for name, place in added.items()} == {
        name: (new / "glass" / name).read_bytes() for name in added
    }
    assert (project / "params.yaml").read_bytes() == params
    (out,) = yaml.safe_load((project / DVC_FILE).read_text())["outs"]
    assert (out["path"], out["nfiles"]) == ("dataset_images", 47)
    run(project, "python", "-m", "dvc", "status", "--quiet", DVC_FILE)
    assert run(project, "git", "status", "--porcelain").stdout == f" M {DVC_FILE}\n"
    assert "The source has no images of metal: these classes stay as they are.\n" in output
    assert "1 image is in the dataset already, and skipped.\n" in output
    assert "  glass/near.jpg resembles dataset_images/test/glass/01.png: test/glass/near.jpg\n" in output
    assert "glass        16 -> " in output
    assert output.endswith(f"Next: `git add {DVC_FILE}`, `dvc repro`, and `git commit` when you are satisfied.\n")
    # The old version can be had back.
    run(project, "git", "checkout", "--quiet", DVC_FILE)
    run(project, "python", "-m", "dvc", "checkout", "--quiet", "--force", DVC_FILE)
    assert images(project) == before


def test_photographs_that_are_all_there_change_nothing(project, make, new):
    for path in (*new.rglob("1*.png"), *new.rglob("*.jpg")):
        path.unlink()
    before = contents(project)
    output = add(make, project, new)
    assert "No image was added to the dataset.\n" in output
    assert "Next:" not in output
    assert contents(project) == before


def test_a_second_run_adds_nothing(project, make, new, commit):
    add(make, project, new)
    commit(project)
    before = contents(project)
    assert "8 images are in the dataset already, and skipped.\n" in add(make, project, new)
    assert contents(project) == before


def test_the_embedded_sample_becomes_ones_own_data(project, make, new, commit):
    with (project / DVC_FILE).open("a") as file:
        file.write(BOUND)
    commit(project)
    output = add(make, project, new)
    assert f"{DVC_FILE} was bound to the embedded sample: the images are now your own data" in output
    assert "remote" not in (project / DVC_FILE).read_text()


def test_imported_data_become_ones_own_or_stay_imported(tmp_path, empty, make, run, commit, new):
    registry = tmp_path / "registry"
    scenes.dataset(registry / "photos")
    run(tmp_path, "git", "init", "--quiet", str(registry))
    for words in (("init", "--quiet"), ("add", "--quiet", "photos")):
        run(registry, "python", "-m", "dvc", *words)
    commit(registry)
    run(empty, "python", "-m", "dvc", "import", "--quiet", str(registry), "photos", "--out", "dataset_images")
    commit(empty)
    before = contents(empty)
    assert run(empty, "python", "-c", broken(new, "saving.dvc", FULL), check=False).returncode == 1
    assert contents(empty) == before
    assert f"{DVC_FILE} was an import from {registry}: the images are now your own data" in add(make, empty, new)


@pytest.mark.parametrize("option", [("--backbone", "MobileNetV2"), ("--recipe", "study")])
def test_parameters_cannot_be_set_with_an_addition(project, make, new, option):
    message = "ADD leaves params.yaml as it is: leave out BACKBONE and RECIPE."
    assert errors(make, project, new, "--add", *option) == [message]


def test_without_a_dataset_there_is_nothing_to_add_to(empty, make, new):
    message = f"{DVC_FILE} is missing: to make a dataset of SOURCE, leave out ADD."
    assert errors(make, empty, new, "--add") == [message]


def test_nothing_is_added_to_data_that_no_commit_has(project, make, new, run):
    scenes.save(project / "dataset_images/train/glass/mine.png", scene(900))
    (line,) = errors(make, project, new, "--add")
    assert line.startswith(f"dataset_images/ holds data that {DVC_FILE} does not track: commit the data")
    run(project, "python", "-m", "dvc", "add", "--quiet", "dataset_images")
    (line,) = errors(make, project, new, "--add")
    assert line.startswith(f"{DVC_FILE} is not committed, so its data could not be restored: commit the data")


def test_groups_that_no_commit_has_are_not_replaced(project, make, new):
    (project / GROUPS).write_text("path,group\ntest/glass/00.png,a\n")
    message = f"{GROUPS} is not committed, so it could not be restored: commit it or move it away first."
    assert errors(make, project, new) == [message]
    assert errors(make, project, new, "--add") == [message]


def broken(source, target, failure):
    return BROKEN.format(source=str(source), target=target, failure=failure)


@pytest.mark.parametrize(
    ("target", "failure", "message"),
    [
        ("saving.shutil.copyfile", FULL, "The disk of dataset_images is full: free some space, then run again."),
        ("saving.dvc", FULL, "The disk of dataset_images is full: free some space, then run again."),
        ("saving.groups.write_stored", FULL, "The disk of dataset_images is full: free some space, then run again."),
        ("saving.dvc", "raise KeyboardInterrupt", "Interrupted: run the same command again to continue."),
    ],
)
def test_a_failure_leaves_everything_as_it_was(project, run, new, target, failure, message):
    before = contents(project)
    done = run(project, "python", "-c", broken(new, target, failure), check=False)
    assert done.returncode != 0
    assert done.stderr == f"{message}\n"
    assert contents(project) == before
    assert run(project, "git", "status", "--porcelain").stdout == ""


def stored(path):
    """Where DVC's cache has the content of a file."""
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"


def test_images_that_dvc_could_not_store_are_taken_back(project, run, new):
    # On a full disk, `dvc add` names what it could not store, and ends with status 0.
    drop = f"original(*arguments); os.unlink({stored(new / 'glass/102.png')!r})"
    before = contents(project)
    done = run(project, "python", "-c", broken(new, "saving.dvc", drop), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("DVC could not store 1 images in its cache, such as ")
    assert done.stderr.endswith("/glass/102.png: free some space on its disk, then run again.\n")
    assert contents(project) == before


def test_data_of_which_the_cache_lacks_an_image_are_not_replaced(project, make, new):
    (project / stored(project / "dataset_images/test/glass/00.png")).unlink()
    for options in ((), ("--add",)):
        (line,) = errors(make, project, new, *options)
        assert line.startswith(f"dataset_images/ holds data that {DVC_FILE} does not track: commit the data")


@pytest.mark.parametrize("target", ["atomic.replace_folder", "saving.dvcfile.release", "saving.dvc"])
def test_after_a_kill_the_next_run_begins_again(project, make, run, new, target, tmp_path):
    other = shutil.copytree(project, tmp_path / "other")
    groups = groups_file(tmp_path / "groups.csv", [("glass/100.png", "a"), ("glass/101.png", "a")])
    assert run(project, "python", "-c", broken(new, target, KILL), check=False).returncode == 9
    output = add(make, project, new, "--groups", groups)
    assert output.startswith("The last addition did not finish: what it had changed was taken back.\n")
    add(make, other, new, "--groups", groups)
    assert contents(project) == contents(other)


def test_data_that_a_user_commits_after_a_kill_stay(project, make, run, commit, new):
    run(project, "python", "-c", broken(new, "saving.dvc", KILL), check=False)
    run(project, "python", "-m", "dvc", "add", "--quiet", "dataset_images")
    commit(project)
    assert "8 images are in the dataset already, and skipped.\n" in add(make, project, new)
    assert len(images(project)) == 47


def test_groups_are_kept_for_later_additions(tmp_path, empty, make, commit):
    source = tmp_path / "source"
    for seed in range(80):
        scenes.save(source / ("glass" if seed < 40 else "metal") / f"{seed}.png", scene(seed))
    rows = [(f"{'glass' if seed < 40 else 'metal'}/{seed}.png", f"object {seed // 2}") for seed in range(80)]
    done = make(empty, source, "--groups", groups_file(tmp_path / "groups.csv", rows))
    assert done.returncode == 0, done.stderr
    assert f"git add {DVC_FILE} {GROUPS}" in done.stdout
    header, *lines = (empty / GROUPS).read_text().splitlines()
    stored = dict(line.split(",") for line in lines)
    assert (header, len(stored)) == ("path,group", 80)
    assert all((empty / "dataset_images" / place).exists() for place in stored)
    split_of = {group: place.partition("/")[0] for place, group in stored.items()}
    assert set(split_of.values()) == {"train", "validation", "test"}
    commit(empty)

    # Later images of groups in all three splits.
    chosen = {next(group for group in split_of if split_of[group] == split): split for split in SPLITS}
    later = {f"glass/{seed}.png": group for seed, group in enumerate(chosen, 100)}
    for seed in range(100, 103):
        scenes.save(tmp_path / "later/glass" / f"{seed}.png", scene(seed))
    output = add(make, empty, tmp_path / "later", "--groups", groups_file(tmp_path / "later.csv", later.items()))
    assert f"git add {GROUPS} {DVC_FILE}" in output
    for name, group in later.items():
        place = f"{split_of[group]}/{name}"
        assert (empty / "dataset_images" / place).exists()
        assert f"\n{place},{group}\n" in (empty / GROUPS).read_text()
    commit(empty)

    # A new dataset without groups has none.
    done = make(empty, source)
    assert f"git add {DVC_FILE} {GROUPS}" in done.stdout
    assert f"{GROUPS} was emptied: its groups were those of the old data.\n" in done.stdout
    assert (empty / GROUPS).read_text() == "path,group\n"


def pack(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def link():
    info = zipfile.ZipInfo("glass/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_zip_file_is_added_as_its_folder_is(tmp_path, project, make, new):
    other = shutil.copytree(project, tmp_path / "other")
    (new / "glass/notes.txt").write_text("no image")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", new.parent, new.name))
    output = add(make, project, packed)
    add(make, other, new)
    assert images(project) == images(other)
    assert f"1 file is not an image and is skipped, namely {packed}/new photographs/glass/notes.txt.\n" in output


@pytest.mark.parametrize("member", ["../evil.png", "/evil.png", "..\\evil.png", link()])
def test_a_zip_file_that_leads_elsewhere_is_refused(tmp_path, project, make, new, member):
    content = (new / "glass/100.png").read_bytes()
    path = pack(tmp_path / "evil.zip", [("glass/100.png", content), (member, content)])
    (line,) = errors(make, project, path, "--add")
    assert line.endswith("extract it yourself, and use the folder.")
    assert not list(tmp_path.rglob("evil.png"))


def test_a_bomb_is_refused(tmp_path, project, make, new):
    path = pack(tmp_path / "bomb.zip", [("glass/100.png", (new / "glass/100.png").read_bytes())])
    data = bytearray(path.read_bytes())
    position = data.index(b"PK\x01\x02") + 24
    data[position : position + 4] = struct.pack("<I", 2 * 2**30)
    path.write_bytes(data)
    (line,) = errors(make, project, path, "--add")
    assert line == f"{path} would take 2.0 GiB when it is extracted: extract it yourself, and use the folder."


def test_names_in_another_encoding_keep_their_class(tmp_path, project, make, new):
    source = tmp_path / "classes"
    for seed in range(200, 210):
        scenes.save(source / "xx" / f"{seed}.png", scene(seed))
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", source))
    path.write_bytes(path.read_bytes().replace(b"xx/", "é/".encode()))
    output = add(make, project, path)
    assert "The class é is new.\n" in output
    assert len(list((project / "dataset_images/train/é").iterdir())) == 8
