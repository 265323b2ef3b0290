"""`make relabel` in a repository of its own: what it changes, what it refuses, and what a kill leaves."""

import shutil

import pytest
from PIL import Image

from review_repository import VERDICTS, commit, contents, create, pixels, relabel, table, write_verdicts
from runs import dvc, run, run_forked
from transfer.common import dvcfile

MOVED, REMOVED, KEPT = (f"train/glass/0{number}.png" for number in range(3))
ONE, OTHER, OF_TEST = "test/metal/00.png", "train/metal/05.png", "test/metal/01.png"
ROWS = (
    (MOVED, "class:paper"),
    (REMOVED, "remove"),
    (KEPT, "keep"),
    (ONE, f"same:{OTHER}"),
    (OTHER, f"same:{ONE}"),
    (OF_TEST, "class:glass"),
)


@pytest.fixture(scope="module")
def committed_repository(tmp_path_factory, make_dataset):
    return create(tmp_path_factory.mktemp("relabel") / "project", make_dataset)


@pytest.fixture
def repository(committed_repository, tmp_path):
    return shutil.copytree(committed_repository, tmp_path / "project", symlinks=True)


def images(files):
    return {path: content for path, content in files.items() if path.startswith("dataset_images/")}


def test_verdicts_move_remove_and_group_images_and_are_kept(repository):
    before, head = contents(repository), run(repository, "git", "rev-parse", "--short", "HEAD").strip()
    digests = {path: pixels(repository, path) for path, _ in ROWS}
    write_verdicts(repository, *ROWS)
    done = relabel(repository)
    assert (done.returncode, done.stderr) == (0, "")
    after = contents(repository)

    # train/paper/00.png and test/glass/01.png exist: what comes gets another name, and no other file changes.
    expected = images(before)
    for old, new in ((MOVED, "train/paper/00-2.png"), (OF_TEST, "test/glass/01-2.png")):
        expected[f"dataset_images/{new}"] = expected.pop(f"dataset_images/{old}")
    del expected[f"dataset_images/{REMOVED}"]
    assert images(after) == expected

    group = f"same-{min(digests[ONE], digests[OTHER])}"
    assert table(repository / "dataset_groups.csv") == [["path", "group"], [ONE, group], [OTHER, group]]
    judged = [[digests[path], verdict] for path, verdict in ROWS if not verdict.startswith("same")]
    judged += [[digests[ONE], f"same:{digests[OTHER]}"], [digests[OTHER], f"same:{digests[ONE]}"]]
    assert table(repository / "dataset_verdicts.csv") == [["pixels", "verdict"], *sorted(judged)]

    lines = done.stdout.splitlines()
    assert lines == [
        "1 image kept, 2 images moved to another class, 1 image removed, 1 pair of the same object",
        "  train/glass/00.png → train/paper/00-2.png",
        "  train/glass/01.png removed",
        "1 test image changed, so earlier test accuracies are not comparable:",
        "  test/metal/01.png → test/glass/01-2.png",
        f"The object of group {group} is in several splits, {ONE} and {OTHER}: remove its images from all splits but "
        "one, or make a new split with `make dataset`.",
        "dataset_images/ holds 41 images: 29 train, 6 validation, 6 test",
        *[line for line in lines if "more than 2.0% from its target" in line],
        f"Commit {head} has the images as they were: `git checkout {head} -- dataset_images.dvc` and `dvc checkout "
        f"dataset_images.dvc` restore all of them, `dvc get . dataset_images/<path> --rev {head}` restores one.",
        "dataset_images.dvc is no longer bound to the embedded sample: `dvc push` now sends the images.",
        "Next: `git add dataset_images.dvc dataset_verdicts.csv dataset_groups.csv`, `dvc repro`, and `git commit`.",
    ]

    # DVC tracks the images as they are now, as the team's own, and what was removed can be had back.
    commit(repository)
    assert dvc(repository, "data", "status", "--json").strip() == "{}"
    assert not dvcfile.is_bound(repository / "dataset_images.dvc") and "push" not in str(after["dataset_images.dvc"])
    # It is still the sample, for which the sample's backbone was made.
    assert dvcfile.is_of_sample(repository / "dataset_images.dvc")
    dvc(repository, "get", "--quiet", ".", f"dataset_images/{REMOVED}", "--rev", head, "--out", "back.png")
    assert (repository / "back.png").read_bytes() == before[f"dataset_images/{REMOVED}"]
    (repository / "back.png").unlink()
    run(repository, "git", "checkout", "--quiet", head, "--", "dataset_images.dvc")
    dvc(repository, "checkout", "--quiet", "dataset_images.dvc")
    assert images(contents(repository)) == images(before)


