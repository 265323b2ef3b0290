"""Bad input: one clear sentence for each error, exit status 1, no traceback, and nothing lost or left behind."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from runs import ROOT, run_forked, write_params
from runs import run as run_program
from transfer import params_file
from transfer.caching import fingerprint, state_file
from transfer.loading import prepared

pytestmark = pytest.mark.xdist_group("project")

DATA = "dataset_images"
GLASS, OTHER = f"{DATA}/train/a b", f"{DATA}/train/é"
FINETUNE_METRICS = "results/finetune/metrics/finetune.json"
BACKBONE, HEAD, TUNED = "models/backbone", "models/train_tl", "models/finetune"
# The project's params.yaml with a weight file instead of random weights.
WEIGHT_FILE = {"backbone": {"name": "MobileNetV2", "weights": "weights/custom.weights.h5"}}
PREDICT = [str(ROOT / "predict.py")]
MAKE_DATASET = ["-m", "commands.dataset"]


def tree(folder):
    """Everything below a folder: the digest of each file, the target of each link, the mode of each folder."""
    entries = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            entries[name] = path.readlink()
        elif path.is_file() and os.access(path, os.R_OK):
            entries[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            entries[name] = path.stat().st_mode
    return entries


@pytest.fixture
def folder(project, tmp_path, request):
    """A copy of the folder in which all stages have run: there is something to lose."""
    folder = shutil.copytree(project[0], tmp_path / "project")
    # Commands refuse a folder that is in no Git repository before they look at anything else.
    if "[command: " in request.node.name:
        run_program(folder, "git", "init", "--quiet")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


# Damages: functions that take the folder of a project and damage something in it.


def truncated(path, end=-60):
    """A file loses its end."""
    return lambda folder: (folder / path).write_bytes((folder / path).read_bytes()[:end])


def with_content(path, content):
    """A file holds something else."""
    content = content if isinstance(content, bytes) else content.encode()

    def damage(folder):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    return damage


def removed(*paths):
    """Files and folders are missing."""

    def damage(folder):
        for path in paths:
            shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()

    return damage


def folder_instead_of(path):
    """A folder stands where a file is or might be."""

    def damage(folder):
        (folder / path).unlink(missing_ok=True)
        (folder / path).mkdir()

    return damage


def with_copy(source, target):
    def damage(folder):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / source, folder / target)

    return damage


def with_link(path, target):
    return lambda folder: (folder / path).symlink_to(target)


def without_line(path, beginning):
    """A table lacks the first row that begins so."""

    def damage(folder):
        lines = (folder / path).read_text().splitlines(keepends=True)
        lines.remove(next(line for line in lines if line.startswith(beginning)))
        (folder / path).write_text("".join(lines))

    return damage


def unreadable(path):
    def damage(folder):
        (folder / path).chmod(0)
        if os.access(folder / path, os.R_OK):
            pytest.skip("this user may read every file")

    return damage


def reshaped(path, shape):
    """An array has another shape, but is complete in itself."""
    return lambda folder: np.save(folder / path, np.zeros(shape, np.uint8))


def without_key(path, *keys):
    """A JSON file lacks a key, or a key within it."""

    def damage(folder):
        content = place = json.loads((folder / path).read_text())
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        (folder / path).write_text(json.dumps(content))

    return damage


def with_values(path, **values):
    """A JSON file has other values."""

    def damage(folder):
        content = json.loads((folder / path).read_text())
        (folder / path).write_text(json.dumps(content | values))

    return damage


def with_parameters(**changes):
    return lambda folder: write_params(folder, **changes)


def with_replacement(old, new):
    """The text of params.yaml has `new` in place of `old`."""

    def damage(folder):
        text = (folder / "params.yaml").read_text()
        assert old in text
        (folder / "params.yaml").write_text(text.replace(old, new, 1))

    return damage


def with_enormous_image(path):
    return lambda folder: Image.new("1", (20_000, 20_000)).save(folder / path)


def without_last_row(folder):
    """prepared/index.csv lacks its last line, and is a valid table."""
    lines = (folder / "prepared/index.csv").read_text().splitlines(keepends=True)
    (folder / "prepared/index.csv").write_text("".join(lines[:-1]))


def with_a_nan(path):
    """A weight file has one value that is not a number."""

    def damage(folder):
        with h5py.File(folder / path, "r+") as file:
            first_array(file)[0] = np.nan

    return damage


def with_external_link(path):
    """A weight file refers to another file, which fits, for some of its values."""

    def damage(folder):
        with_copy(path, "other.h5")(folder)
        with h5py.File(folder / path, "r+") as file:
            array = first_array(file)
            place, name, parent = array.name, array.name.split("/")[-1], array.parent
            del parent[name]
            parent[name] = h5py.ExternalLink(str(folder / "other.h5"), place)

    return damage


def first_array(group):
    """The first array of an HDF5 file."""
    arrays = []
    group.visititems(lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) and item.ndim else None)
    return arrays[0]


def custom_weights(beside=None, damage=lambda folder: None):
    """The backbone has a weight file that fits, with `beside` as the JSON file beside it; then it is damaged."""

    def prepare(folder):
        write_params(folder, **WEIGHT_FILE)
        with_copy(f"{BACKBONE}/backbone.weights.h5", "weights/custom.weights.h5")(folder)
        if beside is not None:
            (folder / "weights/custom.json").write_text(beside)
        damage(folder)

    return prepare


def source_of(**classes):
    """There is no dataset, but a folder to make one from, with so many of the project's images in each class."""

    def damage(folder):
        images = iter(sorted((folder / GLASS).glob("*.png")))
        for name, count in classes.items():
            (folder / "mine" / name).mkdir(parents=True)
            for _ in range(count):
                shutil.copy(next(images), folder / "mine" / name)
        shutil.rmtree(folder / DATA)

    return damage


