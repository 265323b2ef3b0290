"""The last version of prepared/ and features/: what it has of the same images is not computed again, byte for byte."""

import hashlib
import shutil
import subprocess

import pytest
import yaml

from runs import ROOT, activated, dvc, quick_python, run, run_stage, write_params
from transfer.common import environment

pytestmark = pytest.mark.xdist_group("reuse")

# The first two stages, as far as DVC has to know them: their code is that of this repository.
PIPELINE = {
    "stages": {
        "prepare": {
            "cmd": "python -m stages.prepare",
            "deps": ["dataset_images"],
            "params": ["image_size", "resize"],
            "outs": ["prepared", "results/prepare"],
        },
        "features": {
            "cmd": "python -m stages.features",
            "deps": ["prepared"],
            "params": ["image_size", "seed", "augment", "batch_size", "features"],
            "outs": ["features", "models/backbone"],
        },
    }
}
OUTS = ("prepared", "features")
CLASSES = ("a b", "é", "null")


@pytest.fixture(scope="module")
def first(tmp_path_factory, make_dataset):
    """A project in which the stages have run on 60 images, and the folder is as DVC leaves it."""
    folder = tmp_path_factory.mktemp("reuse") / "project"
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    dvc(folder, "init", "--quiet")
    make_dataset(folder / "dataset_images", CLASSES, (16, 2, 2))
    write_params(folder)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE), encoding="utf-8")
    dvc(folder, "add", "--quiet", "dataset_images")
    reproduce(folder)
    return folder


@pytest.fixture
def project(first, tmp_path):
    """A copy of the first version, with its cache."""
    return shutil.copytree(first, tmp_path / "project", symlinks=True)


def reproduce(folder, *options):
    """Run `dvc repro`, and return the lines that it and its stages print, in their order."""
    process = subprocess.run(
        [quick_python(), "-m", "dvc", "repro", *options],
        cwd=folder,
        env=activated(quick_python()) | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout.splitlines()


def contents(folder):
    """The digest of each file in the outs of both stages."""
    files = [path for out in OUTS for path in (folder / out).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_same_as_from_scratch(folder, tmp_path):
    """A run without a last version gives the same bytes."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for name in ("dataset_images", "params.yaml"):
        (scratch / name).symlink_to(folder / name)
    for stage in ("prepare", "features"):
        assert run_stage(stage, scratch).returncode == 0
    assert contents(folder) == contents(scratch)


def taken_over(lines):
    """The numbers of the lines that say what was taken over: of images; of views taken over, of all, and computed."""
    return [
        [int(word) for word in line.replace(",", "").split() if word.isdigit()]
        for line in lines
        if "taken over from the last version" in line
    ]


def locked_files(folder, out):
    """The file in DVC's cache of each file of an out, by the digests in dvc.lock."""
    locked = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    [digest] = [item["md5"] for stage in locked.values() for item in stage["outs"] if item["path"] == out]
    cache = folder / ".dvc/cache/files/md5"
    entries = yaml.safe_load((cache / digest[:2] / digest[2:]).read_text())
    return {entry["relpath"]: cache / entry["md5"][:2] / entry["md5"][2:] for entry in entries}


def damage(path):
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def change_dataset(folder, photograph):
    """Add, remove, rename, relabel and move images: 61 remain, of which 59 were there."""
    images = folder / "dataset_images"
    photograph(images / "train/é/new.png", seed=1001)
    photograph(images / "test/null/new.png", seed=1002)
    (images / "train/é/00.png").unlink()
    (images / "train/é/01.png").rename(images / "train/é/another name #1.png")
    (images / "train/a b/02.png").rename(images / "train/null/from another class.png")
    (images / "validation/null/00.png").rename(images / "train/null/from validation.png")
    (images / "train/null/03.png").rename(images / "validation/null/from training.png")


def test_only_new_images_are_computed(project, tmp_path, photograph):
    change_dataset(project, photograph)
    dvc(project, "add", "--quiet", "dataset_images")
    # 48 training images have two views, 13 others one. A new training image lacks two views, a new test image one, and
    # the image that was in validation has only its first.
    assert taken_over(reproduce(project)) == [[59], [105, 109, 4]]
    assert_same_as_from_scratch(project, tmp_path)


def test_more_views_of_the_same_images_are_computed_alone(project, tmp_path):
    write_params(project, augment__views=3)
    assert taken_over(reproduce(project)) == [[108, 156, 48]]
    assert_same_as_from_scratch(project, tmp_path)


def test_a_version_with_other_settings_is_not_used_which_is_said(project, tmp_path):
    write_params(project, image_size=48)
    lines = reproduce(project)
    assert taken_over(lines) == []
    assert [line for line in lines if line.startswith("The last version")] == [
        "The last version of prepared/ has another image_size: every image is computed.",
        "The last version of features/ has another backbone and another image_size: every image is computed.",
    ]
    assert_same_as_from_scratch(project, tmp_path)


def test_damaged_and_missing_files_of_the_cache_are_computed_again_which_is_said_once(first, project):
    shards = {out: [path for name, path in locked_files(project, out).items() if "train/" in name] for out in OUTS}
    damage(shards["prepared"][0])
    damage(shards["features"][0])
    shards["features"][1].unlink()
    lines = reproduce(project, "--force")
    assert [line for line in lines if line.startswith("The last version")] == [
        "The last version of prepared/ is not complete: 1 of its 6 arrays are missing or damaged in DVC's cache, and "
        "their images are computed.",
        "The last version of features/ is not complete: 2 of its 6 arrays are missing or damaged in DVC's cache, and "
        "their images are computed.",
    ]
    [[images], [views, all_views, computed]] = taken_over(lines)
    assert 0 < images < 60 and 0 < views < all_views == 108 == views + computed
    assert contents(project) == contents(first)


@pytest.mark.parametrize("name", ["index.csv", "provenance.json"])
def test_a_version_without_its_record_is_not_used_which_is_said(first, project, name):
    damage(locked_files(project, "features")[name])
    lines = reproduce(project, "--force")
    assert taken_over(lines) == [[60]]
    assert sum(line.startswith("The last version of features/ has no") for line in lines) == 1
    assert contents(project) == contents(first)


def test_a_version_that_the_cache_does_not_have_is_computed(first, project):
    shutil.rmtree(project / ".dvc/cache/files")
    dvc(project, "commit", "--quiet", "dataset_images.dvc")
    assert taken_over(reproduce(project, "--force")) == []
    assert contents(project) == contents(first)


def recommit(folder, path, old, new):
    """Make it look as if the last version of an out had been computed elsewhere."""
    (folder / path).chmod(0o644)
    (folder / path).write_text((folder / path).read_text().replace(old, new))
    dvc(folder, "commit", "--force", "--quiet", "features")


def test_another_version_of_the_code_is_not_used_which_is_said(first, project):
    recommit(project, "features/provenance.json", '"code": "', '"code": "0')
    lines = reproduce(project, "--force", "features")
    assert "The last version of features/ has another version of the code: every image is computed." in lines
    assert contents(project) == contents(first)


def test_features_of_another_kind_of_processor_are_used_only_on_request(first, project, tmp_path):
    kind = environment.processor_kind()
    recommit(project, "features/index.csv", kind, "another kind")
    elsewhere = contents(project)
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    lines = reproduce(project, "--force")
    assert [line for line in lines if "another kind of processor (another kind; this one is" in line]
    assert contents(project) == contents(first)

    write_params(tmp_path / "copy", features__reuse="any")
    assert taken_over(reproduce(tmp_path / "copy")) == [[108, 108, 0]]
    assert contents(tmp_path / "copy") == elsewhere