def test_verdicts_that_change_no_image_are_kept_alone(repository):
    before = contents(repository)
    write_verdicts(repository, (KEPT, "keep"), (ONE, f"different:{OTHER}"))
    assert relabel(repository).stdout.splitlines() == [
        "1 image kept, 1 pair of different objects",
        "Next: `git add dataset_verdicts.csv`, and `git commit`.",
    ]
    after = contents(repository)
    assert set(after) - set(before) == {"dataset_verdicts.csv", VERDICTS}
    assert {path: after[path] for path in before} == before


def test_a_later_verdict_replaces_an_earlier_one_and_groups_follow_their_images(repository):
    write_verdicts(repository, (KEPT, "keep"), (ONE, f"same:{OTHER}"))
    assert relabel(repository).returncode == 0
    with (repository / "dataset_groups.csv").open("a") as file:
        file.write("train/glass/05.png,a bottle\ntrain/glass/06.png,a bottle\ntrain/glass/07.png,zebra\n")
    commit(repository)
    digest = pixels(repository, KEPT)
    write_verdicts(
        repository,
        (KEPT, "class:paper"),
        (ONE, f"different:{OTHER}"),
        (OTHER, "remove"),
        ("train/glass/05.png", "class:metal"),
        ("train/glass/06.png", "same:train/glass/07.png"),
    )
    done = relabel(repository)
    assert done.returncode == 0, done.stderr
    assert (
        "`git checkout {} -- dataset_images.dvc dataset_groups.csv dataset_verdicts.csv`".format(
            run(repository, "git", "rev-parse", "--short", "HEAD").strip()
        )
        in done.stdout
    )
    judged = table(repository / "dataset_verdicts.csv")
    assert [digest, "class:paper"] in judged and [digest, "keep"] not in judged
    assert not any(verdict.startswith("same") and pixels(repository, ONE) in row for row in judged for verdict in row)
    # Two groups that share an object become one; a moved image keeps its group, and a removed one has none.
    groups = {path: group for path, group in table(repository / "dataset_groups.csv")[1:]}
    assert {path: group for path, group in groups.items() if "glass" in path or "/05" in path} == {
        "train/metal/05-2.png": "a bottle",
        "train/glass/06.png": "a bottle",
        "train/glass/07.png": "a bottle",
    }
    assert OTHER not in groups


def test_a_spreadsheet_program_may_have_saved_the_verdicts(repository):
    text = write_verdicts(repository, *ROWS).read_text()
    (repository / VERDICTS).write_bytes(
        b"\xef\xbb\xbf" + text.replace(",", ";").replace("\n", "\r\n").encode() + b";;\r\n"
    )
    done = relabel(repository)
    assert done.stdout.startswith("1 image kept, 2 images moved"), done.stderr


def test_every_row_that_cannot_be_applied_is_named_and_nothing_changes(repository):
    place = write_verdicts(repository, *ROWS, ("train/paper/03.png", "keep"), ("train/paper/04.png", "keep"))
    rows = place.read_text().replace(pixels(repository, KEPT), "1.23457E+15")
    rows += f"{MOVED},{pixels(repository, MOVED)},class:paper\n"  # twice the same is no contradiction
    rows += f"{MOVED},{pixels(repository, MOVED)},remove\n"
    rows += f"train/metal/00.png,{pixels(repository, 'train/metal/00.png')},class:papper\n"
    rows += f"train/metal/01.png,{pixels(repository, 'train/metal/01.png')},delete\n"
    rows += f"train/metal/02.png,{pixels(repository, 'train/metal/02.png')},same:train/metal/02.png\n"
    rows += f"{ONE},{pixels(repository, ONE)},different:{OTHER}\n"
    rows += f"{ONE},{pixels(repository, ONE)},remove\n"
    rows += "train/glass/none.png,0123456789abcdef,keep\n../params.yaml,0123456789abcdef,remove\n"
    # One image is replaced and another one is moved after the review; the latter change is committed.
    Image.new("RGB", (8, 6), "red").save(repository / "dataset_images/train/paper/03.png")
    (repository / "dataset_images/train/paper/04.png").rename(repository / "dataset_images/train/glass/new.png")
    dvc(repository, "add", "--quiet", "dataset_images")
    commit(repository)
    place.write_text(rows)
    before = contents(repository)
    done = relabel(repository)
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == sorted(
        f"verdicts.csv {sentence}"
        for sentence in (
            f"has pixels that are not 16 hexadecimal digits, for {KEPT} (1.23457E+15): a spreadsheet program may have "
            "turned them into numbers, so use the file as the page downloads it.",
            "names images that dataset_images/ does not have, train/glass/none.png and ../params.yaml: run `make "
            "review` again.",
            "names images that were moved after the review, train/paper/04.png (now train/glass/new.png): remove the "
            "lines, or run `make review` again.",
            "was written for other images than dataset_images/ has now, with other pixels, at train/paper/03.png: run "
            "`make review` again.",
            "has no usable verdict for train/metal/01.png (delete): write keep, remove, class:<name>, same:<path> or "
            "different:<path>.",
            "moves images to a class that does not exist, train/metal/00.png (class:papper): write paper.",
            "compares images with what is not another image of dataset_images/, train/metal/02.png "
            "(same:train/metal/02.png): write a path relative to dataset_images/, such as train/glass/1.jpg.",
            f"has verdicts that contradict each other for {MOVED} (class:paper and remove), {ONE} (the same object as "
            f"{OTHER}, and a different one) and {ONE} (same and remove): keep one of the lines.",
        )
    )
    assert contents(repository) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "verdicts.csv has no column path and no column pixels and no column verdict: its first line must be "),
        (b"path,pixels\n", "verdicts.csv has no column verdict: its first line must be path,pixels,verdict."),
        (b"path,pixels,verdict\n\n", "verdicts.csv has no verdict: choose some on the page of `make review`, and "),
        ("path,pixels,verdict\né,1,keep\n".encode("utf-16"), "verdicts.csv cannot be read as a CSV file ("),
    ],
)
def test_what_is_no_table_of_verdicts_is_refused(repository, content, sentence):
    (repository / VERDICTS).write_bytes(content)
    done = relabel(repository)
    assert done.returncode == 1 and done.stderr.startswith(sentence) and done.stderr.count("\n") == 1