def all_of(*damages):
    def damage(folder):
        for one in damages:
            one(folder)

    return damage


unharmed = all_of()


def patched(stage, statements):
    """The command that runs a stage after these statements, which change something about the machine."""
    return ["-c", f"import runpy\n{statements}\nrunpy.run_module('stages.{stage}', run_name='__main__')"]


SMALL_DISK = "import shutil, types; shutil.disk_usage = lambda path: types.SimpleNamespace(free=1000)"


def refusing(name, error):
    """Statements after which a function raises an error."""
    return f"""
import errno, os, sys
from transfer.common import io
from transfer.loading import shards
def refuse(*arguments, **options):
    raise {error}
{name} = refuse
"""


FULL_DISK, FULL_QUOTA = (
    refusing("os.posix_fallocate", f"OSError(errno.{kind}, os.strerror(errno.{kind}))") for kind in ("ENOSPC", "EDQUOT")
)
LITTLE_MEMORY = refusing("shards.create_shards", "MemoryError")
LITTLE_FOR_TENSORFLOW = refusing(
    "shards.create_shards", "sys.modules['tensorflow'].errors.ResourceExhaustedError(None, None, '')"
)
READ_ONLY, FAILING = (
    refusing("io.write_json", f"OSError(errno.{kind}, os.strerror(errno.{kind}), 'metrics/prepare.json')")
    for kind in ("EACCES", "EIO")
)

