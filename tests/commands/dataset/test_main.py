"""`make dataset` in a repository of its own: the dataset that it makes of a folder, and its errors."""

import re
import shlex
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import yaml
from PIL import Image

from commands.dataset import params_editor
from commands.paths import user_path
from repositories import (
    BOUND,
    CONFLICTS,
    DVC_FILE,
    HOW_TO_DECIDE,
    class_folders,
    contents,
    errors,
    groups_file,
    split_of,
)
from runs import ROOT, STAGES, run_stage
from transfer.dataset import decoding


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
    assert f"1 file is not an image and is skipped, namely {source}/metal/notes.txt." in done.stdout
    assert f"leaves behind is skipped, namely {source}/metal/.DS_Store." in done.stdout
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
    run(empty, "python", "-m", "dvc", "status", "--quiet", DVC_FILE)
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
    run(full, "python", "-m", "dvc", "checkout", "--quiet", "--force", DVC_FILE)
    assert {path.parts[-2] for path in (full / "dataset_images").rglob("*.png")} == {"old", "older"}


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
    assert errors(make, empty, source, writes={CONFLICTS}) == [
        f"{source}/glass/03.png and {source}/metal/other.png are the same image in two classes: decide in {CONFLICTS}.",
        HOW_TO_DECIDE,
    ]
    assert contents(empty)[CONFLICTS].decode().splitlines()[0] == "path,class,pixels,conflict,decision"
    pixels = decoding.decode(source / "glass" / "03.png").digest
    assert contents(empty)[CONFLICTS].decode().splitlines()[1:] == [
        f"glass/03.png,glass,{pixels},two classes,",
        f"metal/other.png,metal,{pixels},two classes,",
    ]