def test_a_dataset_that_no_commit_could_restore_is_not_touched(repository):
    write_verdicts(repository, *ROWS)
    (repository / "dataset_images/train/glass/09.png").unlink()
    before = contents(repository)
    done = relabel(repository)
    assert done.stderr == (
        "dataset_images/ holds data that dataset_images.dvc does not track: commit the data (`dvc add dataset_images`, "
        "`git add dataset_images.dvc`, `git commit`), then run again.\n"
    )
    dvc(repository, "add", "--quiet", "dataset_images")
    assert relabel(repository).stderr.startswith("dataset_images.dvc is not committed, so its data could not be ")
    assert images(contents(repository)) == images(before)


def test_the_last_image_of_a_class_in_a_split_stays(repository):
    write_verdicts(repository, ("test/metal/00.png", "remove"), ("test/metal/01.png", "class:glass"))
    before = contents(repository)
    assert relabel(repository).stderr == (
        "The class metal would be left without an image in test: keep one there, or remove the class by hand from all "
        "three splits.\n"
    )
    assert contents(repository) == before


# Ends the process as a kill does, without any clean-up, when it is about to make its change number N.
KILL = """
import itertools, os, runpy, sys
from pathlib import Path
from commands.relabel import journal
from transfer.common import dvcfile
number, changes = int(sys.argv.pop(1)), itertools.count()
def counted(change):
    def make(*words, **options):
        if next(changes) == number:
            os._exit(9)
        return change(*words, **options)
    return make
journal.dvc, dvcfile.release = counted(journal.dvc), counted(dvcfile.release)
for name in ("rename", "unlink", "replace"):
    setattr(Path, name, counted(getattr(Path, name)))
sys.argv[0] = "commands.relabel"
runpy.run_module("commands.relabel", run_name="__main__", alter_sys=True)
"""


def test_after_a_kill_at_any_change_the_same_command_ends_right(repository, tmp_path):
    (repository / "dataset_groups.csv").write_text("path,group\ntrain/glass/00.png,a\n")
    commit(repository)
    write_verdicts(repository, *ROWS)
    whole = shutil.copytree(repository, tmp_path / "whole", symlinks=True)
    assert relabel(whole).returncode == 0
    expected = contents(whole)
    assert relabel(whole).stdout.startswith("These verdicts are applied already.\n")
    kills = 0
    for number in range(100):
        folder = shutil.copytree(repository, tmp_path / str(number), symlinks=True)
        killed = run_forked(folder, "-c", KILL, str(number), VERDICTS)
        kills += killed.returncode == 9
        done = relabel(folder)
        assert done.returncode == 0, done.stderr
        assert "1 image kept, 2 images moved to another class" in done.stdout
        assert contents(folder) == expected, number
        shutil.rmtree(folder)
        if killed.returncode == 0:
            break
    # The journal, two moves, a removal, the binding, `dvc add`, and two tables, some of them in several steps.
    assert kills >= 8


def test_other_verdicts_wait_until_an_interrupted_run_is_finished_and_committed(repository):
    write_verdicts(repository, *ROWS)
    others = write_verdicts(repository, ("train/paper/05.png", "remove"), name="others.csv")
    assert run_forked(repository, "-c", KILL, "3", VERDICTS).returncode == 9
    done = relabel(repository, others.name)
    assert done.stdout.startswith("The interrupted run is finished.\n1 image kept")
    assert done.stderr.startswith("others.csv is not applied, because the interrupted run had other verdicts: commit ")
    commit(repository)
    assert relabel(repository, others.name).returncode == 0
    assert not (repository / "dataset_images/train/paper/05.png").exists()