# The tables of cases: by the name of an error, its damage, the stage or command that runs, and the sentences it prints.
# In a sentence, `...` stands for any text.
DATASET = {
    "missing dataset": (removed(DATA), [f"{DATA}/ is missing: run `dvc pull {DATA}.dvc`"]),
    "file instead of the dataset": (all_of(removed(DATA), with_content(DATA, "")), [f"{DATA}/ is missing"]),
    "empty dataset": (
        all_of(removed(DATA), folder_instead_of(DATA)),
        [f"{DATA}/{split}/ is missing: a dataset has the folders" for split in prepared.SPLITS],
    ),
    "missing split": (removed(f"{DATA}/test"), [f"{DATA}/test/ is missing: a dataset has the folders"]),
    "dozens of errors at once": (
        all_of(
            removed(f"{DATA}/test"),
            removed(f"{DATA}/validation/null"),
            *(with_content(f"{GLASS}/{number:02}.png", f"{number}") for number in range(14)),
            *(with_content(f"{OTHER}/{number:02}.png", "") for number in range(14)),
        ),
        [
            f"{DATA}/test/ is missing: a dataset has the folders",
            f"{DATA}/validation/null/ is missing, but another split has the class null: add the folder.",
            *(f"{GLASS}/{number:02}.png is not a readable image: remove or replace it." for number in range(14)),
            *(f"{OTHER}/{number:02}.png is empty" for number in range(14)),
        ],
    ),
    "misspelt name of a split": (
        lambda folder: (folder / f"{DATA}/validation").rename(folder / f"{DATA}/val"),
        [
            f"{DATA}/validation/ is missing",
            f"6 images lie in no class folder, and are skipped, such as {DATA}/val/a b/",
        ],
    ),
    "splits without classes": (
        all_of(
            removed(*(f"{DATA}/{split}" for split in prepared.SPLITS)),
            *(folder_instead_of(f"{DATA}/{split}") for split in prepared.SPLITS),
        ),
        [f"{DATA}/ has no class: at least two are needed."],
    ),
    "only one class": (
        removed(*(f"{DATA}/{split}/{label}" for split in prepared.SPLITS for label in ("é", "null"))),
        [f"{DATA}/ has one class: at least two are needed."],
    ),
    "class missing from one split": (
        removed(f"{DATA}/validation/null"),
        [
            f"{DATA}/validation/null/ is missing, but another split has the class null: add the folder.",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/validation/ holds 6.9% of the 58 images",
        ],
    ),
    "class in only one split": (
        with_copy(f"{GLASS}/00.png", f"{DATA}/train/new/00.png"),
        [
            f"{DATA}/validation/new/ is missing",
            f"{DATA}/test/new/ is missing",
            f"{GLASS}/00.png and {DATA}/train/new/00.png are the same image",
        ],
    ),
    "empty class": (
        removed(f"{DATA}/test/é/00.png", f"{DATA}/test/é/01.png"),
        [
            f"{DATA}/test/é/ has no image: add some, or remove the class from all three splits.",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/test/ holds 6.9% of the 58 images",
        ],
    ),
    "class with only text files": (
        all_of(removed(f"{DATA}/test/é"), with_content(f"{DATA}/test/é/a.txt", "")),
        [
            f"{DATA}/test/é/ has no image",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/test/ holds 6.9% of the 58 images",
        ],
    ),
    "wrong shares": (
        removed(*(f"{DATA}/train/{label}/{number:02}.png" for label in ("a b", "é", "null") for number in range(8))),
        [
            f"{DATA}/train/ holds 66.7% of the 36 images, more than 2.0% from its target of 80%: split the images",
            f"{DATA}/validation/ holds 16.7% of the 36 images",
            f"{DATA}/test/ holds 16.7% of the 36 images",
        ],
    ),
    "truncated image": (truncated(f"{GLASS}/03.png"), [f"{GLASS}/03.png is broken (...): remove or replace it."]),
    "empty image": (with_content(f"{GLASS}/03.png", ""), [f"{GLASS}/03.png is empty: remove or replace it."]),
    "text file with the suffix .jpg": (
        with_content(f"{GLASS}/x.jpg", "hello"),
        [f"{GLASS}/x.jpg is not a readable image: remove or replace it."],
    ),
    "folder with the suffix .jpg": (
        folder_instead_of(f"{GLASS}/x.jpg"),
        [f"{GLASS}/x.jpg is a folder, but has the name of an image: rename or remove it."],
    ),
    "dangling link": (
        with_link(f"{GLASS}/x.jpg", "gone.jpg"),
        [f"{GLASS}/x.jpg is a link to a file that does not exist: remove or replace it."],
    ),
    "link to itself": (
        with_link(f"{GLASS}/x.jpg", "x.jpg"),
        [f"{GLASS}/x.jpg is a link to a file that does not exist"],
    ),
    "named pipe": (lambda folder: os.mkfifo(folder / GLASS / "x.jpg"), [f"{GLASS}/x.jpg is not an ordinary file"]),
    "file name that is not text": (
        lambda folder: (folder / GLASS / "00.png").rename(folder / GLASS / os.fsdecode(b"\xff.png")),
        [r"/train/a b/\udcff.png' has a character in its name that a table cannot hold: rename it."],
    ),
    "file name with a line break": (
        lambda folder: (folder / GLASS / "00.png").rename(folder / GLASS / "0\n0.png"),
        [r"/train/a b/0\n0.png' has a character in its name that a table cannot hold: rename it."],
    ),
    "image without read permission": (
        unreadable(f"{GLASS}/03.png"),
        [f"{GLASS}/03.png may not be read: change its permissions."],
    ),
    "class without read permission": (
        unreadable(GLASS),
        [f"{GLASS} may not be read or written (Permission denied): change its permissions"],
    ),
    "enormous image": (
        with_enormous_image(f"{GLASS}/03.png"),
        [f"{GLASS}/03.png has more than 89 million pixels: make it smaller."],
    ),
    "text file with the suffix .HEIC": (
        with_content(f"{GLASS}/x.HEIC", "x"),
        [f"{GLASS}/x.HEIC is not a readable image: remove or replace it."],
    ),
    "image of a format that is not read": (
        with_content(f"{GLASS}/x.jpg", b"\xff\x0a\xfa\x1f"),
        [f"{GLASS}/x.jpg is a JPEG XL image, a format that is not read: convert it to JPEG or PNG."],
    ),
    "link instead of a class": (
        lambda folder: ((folder / GLASS).rename(folder / "elsewhere"), (folder / GLASS).symlink_to("../../elsewhere")),
        [
            f"{GLASS} is a link to a folder, and DVC does not follow it: copy the folder there.",
            f"{DATA}/train/ holds 72.7% of the 44 images",
            f"{DATA}/validation/ holds 13.6% of the 44 images",
            f"{DATA}/test/ holds 13.6% of the 44 images",
            f"1 link to a folder is not followed, because DVC does not follow links to folders, namely {GLASS}: copy",
        ],
    ),
    "same image in train and test": (
        all_of(removed(f"{DATA}/test/a b/00.png"), with_copy(f"{GLASS}/03.png", f"{DATA}/test/a b/00.png")),
        [f"{GLASS}/03.png and {DATA}/test/a b/00.png are the same image: keep one."],
    ),
    "same image in two classes": (
        all_of(removed(f"{OTHER}/00.png"), with_copy(f"{GLASS}/03.png", f"{OTHER}/00.png")),
        [f"{GLASS}/03.png and {OTHER}/00.png are the same image: keep one."],
    ),
    "several errors at once": (
        all_of(
            removed(f"{DATA}/validation/null"),
            truncated(f"{GLASS}/03.png"),
            with_content(f"{OTHER}/04.png", ""),
            with_copy(f"{GLASS}/05.png", f"{DATA}/test/é/x.png"),
            with_link(f"{OTHER}/x.jpg", "gone"),
        ),
        [
            f"{DATA}/validation/null/ is missing",
            f"{DATA}/validation/ holds 6.7% of the 60 images",
            f"{GLASS}/03.png is broken",
            f"{OTHER}/04.png is empty",
            f"{OTHER}/x.jpg is a link",
            f"{GLASS}/05.png and {DATA}/test/é/x.png are the same image",
        ],
    ),
    "dataset still bound to the sample": (
        with_content(f"{DATA}.dvc", f"outs:\n- md5: 0000.dir\n  path: {DATA}\n  remote: embedded\n  push: false\n"),
        [f"{DATA}.dvc is bound to the embedded sample, but its data have changed and would never be pushed"],
    ),
    ".dvc file that is not YAML": (
        with_content(f"{DATA}.dvc", "outs: ["),
        [f"{DATA}.dvc is not a valid .dvc file: restore it with `git checkout {DATA}.dvc`."],
    ),
    ".dvc file without outs": (
        with_content(f"{DATA}.dvc", "outs:\n"),
        [f"{DATA}.dvc is not a valid .dvc file: restore it with `git checkout {DATA}.dvc`."],
    ),
    ".dvc file with outs of another type": (
        with_content(f"{DATA}.dvc", f"outs: [{DATA}]\n"),
        [f"{DATA}.dvc is not a valid .dvc file: restore it with `git checkout {DATA}.dvc`."],
    ),
    ".dvc file that is not text": (
        with_content(f"{DATA}.dvc", b"\x89PNG\r\n\xff"),
        [f"{DATA}.dvc is not a valid .dvc file: restore it with `git checkout {DATA}.dvc`."],
    ),
    "file instead of prepared/": (
        all_of(removed("prepared"), with_content("prepared", "")),
        ["prepared is in the way"],
    ),
    "folder instead of a metrics file": (
        folder_instead_of("results/prepare/metrics/prepare.json"),
        ["results/prepare/metrics/prepare.json is in the way (Is a directory): move it elsewhere"],
    ),
}