def test_a_tilde_in_source_and_groups_is_the_home_folder(home, empty, make, photograph, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    # The Makefile quotes both, so that no shell expands them.
    class_folders(home / "photographs", photograph)
    groups_file(home / "groups.csv", [("glass/00.png", "a"), ("glass/01.png", "a")])
    done = make(empty, "~/photographs", "--groups", "~/groups.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "dataset_images/ holds 20 images" in done.stdout


def test_messages_name_a_path_with_a_tilde_in_full(home, empty, make, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    assert errors(make, empty, "~/nothing") == [
        f"{home}/nothing is missing: SOURCE must be a folder of class folders, or a zip file of one."
    ]


def test_the_tilde_of_an_unknown_user_stays_as_it_is():
    assert user_path("~no-such-user/photographs") == Path("~no-such-user/photographs")


def test_a_missing_source_is_an_error(tmp_path, empty, make):
    assert errors(make, empty, tmp_path / "no such folder") == [
        f"{tmp_path}/no such folder is missing: SOURCE must be a folder of class folders, or a zip file of one."
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
    messages = errors(make, empty, source, "--keep-params")
    assert messages[0] == f"{source}/test/glass/ is missing, but another split has the class glass: add the folder."
    assert [message.split(" holds ")[0] for message in messages[1:]] == [
        f"{source}/train/",
        f"{source}/validation/",
        f"{source}/test/",
    ]


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
    digests = {name: decoding.decode(source / name).digest for name in groups}
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
    assert errors(make, empty, source, "--groups", groups, writes={CONFLICTS}) == [
        f"{copies} are the same image in two groups: decide in {CONFLICTS}.",
        HOW_TO_DECIDE,
    ]


def test_errors_of_the_groups_file_are_reported_before_an_image_is_opened(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    groups = groups_file(tmp_path / "groups.csv", [("glass/77.png", "a")])
    assert errors(make, empty, source, "--groups", groups) == [
        f"{groups} lists 'glass/77.png', which is not an image in SOURCE: write paths relative to SOURCE, such as "
        "glass/1.jpg."
    ]


def test_groups_of_a_folder_that_is_already_split_may_not_be_divided_by_its_splits(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source")
    rows = [("train/glass/00.png", "a"), ("train/glass/01.png", "a"), ("train/metal/00.png", "b")]
    groups = groups_file(tmp_path / "groups.csv", [*rows, ("test/metal/00.png", "b")])
    assert errors(make, empty, source, "--groups", groups) == [
        f"The group b is divided between splits, as {source}/train/metal/00.png and {source}/test/metal/00.png show: "
        "move its images into one split, or remove its lines from GROUPS."
    ]
    done = make(empty, source, "--groups", groups_file(tmp_path / "groups.csv", rows))
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(empty / "dataset_images") == contents(source)


def test_a_split_that_is_drawn_from_train_keeps_groups_together(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(9, 1, 1))
    shutil.rmtree(source / "validation")
    rows = [(f"train/glass/0{number}.png", "one object") for number in range(3)]
    done = make(empty, source, "--groups", groups_file(tmp_path / "groups.csv", rows))
    assert (done.returncode, done.stderr) == (0, "")
    splits = split_of(empty)
    group = {("glass", decoding.decode(source / path).digest) for path, _ in rows}
    assert len({splits[image] for image in group}) == 1


@pytest.fixture
def sample(full, commit):
    """A repository with the sample's parameters, and the `.dvc` file that binds its weights. A team's may be others."""
    text = (full / "params.yaml").read_text()
    for key, (value, _) in CHANGES.items():
        text = re.sub(rf"^( *{key.rpartition('.')[2]}:) *[^ #]+", rf"\1 {value}", text, count=1, flags=re.MULTILINE)
    (full / "params.yaml").write_text(text)
    (full / "weights").mkdir()
    (full / f"{SAMPLE_WEIGHTS}.dvc").write_text(
        f"outs:\n- md5: {'1a' * 16}\n  path: {Path(SAMPLE_WEIGHTS).name}\n{BOUND}"
    )
    commit(full)
    return full


SAMPLE_WEIGHTS = "weights/rendered.weights.h5"
CHANGES = {
    "image_size": ("128", "224"),
    "backbone.weights": (SAMPLE_WEIGHTS, "imagenet"),
    "evaluate.near_duplicate": ("0.999", "0.87"),
}


def test_photographs_replace_the_backbone_of_the_sample(tmp_path, sample, make, photograph):
    lines_before = (sample / "params.yaml").read_text().splitlines()
    done = make(sample, class_folders(tmp_path / "source", photograph))
    assert (done.returncode, done.stderr) == (0, "")
    for key, (before, after) in CHANGES.items():
        assert f"params.yaml: {key} was {before}, is {after}\n" in done.stdout
    assert done.stdout.count("params.yaml: ") == len(CHANGES)
    assert done.stdout.endswith(
        f"Next: `git add {DVC_FILE} params.yaml`, `dvc repro`, and `git commit` when you are satisfied.\n"
    )
    lines = (sample / "params.yaml").read_text().splitlines()
    changed = [new.split("#")[0].strip() for old, new in zip(lines_before, lines, strict=True) if old != new]
    assert changed == ["image_size: 224", "weights: imagenet", "near_duplicate: 0.87"]


def test_keep_params_leaves_the_parameters(tmp_path, sample, make, photograph):
    before = (sample / "params.yaml").read_bytes()
    done = make(sample, class_folders(tmp_path / "source", photograph), "--keep-params")
    assert done.returncode == 0
    assert (sample / "params.yaml").read_bytes() == before
    assert "params.yaml" not in done.stdout


def test_a_backbone_of_ones_own_stays_unless_another_is_named(tmp_path, sample, make, photograph, commit):
    source = class_folders(tmp_path / "source", photograph)
    params = (sample / "params.yaml").read_text().replace(SAMPLE_WEIGHTS, "null")
    (sample / "params.yaml").write_text(params)
    assert "params.yaml" not in make(sample, source).stdout
    assert (sample / "params.yaml").read_text() == params
    commit(sample)
    done = make(sample, source, "--backbone", "InceptionResNetV2", "--recipe", "study")
    settings = yaml.safe_load((sample / "params.yaml").read_text())
    assert (settings["image_size"], settings["finetune"]["frozen_layers"]) == (320, [500, 300])
    assert settings["backbone"] == {"name": "InceptionResNetV2", "weights": "imagenet"}
    assert settings["train_tl"]["early_stopping"] == {"patience": 2, "min_delta": 0.001}
    assert (settings["train_tl"]["schedule"], settings["finetune"]["learning_rate"]) == ("constant", 0.00001)
    assert "finetune.learning_rate was 0.0003, is 0.00001\n" in done.stdout
    assert "evaluate.near_duplicate was not measured for InceptionResNetV2" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--backbone", "ResNet5"), "BACKBONE is ResNet5, which is not a class of keras.applications; did you mean "),
        (("--keep-params", "--recipe", "study"), "KEEP_PARAMS leaves params.yaml as it is: leave it out to set "),
    ],
)
def test_wishes_that_cannot_be_met_are_errors(tmp_path, sample, make, photograph, options, message):
    (line,) = errors(make, sample, class_folders(tmp_path / "source", photograph), *options)
    assert line.startswith(message)


def test_a_zip_file_gives_the_same_dataset_as_its_folder(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "dataset-resized", photograph)
    again = shutil.copytree(empty, tmp_path / "again")
    packed = shutil.make_archive(tmp_path / "photos", "zip", tmp_path, source.name)
    assert make(empty, source).returncode == 0
    done = make(again, packed)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The class folders are those in dataset-resized/.\n" in done.stdout
    assert contents(again / "dataset_images") == contents(empty / "dataset_images")
    assert not list((again / ".scratch").iterdir())


def test_the_study_runs_from_an_archive_as_trashnet_is_published(tmp_path, empty, make, photograph):
    labels = ["cardboard", "glass", "trash"]
    source = class_folders(tmp_path / "dataset-resized", photograph, labels)
    shutil.copy(source / "glass" / "03.png", source / "trash" / "other.png")
    (source / ".DS_Store").write_bytes(b"x")
    photograph(tmp_path / "__MACOSX" / "dataset-resized" / "glass" / "._03.png")
    packed = tmp_path / "dataset-resized.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [*source.rglob("*"), *(tmp_path / "__MACOSX").rglob("*")]:
            archive.write(path, path.relative_to(tmp_path))
    options = ("--backbone", "MobileNetV2", "--recipe", "study")
    assert errors(make, empty, packed, *options, writes={CONFLICTS})[-1] == HOW_TO_DECIDE
    header, glass, trash = (empty / CONFLICTS).read_text().splitlines()
    (empty / CONFLICTS).write_text(f"{header}\n{glass}keep\n{trash}remove\n")
    done = make(empty, packed, *options, "--decisions", CONFLICTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dataset_images/ holds 30 images: 24 train, 3 validation, 3 test" in done.stdout

    # Everything as the study, but smaller, and with random weights.
    values = {"image_size": 32, "backbone.weights": None, "train_tl.epochs": 1, "finetune.epochs": 1}
    text, _ = params_editor.edited(empty / "params.yaml", values | {"finetune.frozen_layers": [150]})
    params_editor.write(empty / "params.yaml", text)
    for stage in STAGES:
        process = run_stage(stage, empty)
        assert (process.returncode, process.stderr) == (0, ""), stage


def test_errors_in_a_zip_file_name_its_members(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    (source / "glass" / "broken.jpg").write_text("no image")
    packed = shutil.make_archive(tmp_path / "photos", "zip", source)
    assert errors(make, empty, packed) == [f"{packed}/glass/broken.jpg is not a readable image: remove or replace it."]


def test_splits_under_other_names_are_kept_and_a_missing_one_is_drawn_from_train(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(9, 1, 1))
    (source / "validation").rename(source / "Testing")
    shutil.rmtree(source / "test")
    (source / "train").rename(source / "Training")
    done = make(empty, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The source is already split: Training/ is train, Testing/ is test.\n" in done.stdout
    assert "The source has no validation split: it was drawn from train, by data.split.\n" in done.stdout
    assert "dataset_images/ holds 30 images: 24 train, 3 validation, 3 test" in done.stdout
    made, given = contents(empty / "dataset_images"), contents(source)
    assert {name: made[name] for name in made if name.startswith("test/")} == {
        name.replace("Testing", "test"): given[name] for name in given if name.startswith("Testing/")
    }
    assert sorted(made.values()) == sorted(given.values())


@pytest.mark.parametrize(
    ("counts", "drawn", "shares"),
    [
        # 21, 9 and 3 of 33 images.
        ((7, 3, 1), None, (0.636, 0.273, 0.091)),
        # As Kaggle publishes it: no validation split. Of 24 training images, a ninth is drawn for it.
        ((8, 1, 3), "validation", (0.636, 0.091, 0.273)),
    ],
)
def test_the_shares_of_a_published_split_become_the_targets(
    tmp_path, full, make, run, make_dataset, counts, drawn, shares
):
    source = make_dataset(tmp_path / "source", counts=counts)
    if drawn:
        shutil.rmtree(source / drawn)
    [*refusals] = errors(make, full, source, "--keep-params")
    assert refusals and all("add images, or change data.split or data.tolerance" in line for line in refusals)
    done = make(full, source)
    assert (done.returncode, done.stderr) == (0, "")
    split = yaml.safe_load((full / "params.yaml").read_text())["data"]["split"]
    assert split == dict(zip(("train", "validation", "test"), shares, strict=True)) and sum(shares) == 1
    for name, before, after in zip(split, ("0.8", "0.1", "0.1"), shares, strict=True):
        assert f"params.yaml: data.split.{name} was {before}, is {after}\n" in done.stdout
    # The pipeline accepts them, and so does a second run, which has nothing to change.
    run(full, "git", "commit", "--all", "--quiet", "--message", "ours")
    assert run_stage("prepare", full).returncode == 0
    again = make(full, source)
    assert again.returncode == 0 and "params.yaml:" not in again.stdout


def test_all_kinds_of_conflicts_are_decided_in_the_file_that_lists_them(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "metal" / "other.png")
    shutil.copy(source / "glass" / "04.png", source / "glass" / "copy.png")
    groups = groups_file(tmp_path / "groups.csv", [("glass/04.png", "a"), ("glass/copy.png", "b")])
    options = ("--groups", groups)
    assert len(errors(make, empty, source, *options, writes={CONFLICTS})) == 3
    listed = (empty / CONFLICTS).read_text()

    decided = tmp_path / "decided.csv"
    for name, decision in [("glass/03", "remove"), ("metal/other", "keep"), ("glass/04", "Keep "), ("glass/copy", "")]:
        listed = re.sub(rf"^({name}\.png,.*,)$", rf"\1{decision}", listed, flags=re.MULTILINE)
    decided.write_text(listed)
    assert errors(make, empty, source, *options, "--decisions", decided) == [
        f"{decided} has no decision for glass/copy.png: write keep or remove."
    ]
    decided.write_text(listed.replace("two groups,\n", "two groups,remove\n"))
    done = make(empty, source, *options, "--decisions", decided)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"2 images were left out by the decisions in {decided}.\n" in done.stdout
    assert "dataset_images/ holds 20 images" in done.stdout
    names = {path.name: path.parent.name for path in (empty / "dataset_images").rglob("*.png")}
    assert names["other.png"] == "metal"
    assert "copy.png" not in names
    assert not list((empty / "dataset_images").glob("*/glass/03.png"))


def test_an_image_in_two_splits_is_a_conflict_too(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(16, 2, 3))
    shutil.copy(source / "train" / "glass" / "03.png", source / "test" / "glass" / "02.png")
    lines = errors(make, empty, source, writes={CONFLICTS})
    copies = f"{source}/train/glass/03.png and {source}/test/glass/02.png"
    assert f"{copies} are the same image in two splits: decide in {CONFLICTS}." in lines


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("glass/3.png,{pixels},keep", "lists 'glass/3.png', which is in no conflict in SOURCE: remove the line."),
        ("glass/04.png,{pixels},keep", "lists 'glass/04.png', which is in no conflict in SOURCE: remove the line."),
        ("glass/03.png,0123,keep", "was written for another glass/03.png, whose pixels were different: run without "),
        ("glass/03.png,{pixels},yes", "has the decision 'yes' for glass/03.png: write keep or remove."),
        (
            "glass/03.png,{pixels},\nglass/03.png,{pixels},keep",
            "has no decision for glass/03.png: write keep or remove.",
        ),
    ],
)
def test_decisions_that_fit_no_conflict_are_errors(tmp_path, empty, make, photograph, line, message):
    source = class_folders(tmp_path / "source", photograph)
    shutil.copy(source / "glass" / "03.png", source / "metal" / "other.png")
    pixels = decoding.decode(source / "glass" / "03.png").digest
    decided = tmp_path / "decided.csv"
    decided.write_text("path,pixels,decision\n" + line.format(pixels=pixels) + "\n")
    (error,) = errors(make, empty, source, "--decisions", decided)
    assert error.startswith(f"{decided} {message}")


def test_decisions_may_not_empty_a_class_of_a_split(tmp_path, empty, make, make_dataset):
    source = make_dataset(tmp_path / "source", counts=(9, 1, 1))
    shutil.copy(source / "train" / "glass" / "03.png", source / "test" / "glass" / "00.png")
    params = (empty / "params.yaml").read_text().replace("tolerance: 0.02", "tolerance: 0.1")
    (empty / "params.yaml").write_text(params)
    errors(make, empty, source, writes={CONFLICTS})
    header, train, test = (empty / CONFLICTS).read_text().splitlines()
    (empty / CONFLICTS).write_text(f"{header}\n{train}keep\n{test}remove\n")
    assert errors(make, empty, source, "--decisions", CONFLICTS) == [
        f"The class glass is left without an image in test: keep one in {CONFLICTS}, or remove the class from SOURCE."
    ]


def test_decisions_so_far_are_kept_when_a_conflict_remains(tmp_path, empty, make, photograph):
    source = class_folders(tmp_path / "source", photograph)
    for number in ("03", "05"):
        shutil.copy(source / "glass" / f"{number}.png", source / "metal" / f"other {number}.png")
    errors(make, empty, source, writes={CONFLICTS})
    rows = [line for line in (empty / CONFLICTS).read_text().splitlines() if "05" not in line]
    (empty / CONFLICTS).write_text("\n".join([rows[0], f"{rows[1]}remove", f"{rows[2]}keep"]))
    done = make(empty, source, "--decisions", CONFLICTS)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == HOW_TO_DECIDE
    decisions = [line.rpartition(",")[2] for line in (empty / CONFLICTS).read_text().splitlines()]
    assert decisions == ["decision", "remove", "keep", "", ""]


def test_imported_data_become_the_teams_own(tmp_path, empty, make, run, commit, make_dataset, photograph):
    registry = tmp_path / "registry"
    make_dataset(registry / "photos", classes=("old", "older"))
    run(tmp_path, "git", "init", "--quiet", str(registry))
    for words in (("init", "--quiet"), ("add", "--quiet", "photos")):
        run(registry, "python", "-m", "dvc", *words)
    commit(registry)
    run(empty, "python", "-m", "dvc", "import", "--quiet", str(registry), "photos", "--out", "dataset_images")
    commit(empty)
    registry.rename(tmp_path / "moved")  # it need not be there

    done = make(empty, class_folders(tmp_path / "source", photograph))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{DVC_FILE} was an import from {registry}: the images are now your own data" in done.stdout
    assert set(yaml.safe_load((empty / DVC_FILE).read_text())) == {"outs"}
    run(empty, "python", "-m", "dvc", "remote", "add", "--quiet", "--default", "team", str(tmp_path / "remote"))
    run(empty, "python", "-m", "dvc", "push", "--quiet", DVC_FILE)
    assert sum(path.is_file() for path in (tmp_path / "remote").rglob("*")) == 21  # 20 images and their list


@pytest.mark.parametrize("target", ["dataset", "report", "bench"])
def test_make_passes_on_a_name_unchanged_whatever_characters_it_has(run, target):
    odd = "a `touch b` $HOME $(touch c) 'd' \"e\" ;"
    names = {
        "dataset": ("SOURCE", "GROUPS", "DECISIONS", "BACKBONE", "RECIPE"),
        "report": ("REV",),
        "bench": ("SOURCE",),
    }[target]
    options = ("--no-print-directory", "--dry-run", "--assume-old=.venv/run")
    lines = run(ROOT, "make", *options, target, *(f"{name}={odd}" for name in names)).stdout.splitlines()
    assert shlex.split(lines[-1]).count(odd) == len(names)