PARAMETERS = {
    "missing params.yaml": (
        removed("params.yaml"),
        ["params.yaml is missing: restore it with `git checkout params.yaml`."],
    ),
    "folder": (folder_instead_of("params.yaml"), ["params.yaml cannot be read (Is a directory): restore it"]),
    "empty file": (
        with_content("params.yaml", ""),
        ["params.yaml: the file is null; allowed: the keys seed, image_size,"],
    ),
    "list": (with_content("params.yaml", "- seed\n"), ["params.yaml: the file is ['seed']; allowed: the keys seed,"]),
    "not YAML": (with_content("params.yaml", "seed: [1"), ["params.yaml is not valid YAML: "]),
    "not text": (with_content("params.yaml", b"\x89PNG\r\n\xff"), ["params.yaml is not valid YAML: "]),
    "tag that runs a program": (
        with_replacement("seed: 1", "seed: !!python/object/apply:os.system ['touch ran']"),
        ["params.yaml is not valid YAML: could not determine a constructor"],
    ),
    "tag that does not fit its value": (
        with_replacement("seed: 1", "seed: !!int ''"),
        ["params.yaml is not valid YAML: "],
    ),
    "millions of values in nine aliases": (
        with_replacement(
            "seed: 1",
            "bomb: [&a [x, x, x, x, x, x, x, x, x, x], "
            + ", ".join(
                f"&{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
            )
            + "]\nseed: *i",
        ),
        ["params.yaml is not valid YAML: it has 81 aliases, more than 20: write the values out"],
    ),
    "duplicate key": (with_replacement("seed: 1", "seed: 1\nseed: 2"), ['not valid YAML: found duplicate key "seed"']),
    "unknown key": (
        with_replacement("batch_size:", "bach_size:"),
        ["batch_size is missing", "bach_size is not a parameter; did you mean batch_size?"],
    ),
    "section instead of a value": (
        with_parameters(seed={"value": 1}),
        ["params.yaml: seed is {'value': 1}; allowed: a whole"],
    ),
    "value instead of a section": (
        with_parameters(train_tl=3),
        ["train_tl is 3; allowed: a section with epochs, learning_rate"],
    ),
    "text instead of a number": (
        with_parameters(batch_size="64"),
        ["batch_size is '64'; allowed: a whole number from 1 to 8192."],
    ),
    "boolean instead of a number": (
        with_parameters(seed=True),
        ["seed is true; allowed: a whole number from 0 to 4294967295."],
    ),
    "number with thousands of digits": (
        with_replacement("seed: 1", f"seed: 0x{'f' * 5000}"),
        ["seed is a number of more than 40 digits; allowed: a whole number"],
    ),
    "not a number": (
        with_parameters(train_tl__learning_rate=float("nan")),
        ["train_tl.learning_rate is nan; allowed: a number"],
    ),
    "infinite number": (
        with_parameters(finetune__weight_decay=float("inf")),
        ["finetune.weight_decay is inf; allowed: a number of"],
    ),
    "image size too small": (
        with_parameters(image_size=31),
        ["image_size is 31; allowed: a whole number of pixels from 32"],
    ),
    "batch size of zero": (with_parameters(batch_size=0), ["batch_size is 0; allowed: a whole number from 1 to 8192."]),
    "shares that add up to 110 %": (
        with_parameters(data__split={"train": 0.8, "validation": 0.2, "test": 0.1}),
        ["data.split adds up to 1.1; its three shares must add up to 1."],
    ),
    "unknown backbone": (
        with_parameters(backbone__name="MobileNetv2"),
        ["backbone.name is 'MobileNetv2'...(did you mean MobileNetV2?)"],
    ),
    "weights outside of weights/": (
        with_parameters(backbone__weights="../custom.h5"),
        ["backbone.weights is '../custom.h5'; allowed: imagenet, null, or a .h5 file in weights/."],
    ),
    "two errors at once": (
        with_parameters(train_tl__learning_rate=-1, finetune__epoch=3),
        [
            "train_tl.learning_rate is -1; allowed: a number above 0",
            "finetune.epoch is not a parameter; did you mean epochs?",
        ],
    ),
}

STAGES = {
    # Files that a stage reads before it imports TensorFlow
    "missing index": (removed("prepared/index.csv"), "features", ["prepared/index.csv is missing: run `dvc repro`"]),
    "empty index": (with_content("prepared/index.csv", ""), "features", ["prepared/index.csv is not a valid table"]),
    "index with other columns": (
        with_content("prepared/index.csv", "split,path\ntrain,a.png\n"),
        "train_tl",
        ["prepared/index.csv is not a valid table (no column class): make it again with `dvc repro`."],
    ),
    "index without its last row": (
        without_last_row,
        "evaluate",
        ["prepared/test/0.npy cannot be read (it has 18560 bytes in place of 15488): make it again with `dvc repro`."],
    ),
    "truncated images": (
        truncated("prepared/train/2.npy"),
        "finetune",
        ["prepared/train/2.npy cannot be read (it has"],
    ),
    "images of another run": (
        with_copy("prepared/train/2.npy", "prepared/train/02.npy"),
        "train_tl",
        ["prepared/train/02.npy is not one of the files that belong there: remove prepared/train, and run"],
    ),
    "missing images": (
        removed("prepared/validation/0.npy"),
        "train_tl",
        ["prepared/validation/0.npy is missing: run `dvc repro`"],
    ),
    "groups of an image that does not exist": (
        with_content("dataset_groups.csv", "path,group\ntrain/é/#.png,1\ntrain/é/00.png,\n"),
        "cross_validate",
        [
            "dataset_groups.csv lists train/é/#.png, which is not in dataset_images/: correct the path, or remove the",
            "dataset_groups.csv has no group for train/é/00.png: name one, or remove the line.",
        ],
    ),
    "text instead of groups": (
        with_content("dataset_groups.csv", "404 Not Found"),
        "cross_validate",
        ["dataset_groups.csv is not a valid table (no column path): its columns must be path and group."],
    ),
    "training without a best epoch": (
        without_key("results/train_tl/metrics/train_tl.json", "best_epoch"),
        "cross_validate",
        ["results/train_tl/metrics/train_tl.json has no usable value for best_epoch: restore it, or make it"],
    ),
    "truncated features of cross-validation": (
        truncated("features/train/0.npy"),
        "cross_validate",
        ["features/train/0.npy cannot be read ("],
    ),
    "missing cross-validation": (
        removed("results/cross_validate/metrics/cross_validation.json"),
        "evaluate",
        ["results/cross_validate/metrics/cross_validation.json is missing: run `dvc repro`"],
    ),
    "missing probabilities of cross-validation": (
        removed("results/cross_validate/probabilities.npy"),
        "evaluate",
        ["results/cross_validate/probabilities.npy is missing: run `dvc repro`"],
    ),
    "truncated probabilities of cross-validation": (
        truncated("results/cross_validate/probabilities.npy"),
        "evaluate",
        ["results/cross_validate/probabilities.npy cannot be read ("],
    ),
    "gallery of an unknown class": (
        with_parameters(evaluate__gallery_class="gold"),
        "evaluate",
        ["evaluate.gallery_class is 'gold'; allowed: worst, or one of the classes a b, null, é"],
    ),
    # Weights
    "missing weights": (
        with_parameters(**WEIGHT_FILE),
        "features",
        [
            "weights/custom.weights.h5 is missing: run `dvc pull weights/custom.weights.h5`, put the file there, or "
            "change"
        ],
    ),
    "text instead of weights": (
        custom_weights(damage=with_content("weights/custom.weights.h5", "404 Not Found")),
        "features",
        ["weights/custom.weights.h5 does not fit MobileNetV2: give its constructor arguments in a JSON file beside it"],
    ),
    "truncated weights": (
        custom_weights(damage=truncated("weights/custom.weights.h5", 100_000)),
        "features",
        ["weights/custom.weights.h5 does not fit MobileNetV2...truncated file"],
    ),
    "weights of another width": (
        custom_weights('{"arguments": {"alpha": 0.35}}'),
        "features",
        ["weights/custom.weights.h5 does not fit MobileNetV2"],
    ),
    "broken JSON file beside weights": (
        custom_weights("{"),
        "features",
        ["weights/custom.json is not valid JSON (Expecting property name"],
    ),
    "reserved argument beside weights": (
        custom_weights('{"arguments": {"include_top": true}}'),
        "features",
        ["weights/custom.json: the pipeline sets the argument include_top itself; remove it."],
    ),
    "wrong argument beside weights": (
        custom_weights('{"arguments": {"alpha": "wide"}}'),
        "features",
        ["MobileNetV2 cannot be built at image_size 32 with {'alpha': 'wide'}: "],
    ),
    "weights of another backbone": (
        custom_weights('{"backbone": "Xception"}'),
        "features",
        ["weights/custom.weights.h5 holds weights of Xception, but backbone.name in params.yaml is MobileNetV2"],
    ),
    "backbone that needs larger images": (
        with_parameters(backbone={"name": "Xception", "weights": None}),
        "features",
        ["Xception cannot be built at image_size 32 with no arguments"],
    ),
    "more frozen layers than there are layers": (
        with_parameters(finetune__frozen_layers=[900]),
        "features",
        ["finetune.frozen_layers has 900, but the backbone has 154 layers; allowed: 0 to 153."],
    ),
    "weights with a nan": (
        custom_weights(damage=with_a_nan("weights/custom.weights.h5")),
        "features",
        ["weights/custom.weights.h5 does not fit MobileNetV2...has values that are not finite numbers)"],
    ),
    "weights that refer to another file": (
        custom_weights(damage=with_external_link("weights/custom.weights.h5")),
        "features",
        ["weights/custom.weights.h5 does not fit MobileNetV2"],
    ),
    # Checkpoints, features and metrics
    "missing backbone": (removed(BACKBONE), "train_tl", ["models/backbone/backbone.json is missing: run `dvc repro`"]),
    "backbone that Keras does not have": (
        with_values(f"{BACKBONE}/backbone.json", name="MobileNetV9"),
        "train_tl",
        ["models/backbone/backbone.json names MobileNetV9, which Keras does not have: run `dvc repro`."],
    ),
    "a number of orientations that no parameter allows": (
        with_values(f"{BACKBONE}/backbone.json", views=3),
        "train_tl",
        ["models/backbone/backbone.json has 3 views; allowed: 1, 2, 4 or 8: run `dvc repro`."],
    ),
    "truncated features": (
        truncated("features/train/1.npy"),
        "train_tl",
        ["features/train/1.npy cannot be read (it has...bytes in place of...): make it again with `dvc repro`."],
    ),
    "features of fewer images": (
        without_line("features/index.csv", "validation,"),
        "train_tl",
        ["features/ and prepared/ have different images: run `dvc repro`."],
    ),
    "features of other channels": (
        reshaped("features/validation/0.npy", (6, 1, 1279)),
        "train_tl",
        ["features/validation/0.npy cannot be read (its shape is (6, 1, 1279)): make it again"],
    ),
    "truncated backbone": (
        truncated(f"{BACKBONE}/backbone.weights.h5", 100_000),
        "finetune",
        ["models/backbone/backbone.weights.h5 cannot be used: make it again with `dvc repro` ("],
    ),
    "missing head": (
        removed(f"{HEAD}/model.json"),
        "finetune",
        ["models/train_tl/model.json is missing: run `dvc repro`"],
    ),
    "truncated head": (
        truncated(f"{HEAD}/trained.weights.h5", 1000),
        "finetune",
        ["models/train_tl/trained.weights.h5 cannot be used: make it again with `dvc repro` ("],
    ),
    "head with a dropout of 2": (
        with_values(f"{HEAD}/model.json", dropout=2),
        "finetune",
        ["models/train_tl/model.json: dropout has a value that no training writes: restore the file, or make it again"],
    ),
    "head for other classes": (
        with_values(f"{HEAD}/model.json", classes=["a b", "gold", "é"]),
        "finetune",
        ["models/train_tl/ was trained on the classes a b, gold, é, but the dataset has a b, null, é: run"],
    ),
    "head for another backbone": (
        with_values(f"{BACKBONE}/backbone.json", weights="weights/other.h5"),
        "finetune",
        ["models/train_tl/ was trained on another backbone than the one in models/backbone/: run `dvc repro`."],
    ),
    "disk too small for the activations": (
        unharmed,
        patched("finetune", SMALL_DISK),
        [
            "keeping the activations of...but 0.0 MB are free: free some space, or lower augment.views (0",
        ],
    ),
    "full disk": (
        unharmed,
        patched("features", FULL_DISK),
        ["The disk of...is full: free some space, then run again."],
    ),
    "full quota": (
        unharmed,
        patched("features", FULL_QUOTA),
        ["The disk of...is full: free some space, then run again."],
    ),
    "disk too small for the features": (
        unharmed,
        patched("features", SMALL_DISK),
        ["keeping the features of every view needs...but 0.0 MB are free: free some space, or lower augment.views."],
    ),
    "not enough memory": (
        unharmed,
        patched("features", LITTLE_MEMORY),
        ["There is not enough memory: lower batch_size or image_size in params.yaml."],
    ),
    "not enough memory for TensorFlow": (
        unharmed,
        patched("features", LITTLE_FOR_TENSORFLOW),
        ["There is not enough memory: lower batch_size or image_size in params.yaml."],
    ),
    "failing disk": (
        unharmed,
        patched("prepare", FAILING),
        ["metrics/prepare.json cannot be read or written (Input/output error): check it and its disk, then run"],
    ),
    "fine-tuned model with incomplete metadata": (
        without_key(f"{TUNED}/model.json", "backbone"),
        "evaluate",
        ["models/finetune/model.json has no usable value for backbone.channels: restore it, or make it again"],
    ),
    "broken metrics": (truncated(FINETUNE_METRICS), "evaluate", [f"{FINETUNE_METRICS} is not valid JSON ("]),
    "metrics without a required key": (
        without_key(FINETUNE_METRICS, "kept", "validation"),
        "evaluate",
        [f"{FINETUNE_METRICS} has no usable value for kept.validation.accuracy"],
    ),
    "metrics without write permission": (
        unharmed,
        patched("prepare", READ_ONLY),
        ["metrics/prepare.json may not be read or written (Permission denied): change its permissions"],
    ),
}

COMMANDS = {
    "prediction for a missing file": (unharmed, [*PREDICT, "gone.jpg"], ["gone.jpg does not exist: check its name."]),
    "prediction for a folder without images": (
        folder_instead_of("empty"),
        [*PREDICT, "empty"],
        ["empty has no image: name a folder of photographs, or the photographs themselves."],
    ),
    "missing source": (
        unharmed,
        [*MAKE_DATASET, "mine"],
        ["mine is missing: SOURCE must be a folder of class folders, or a zip file of one."],
    ),
    "file as source": (
        with_content("mine", ""),
        [*MAKE_DATASET, "mine"],
        [
            "mine is neither a folder nor a whole zip file: SOURCE must be a folder of class folders, or a zip file of "
            "one."
        ],
    ),
    "source inside the dataset": (
        unharmed,
        [*MAKE_DATASET, f"{DATA}/train"],
        [f"{DATA}/train overlaps with {DATA}/: SOURCE must be a folder elsewhere."],
    ),
    "source around the dataset": (
        unharmed,
        [*MAKE_DATASET, "."],
        [f". overlaps with {DATA}/: SOURCE must be a folder elsewhere."],
    ),
    "dataset that is not committed": (
        folder_instead_of("mine"),
        [*MAKE_DATASET, "mine"],
        [f"{DATA}/ holds data that {DATA}.dvc does not track: commit the data"],
    ),
    "source without classes": (
        source_of(),
        [*MAKE_DATASET, "mine"],
        ["mine is missing: SOURCE must be a folder of class folders, or a zip file of one."],
    ),
    "source with one class": (
        source_of(a=3),
        [*MAKE_DATASET, "mine"],
        ["mine/ has one class folder: at least two are needed, one for each class."],
    ),
    "source with two small classes": (
        source_of(a=2, b=1, c=5),
        [*MAKE_DATASET, "mine"],
        [
            "The class a has 2 different images: at least 3 are needed, one for each split.",
            "The class b has 1 different images: at least 3 are needed, one for each split.",
        ],
    ),
    "source with broken files": (
        all_of(
            source_of(a=5, b=5),
            truncated("mine/a/00.png"),
            with_link("mine/b/x.jpg", "gone"),
            folder_instead_of("mine/c"),
        ),
        [*MAKE_DATASET, "mine"],
        [
            "mine/c/ has no image: add some, or remove the folder.",
            "mine/a/00.png is broken",
            "mine/b/x.jpg is a link to a file that does not exist",
        ],
    ),
    "source of a format that is not read": (
        all_of(source_of(a=5), with_content("mine/b/1.ppm", "P1 1 1 0"), with_content("mine/c.jxl", b"\xff\x0a")),
        [*MAKE_DATASET, "mine"],
        [
            "mine/b/ has no image: add some, or remove the folder.",
            "1 file holds a JPEG XL image, a format that is not read, namely mine/c.jxl: convert it to JPEG or PNG.",
            "1 file holds a PPM, PGM or PBM image, a format that is not read, namely mine/b/1.ppm: convert it to",
        ],
    ),
    "split source with a dangling link": (
        all_of(
            lambda folder: (folder / DATA).rename(folder / "mine"),
            with_link("mine/train/é/x.jpg", "gone"),
            removed("mine/test/null"),
        ),
        [*MAKE_DATASET, "--keep-params", "mine"],
        [
            "mine/test/null/ is missing",
            "mine/train/ holds 83.1% of the 59 images",
            "mine/test/ holds 6.8% of the 59 images",
            "mine/train/é/x.jpg is a link to a file that does not exist",
        ],
    ),
}

CASES = {f"dataset: {name}": (damage, "prepare", sentences) for name, (damage, sentences) in DATASET.items()}
CASES |= {f"params: {name}": (damage, "features", sentences) for name, (damage, sentences) in PARAMETERS.items()}
CASES |= {f"stage: {name}": case for name, case in STAGES.items()}
CASES |= {f"command: {name}": case for name, case in COMMANDS.items()}


def run(program, folder):
    """Run a stage, or the arguments of `python`."""
    return run_forked(folder, *(["-m", f"stages.{program}"] if isinstance(program, str) else program))


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_reported_and_nothing_is_lost(case, folder):
    damage, program, sentences = CASES[case]
    damage(folder)
    before = tree(folder)
    done = run(program, folder)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    # One line for each error, and no other errors.
    lines = done.stderr.splitlines()
    assert len(lines) == len(sentences), done.stderr
    for line, sentence in zip(lines, sentences, strict=True):
        for piece in sentence.split("..."):
            assert piece in line
    assert tree(folder) == before


def broken_archive(path):
    path.write_bytes(b"PK\x03\x04")


def state_of_another_training(path):
    """A complete state that has neither the epochs nor the weights of this training."""
    state_file.save(path, {"stopping": {"patience": 1}}, {"model": [np.zeros(3)], "optimizer": []})


def left_behind(stage, inputs, *names, write=broken_archive):
    """A damage: a killed process of the stage has left its progress files, but they are not as they should be."""

    def damage(folder, monkeypatch):
        monkeypatch.chdir(folder)
        # The script is part of the fingerprint.
        monkeypatch.setattr(sys, "argv", [str(ROOT / "stages" / f"{stage}.py")])
        work = fingerprint.compute(params_file.load(), [prepared.FOLDER, *map(Path, inputs)])
        for name in names:
            path = Path(".scratch", f"{stage}-{work}", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)

    return damage


WITHOUT_BFLOAT16 = "from transfer.models import tensorflow; tensorflow.has_bfloat16 = lambda: False"
DAMAGED = "is damaged: the work that it held is done again."
# By the name of an oddity, its damage, the stage that runs nevertheless, and the sentences it prints.
ODDITIES = {
    "damaged state of a training": (
        left_behind("train_tl", ["features", BACKBONE], "training.npz"),
        "train_tl",
        [f"training.npz {DAMAGED}"],
    ),
    "state of another training": (
        left_behind("train_tl", ["features", BACKBONE], "training.npz", write=state_of_another_training),
        "train_tl",
        [f"training.npz {DAMAGED}"],
    ),
    "damaged features": (
        left_behind("features", [BACKBONE], "features/train/0.npy", "done"),
        "features",
        [],
    ),
    "damaged activations and a damaged round": (
        left_behind(
            *("finetune", [BACKBONE, HEAD]),
            *("activations-1/train-0.npy", "activations-1/done", "round-1.npz"),
        ),
        "finetune",
        ["round-1.npz is damaged: the work", f"activations-1/train-0.npy {DAMAGED}"],
    ),
    "processor without bfloat16": (
        lambda folder, monkeypatch: write_params(folder, precision="bfloat16"),
        patched("features", WITHOUT_BFLOAT16),
        ["This processor has no bfloat16 arithmetic: float32 is used."],
    ),
}


@pytest.mark.parametrize("case", ODDITIES)
def test_an_oddity_is_reported_and_the_results_are_the_same(case, folder, monkeypatch):
    damage, program, sentences = ODDITIES[case]
    before = tree(folder)
    damage(folder, monkeypatch)
    done = run(program, folder)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(sentences), done.stderr
    for line, sentence in zip(lines, sentences, strict=True):
        assert sentence in line
    after = tree(folder)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"params.yaml"}
