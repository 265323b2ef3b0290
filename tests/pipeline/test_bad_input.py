"""Bad input: one clear sentence for each fault, exit status 1, no traceback, and nothing lost or left behind."""

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

from runs import ROOT, run_python, run_stage, write_params
from transfer import params_file
from transfer.caching import fingerprint
from transfer.caching import state_file
from transfer.loading import prepared

pytestmark = pytest.mark.xdist_group("project")

DATA = "dataset_images"
GLASS, OTHER = f"{DATA}/train/a b", f"{DATA}/train/é"
BACKBONE, HEAD, TUNED = "models/backbone", "models/train_tl", "models/finetune"
# The project's params.yaml with a file of weights instead of random ones
OWN_WEIGHTS = {"backbone": {"name": "MobileNetV2", "weights": "weights/own.weights.h5"}}
PREDICT = [str(ROOT / "predict.py")]
MAKE_DATASET = ["-m", "commands.dataset"]


def tree(folder):
    """Everything below a folder: what files hold, where links lead, and which folders there are."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_file() and os.access(path, os.R_OK):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = path.stat().st_mode
    return found


@pytest.fixture
def folder(project, tmp_path):
    """A copy of the folder in which all five stages have run: there is something to lose."""
    folder = shutil.copytree(project[0], tmp_path / "project")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def cut(path, end=-60):
    """Damage that leaves a file without its end."""
    return lambda folder: (folder / path).write_bytes((folder / path).read_bytes()[:end])


def written(path, content):
    """Damage that has a file hold something else."""
    content = content if isinstance(content, bytes) else content.encode()

    def damage(folder):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    return damage


def gone(*paths):
    """Damage that removes files and folders."""

    def damage(folder):
        for path in paths:
            shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()

    return damage


def instead(path):
    """Damage that puts a folder where a file was or might be."""

    def damage(folder):
        (folder / path).unlink(missing_ok=True)
        (folder / path).mkdir()

    return damage


def copied(source, target):
    def damage(folder):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / source, folder / target)

    return damage


def linked(path, target):
    return lambda folder: (folder / path).symlink_to(target)


def forbidden(path):
    def damage(folder):
        (folder / path).chmod(0)
        if os.access(folder / path, os.R_OK):
            pytest.skip("this user may read anything")

    return damage


def shaped(path, shape):
    """Damage that leaves an array of another shape, whole in itself."""
    return lambda folder: np.save(folder / path, np.zeros(shape, np.uint8))


def without(path, *keys):
    """Damage that takes a key, or one within it, out of a JSON file."""

    def damage(folder):
        content = place = json.loads((folder / path).read_text())
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        (folder / path).write_text(json.dumps(content))

    return damage


def changed(path, **values):
    """Damage that changes values of a JSON file."""

    def damage(folder):
        content = json.loads((folder / path).read_text())
        (folder / path).write_text(json.dumps(content | values))

    return damage


def params(**changes):
    return lambda folder: write_params(folder, **changes)


def replaced(old, new):
    """Damage that replaces a piece of the text of params.yaml."""

    def damage(folder):
        text = (folder / "params.yaml").read_text()
        assert old in text
        (folder / "params.yaml").write_text(text.replace(old, new, 1))

    return damage


def enormous(path):
    return lambda folder: Image.new("1", (20_000, 20_000)).save(folder / path)


def short_of_rows(folder):
    """prepared/index.csv without its last line, valid in itself."""
    lines = (folder / "prepared/index.csv").read_text().splitlines(keepends=True)
    (folder / "prepared/index.csv").write_text("".join(lines[:-1]))


def infinite(path):
    """Damage that has one value of a file of weights be no number."""

    def damage(folder):
        with h5py.File(folder / path, "r+") as file:
            first_values(file)[0] = np.nan

    return damage


def linked_out(path):
    """Damage that has a file of weights name another file, that would fit, for some of its values."""

    def damage(folder):
        copied(path, "other.h5")(folder)
        with h5py.File(folder / path, "r+") as file:
            values = first_values(file)
            place, name, parent = values.name, values.name.split("/")[-1], values.parent
            del parent[name]
            parent[name] = h5py.ExternalLink(str(folder / "other.h5"), place)

    return damage


def first_values(group):
    """The first array of numbers in an HDF5 file."""
    found = []
    group.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) and item.ndim else None)
    return found[0]


def own_weights(beside=None, damage=lambda folder: None):
    """A file of weights that fits, what stands in the JSON beside it, and what is done to it."""

    def prepare(folder):
        write_params(folder, **OWN_WEIGHTS)
        copied(f"{BACKBONE}/backbone.weights.h5", "weights/own.weights.h5")(folder)
        if beside is not None:
            (folder / "weights/own.json").write_text(beside)
        damage(folder)

    return prepare


def source(**classes):
    """Folders to make a dataset from instead of the one that is there: so many images of the project's in each."""

    def damage(folder):
        taken = iter(sorted((folder / GLASS).glob("*.png")))
        for name, count in classes.items():
            (folder / "mine" / name).mkdir(parents=True)
            for _ in range(count):
                shutil.copy(next(taken), folder / "mine" / name)
        shutil.rmtree(folder / DATA)

    return damage


def both(*damages):
    def damage(folder):
        for one in damages:
            one(folder)

    return damage


def patched(stage, statement):
    """How to run a stage in a process in which something of the machine is otherwise."""
    return ["-c", f"import runpy\n{statement}\nrunpy.run_module('stages.{stage}', run_name='__main__')"]


SMALL_DISK = "import shutil, types; shutil.disk_usage = lambda path: types.SimpleNamespace(free=1000)"


def refusing(name, error):
    """A program that has a function raise."""
    return f"""
import errno, os, sys
from transfer import files, scratch
def refuse(*words, **options):
    raise {error}
{name} = refuse
"""


FULL_DISK, FULL_QUOTA = (
    refusing("os.posix_fallocate", f"OSError(errno.{kind}, os.strerror(errno.{kind}))") for kind in ("ENOSPC", "EDQUOT")
)
LITTLE_MEMORY = refusing("scratch.array", "MemoryError")
LITTLE_FOR_TENSORFLOW = refusing(
    "scratch.array", "sys.modules['tensorflow'].errors.ResourceExhaustedError(None, None, '')"
)
READ_ONLY, FAILING = (
    refusing("files.write_json", f"OSError(errno.{kind}, os.strerror(errno.{kind}), 'metrics/prepare.json')")
    for kind in ("EACCES", "EIO")
)

# What is wrong; what does the damage; what is run; what is told
DATASET = {
    "no dataset": (gone(DATA), [f"{DATA}/ is missing: run `dvc pull {DATA}.dvc`"]),
    "a file for the dataset": (both(gone(DATA), written(DATA, "")), [f"{DATA}/ is missing"]),
    "an empty dataset": (
        both(gone(DATA), instead(DATA)),
        [f"{DATA}/{split}/ is missing: a dataset has the folders" for split in ("train", "validation", "test")],
    ),
    "missing split": (gone(f"{DATA}/test"), [f"{DATA}/test/ is missing: a dataset has the folders"]),
    "everything at once": (
        both(
            gone(f"{DATA}/test"),
            gone(f"{DATA}/validation/null"),
            *(written(f"{GLASS}/{number:02}.png", f"{number}") for number in range(14)),
            *(written(f"{OTHER}/{number:02}.png", "") for number in range(14)),
        ),
        [
            f"{DATA}/test/ is missing: a dataset has the folders",
            f"{DATA}/validation/null/ is missing, though another split has the class null: add it.",
            *(f"{GLASS}/{number:02}.png is no image that can be read" for number in range(14)),
            *(f"{OTHER}/{number:02}.png is empty" for number in range(14)),
        ],
    ),
    "misspelt split": (
        lambda folder: (folder / f"{DATA}/validation").rename(folder / f"{DATA}/val"),
        [f"{DATA}/validation/ is missing"],
    ),
    "splits without classes": (
        both(*(both(gone(f"{DATA}/{split}"), instead(f"{DATA}/{split}")) for split in ("train", "validation", "test"))),
        [f"{DATA}/ has 0 classes: two are the least."],
    ),
    "one class": (
        gone(*(f"{DATA}/{split}/{label}" for split in ("train", "validation", "test") for label in ("é", "null"))),
        [f"{DATA}/ has 1 classes: two are the least."],
    ),
    "class missing in one split": (
        gone(f"{DATA}/validation/null"),
        [
            f"{DATA}/validation/null/ is missing, though another split has the class null: add it.",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/validation/ holds 6.9% of the 58 images",
        ],
    ),
    "class in one split alone": (
        copied(f"{GLASS}/00.png", f"{DATA}/train/new/00.png"),
        [
            f"{DATA}/validation/new/ is missing",
            f"{DATA}/test/new/ is missing",
            f"{GLASS}/00.png and {DATA}/train/new/00.png are the same image",
        ],
    ),
    "empty class": (
        gone(f"{DATA}/test/é/00.png", f"{DATA}/test/é/01.png"),
        [
            f"{DATA}/test/é/ holds no image: add some, or remove the class",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/test/ holds 6.9% of the 58 images",
        ],
    ),
    "class of texts alone": (
        both(gone(f"{DATA}/test/é"), written(f"{DATA}/test/é/a.txt", "")),
        [
            f"{DATA}/test/é/ holds no image",
            f"{DATA}/train/ holds 82.8% of the 58 images",
            f"{DATA}/test/ holds 6.9% of the 58 images",
        ],
    ),
    "wrong shares": (
        gone(*(f"{DATA}/train/{label}/{number:02}.png" for label in ("a b", "é", "null") for number in range(8))),
        [
            f"{DATA}/train/ holds 66.7% of the 36 images, more than 2.0% from its 80%: split anew",
            f"{DATA}/validation/ holds 16.7% of the 36 images",
            f"{DATA}/test/ holds 16.7% of the 36 images",
        ],
    ),
    "truncated": (cut(f"{GLASS}/03.png"), [f"{GLASS}/03.png is broken (...): remove or replace it."]),
    "zero bytes": (written(f"{GLASS}/03.png", ""), [f"{GLASS}/03.png is empty: remove or replace it."]),
    "text named .jpg": (written(f"{GLASS}/x.jpg", "hello"), [f"{GLASS}/x.jpg is no image that can be read"]),
    "folder named .jpg": (
        instead(f"{GLASS}/x.jpg"),
        [f"{GLASS}/x.jpg is a folder, but has the name of an image: rename or remove it."],
    ),
    "link to nowhere": (
        linked(f"{GLASS}/x.jpg", "gone.jpg"),
        [f"{GLASS}/x.jpg is a link to a file that does not exist: remove or replace it."],
    ),
    "link to itself": (linked(f"{GLASS}/x.jpg", "x.jpg"), [f"{GLASS}/x.jpg is a link to a file that does not exist"]),
    "pipe": (lambda folder: os.mkfifo(folder / GLASS / "x.jpg"), [f"{GLASS}/x.jpg is no ordinary file"]),
    "a name that is no text": (
        lambda folder: (folder / GLASS / "00.png").rename(folder / GLASS / os.fsdecode(b"\xff.png")),
        [r"/train/a b/\udcff.png' has a character in its name that no table can hold: rename it."],
    ),
    "a name of two lines": (
        lambda folder: (folder / GLASS / "00.png").rename(folder / GLASS / "0\n0.png"),
        [r"/train/a b/0\n0.png' has a character in its name that no table can hold: rename it."],
    ),
    "a file that may not be read": (
        forbidden(f"{GLASS}/03.png"),
        [f"{GLASS}/03.png may not be read: change its permissions."],
    ),
    "a class that may not be read": (
        forbidden(GLASS),
        [f"{GLASS} may not be read or written (Permission denied): change its permissions"],
    ),
    "enormous": (enormous(f"{GLASS}/03.png"), [f"{GLASS}/03.png has more than 89 million pixels: make it smaller."]),
    "from a phone": (written(f"{GLASS}/x.HEIC", "x"), [f"{GLASS}/x.HEIC is in HEIC format...convert it to JPEG."]),
    "in train and test": (
        both(gone(f"{DATA}/test/a b/00.png"), copied(f"{GLASS}/03.png", f"{DATA}/test/a b/00.png")),
        [f"{GLASS}/03.png and {DATA}/test/a b/00.png are the same image: keep one."],
    ),
    "in two classes": (
        both(gone(f"{OTHER}/00.png"), copied(f"{GLASS}/03.png", f"{OTHER}/00.png")),
        [f"{GLASS}/03.png and {OTHER}/00.png are the same image: keep one."],
    ),
    "all at once": (
        both(
            gone(f"{DATA}/validation/null"),
            cut(f"{GLASS}/03.png"),
            written(f"{OTHER}/04.png", ""),
            copied(f"{GLASS}/05.png", f"{DATA}/test/é/x.png"),
            linked(f"{OTHER}/x.jpg", "gone"),
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
    "bound to the sample": (
        written(f"{DATA}.dvc", f"outs:\n- md5: 0000.dir\n  path: {DATA}\n  remote: embedded\n  push: false\n"),
        [f"{DATA}.dvc is bound to the embedded sample, but its data are others"],
    ),
    "a .dvc file that is no YAML": (
        written(f"{DATA}.dvc", "outs: ["),
        [f"{DATA}.dvc is not as DVC writes it: restore it with `git checkout {DATA}.dvc`."],
    ),
    "a .dvc file without its outs": (
        written(f"{DATA}.dvc", "outs:\n"),
        [f"{DATA}.dvc is not as DVC writes it: restore it with `git checkout {DATA}.dvc`."],
    ),
    "a .dvc file of another shape": (
        written(f"{DATA}.dvc", f"outs: [{DATA}]\n"),
        [f"{DATA}.dvc is not as DVC writes it: restore it with `git checkout {DATA}.dvc`."],
    ),
    "a .dvc file that is no text": (
        written(f"{DATA}.dvc", b"\x89PNG\r\n\xff"),
        [f"{DATA}.dvc is not as DVC writes it: restore it with `git checkout {DATA}.dvc`."],
    ),
    "a file for prepared/": (both(gone("prepared"), written("prepared", "")), ["prepared is in the way"]),
    "a folder for a metric": (
        instead("metrics/prepare.json"),
        ["metrics/prepare.json is in the way (Is a directory): move it elsewhere"],
    ),
}

PARAMETERS = {
    "no params.yaml": (gone("params.yaml"), ["params.yaml is missing: restore it with `git checkout params.yaml`."]),
    "a folder": (instead("params.yaml"), ["params.yaml cannot be read (Is a directory): restore it"]),
    "empty": (written("params.yaml", ""), ["params.yaml: the file is null; allowed: the keys seed, image_size,"]),
    "a list": (written("params.yaml", "- seed\n"), ["params.yaml: the file is ['seed']; allowed: the keys seed,"]),
    "no YAML": (written("params.yaml", "seed: [1"), ["params.yaml is not valid YAML: "]),
    "no text": (written("params.yaml", b"\x89PNG\r\n\xff"), ["params.yaml is not valid YAML: "]),
    "a tag that runs a program": (
        replaced("seed: 1", "seed: !!python/object/apply:os.system ['touch ran']"),
        ["params.yaml is not valid YAML: could not determine a constructor"],
    ),
    "a tag that does not fit": (replaced("seed: 1", "seed: !!int ''"), ["params.yaml is not valid YAML: "]),
    "a million values in nine lines": (
        replaced(
            "seed: 1",
            "bomb: [&a [x, x, x, x, x, x, x, x, x, x], "
            + ", ".join(
                f"&{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
            )
            + "]\nseed: *i",
        ),
        ["params.yaml: seed is [[", "params.yaml: bomb is no parameter"],
    ),
    "a key twice": (replaced("seed: 1", "seed: 1\nseed: 2"), ["not valid YAML: the key seed stands twice"]),
    "an unknown key": (
        replaced("batch_size:", "bach_size:"),
        ["batch_size is missing", "bach_size is no parameter; did you mean batch_size?"],
    ),
    "a section for a value": (params(seed={"value": 1}), ["params.yaml: seed is {'value': 1}; allowed: a whole"]),
    "a value for a section": (params(train_tl=3), ["train_tl is 3; allowed: a section with epochs, learning_rate"]),
    "text for a number": (params(batch_size="64"), ["batch_size is '64'; allowed: a whole number from 1 to 8192."]),
    "yes for a number": (params(seed=True), ["seed is true; allowed: a whole number from 0 to 4294967295."]),
    "a number of many digits": (
        replaced("seed: 1", f"seed: 0x{'f' * 5000}"),
        ["seed is a number of more than 40 digits; allowed: a whole number"],
    ),
    "no number": (params(train_tl__learning_rate=float("nan")), ["train_tl.learning_rate is nan; allowed: a number"]),
    "infinite": (params(finetune__weight_decay=float("inf")), ["finetune.weight_decay is inf; allowed: a number of"]),
    "too small a picture": (params(image_size=31), ["image_size is 31; allowed: a whole number of pixels from 32"]),
    "no images in a batch": (params(batch_size=0), ["batch_size is 0; allowed: a whole number from 1 to 8192."]),
    "shares of 110 %": (
        params(data__split={"train": 0.8, "validation": 0.2, "test": 0.1}),
        ["data.split adds up to 1.1; its three shares must add up to 1."],
    ),
    "an unknown backbone": (
        params(backbone__name="MobileNetv2"),
        ["backbone.name is 'MobileNetv2'...(did you mean MobileNetV2?)"],
    ),
    "weights from elsewhere": (
        params(backbone__weights="../own.h5"),
        ["backbone.weights is '../own.h5'; allowed: imagenet, null, or a .h5 file in weights/."],
    ),
    "two keys": (
        params(train_tl__learning_rate=-1, finetune__epoch=3),
        [
            "train_tl.learning_rate is -1; allowed: a number above 0",
            "finetune.epoch is no parameter; did you mean epochs?",
        ],
    ),
}

STAGES = {
    # Files that a stage reads before it imports TensorFlow
    "no index": (gone("prepared/index.csv"), "features", ["prepared/index.csv is missing: run `dvc repro`"]),
    "an empty index": (written("prepared/index.csv", ""), "features", ["prepared/index.csv is not a valid table"]),
    "an index of other columns": (
        written("prepared/index.csv", "split,path\ntrain,a.png\n"),
        "train_tl",
        ["prepared/index.csv is not a valid table (no column class): make it anew with `dvc repro`."],
    ),
    "an index that ends early": (
        short_of_rows,
        "evaluate",
        ["prepared/test.npy cannot be read (its shape is (6, 32, 32, 3)): make it anew with `dvc repro`."],
    ),
    "truncated images": (cut("prepared/train.npy"), "finetune", ["prepared/train.npy cannot be read ("]),
    "no images": (gone("prepared/validation.npy"), "train_tl", ["prepared/validation.npy is missing: run `dvc repro`"]),
    "a gallery of a class that is not there": (
        params(evaluate__gallery_class="gold"),
        "evaluate",
        ["evaluate.gallery_class is 'gold'; allowed: worst, or one of the classes a b, null, é"],
    ),
    # Weights
    "missing weights": (
        params(**OWN_WEIGHTS),
        "features",
        ["weights/own.weights.h5 is missing: `dvc pull weights/own.weights.h5`, or put the file there"],
    ),
    "a text for weights": (
        own_weights(damage=written("weights/own.weights.h5", "404 Not Found")),
        "features",
        ["weights/own.weights.h5 does not fit MobileNetV2: give its constructor arguments in a JSON beside it"],
    ),
    "truncated weights": (
        own_weights(damage=cut("weights/own.weights.h5", 100_000)),
        "features",
        ["weights/own.weights.h5 does not fit MobileNetV2...truncated file"],
    ),
    "weights of another width": (
        own_weights('{"arguments": {"alpha": 0.35}}'),
        "features",
        ["weights/own.weights.h5 does not fit MobileNetV2"],
    ),
    "a JSON beside weights that is none": (
        own_weights("{"),
        "features",
        ["weights/own.json is not valid JSON (Expecting property name"],
    ),
    "a JSON beside weights with an own argument": (
        own_weights('{"arguments": {"include_top": true}}'),
        "features",
        ["weights/own.json: the argument include_top is set by the pipeline; remove it."],
    ),
    "a JSON beside weights with a wrong argument": (
        own_weights('{"arguments": {"alpha": "wide"}}'),
        "features",
        ["MobileNetV2 cannot be built at image_size 32 with {'alpha': 'wide'}: "],
    ),
    "a JSON beside weights of another backbone": (
        own_weights('{"backbone": "Xception"}'),
        "features",
        ["weights/own.weights.h5 holds weights of Xception, but backbone.name in params.yaml is MobileNetV2"],
    ),
    "a backbone that needs larger pictures": (
        params(backbone={"name": "Xception", "weights": None}),
        "features",
        ["Xception cannot be built at image_size 32 with no arguments"],
    ),
    "more frozen layers than there are": (
        params(finetune__frozen_layers=[900]),
        "features",
        ["finetune.frozen_layers has 900, but the backbone has 154 layers; allowed: 0 to 153."],
    ),
    "weights that are no numbers": (
        own_weights(damage=infinite("weights/own.weights.h5")),
        "features",
        ["weights/own.weights.h5 does not fit MobileNetV2...has values that are no numbers)"],
    ),
    "weights that lie in another file": (
        own_weights(damage=linked_out("weights/own.weights.h5")),
        "features",
        ["weights/own.weights.h5 does not fit MobileNetV2"],
    ),
    # Checkpoints, features and metrics
    "no backbone": (gone(BACKBONE), "train_tl", ["models/backbone/backbone.json is missing: run `dvc repro`"]),
    "a backbone that Keras does not have": (
        changed(f"{BACKBONE}/backbone.json", name="MobileNetV9"),
        "train_tl",
        ["models/backbone/backbone.json names MobileNetV9, which Keras does not have: run `dvc repro`."],
    ),
    "truncated features": (
        cut("features/train.npy"),
        "train_tl",
        ["features/train.npy cannot be read (...): make it anew with `dvc repro`."],
    ),
    "features of fewer images": (
        shaped("features/validation.npy", (5, 1, 1280)),
        "train_tl",
        ["features/validation.npy cannot be read (its shape is (5, 1, 1280)): make it anew"],
    ),
    "a truncated backbone": (
        cut(f"{BACKBONE}/backbone.weights.h5", 100_000),
        "finetune",
        ["models/backbone/backbone.weights.h5 cannot be used: make it anew with `dvc repro` ("],
    ),
    "no head": (gone(f"{HEAD}/model.json"), "finetune", ["models/train_tl/model.json is missing: run `dvc repro`"]),
    "a truncated head": (
        cut(f"{HEAD}/trained.weights.h5", 1000),
        "finetune",
        ["models/train_tl/trained.weights.h5 cannot be used: make it anew with `dvc repro` ("],
    ),
    "a head that drops more than there is": (
        changed(f"{HEAD}/model.json", dropout=2),
        "finetune",
        ["models/train_tl/model.json: dropout has a value that no training writes: restore the file or make it anew"],
    ),
    "a head of other classes": (
        changed(f"{HEAD}/model.json", classes=["a b", "gold", "é"]),
        "finetune",
        ["models/train_tl/ was trained on the classes a b, gold, é, and the dataset has a b, null, é: run"],
    ),
    "a head of another backbone": (
        changed(f"{BACKBONE}/backbone.json", weights="weights/other.h5"),
        "finetune",
        ["models/train_tl/ was trained on another backbone than the one in models/backbone/: run `dvc repro`."],
    ),
    "a disk too small for the activations": (
        both(),
        patched("finetune", SMALL_DISK),
        [
            "keeping the activations of...and 0.0 MB are free: free some, or lower augment.views (0",
        ],
    ),
    "a full disk": (both(), patched("features", FULL_DISK), ["No space is left on the disk of"]),
    "a full quota": (both(), patched("features", FULL_QUOTA), ["No space is left on the disk of"]),
    "a disk too small for the features": (
        both(),
        patched("features", SMALL_DISK),
        ["keeping the features of every view needs...and 0.0 MB are free: free some, or lower augment.views."],
    ),
    "too little memory": (
        both(),
        patched("features", LITTLE_MEMORY),
        ["There is not enough memory: lower batch_size or image_size in params.yaml."],
    ),
    "too little memory for TensorFlow": (
        both(),
        patched("features", LITTLE_FOR_TENSORFLOW),
        ["There is not enough memory: lower batch_size or image_size in params.yaml."],
    ),
    "a disk that fails": (
        both(),
        patched("prepare", FAILING),
        ["metrics/prepare.json cannot be read or written (Input/output error): check it and its disk, then run"],
    ),
    "a tuned model whose description is half there": (
        without(f"{TUNED}/model.json", "backbone"),
        "evaluate",
        ["models/finetune/model.json has no backbone.channels that can be used: restore it or make it anew"],
    ),
    "broken metrics": (cut("metrics/finetune.json"), "evaluate", ["metrics/finetune.json is not valid JSON ("]),
    "metrics of something else": (
        without("metrics/finetune.json", "kept", "validation"),
        "evaluate",
        ["metrics/finetune.json has no kept.validation.accuracy that can be used"],
    ),
    "metrics that may not be written": (
        both(),
        patched("prepare", READ_ONLY),
        ["metrics/prepare.json may not be read or written (Permission denied): change its permissions"],
    ),
}

COMMANDS = {
    "nothing of that name to predict": (both(), [*PREDICT, "gone.jpg"], ["gone.jpg does not exist: check its name."]),
    "a folder without photographs": (
        instead("empty"),
        [*PREDICT, "empty"],
        ["empty holds no image: name a folder of photographs, or the photographs themselves."],
    ),
    "a source that does not exist": (
        both(),
        [*MAKE_DATASET, "mine"],
        ["mine is no folder: SOURCE is a folder of class"],
    ),
    "a source that is a file": (written("mine", ""), [*MAKE_DATASET, "mine"], ["mine is no folder"]),
    "a source inside the dataset": (both(), [*MAKE_DATASET, f"{DATA}/train"], [f"{DATA}/train is {DATA}/ itself, or"]),
    "a source that holds the dataset": (both(), [*MAKE_DATASET, "."], [f". is {DATA}/ itself, or holds it"]),
    "data that no commit would bring back": (
        instead("mine"),
        [*MAKE_DATASET, "mine"],
        [f"{DATA}/ holds data that {DATA}.dvc does not have: commit it"],
    ),
    "a source without classes": (
        source(),
        [*MAKE_DATASET, "mine"],
        ["mine is no folder: SOURCE is a folder of class folders."],
    ),
    "a source of one class": (
        source(a=3),
        [*MAKE_DATASET, "mine"],
        ["mine/ has 1 class folders: a folder for each of at least two classes is needed."],
    ),
    "a source of two small classes": (
        source(a=2, b=1, c=5),
        [*MAKE_DATASET, "mine"],
        ["The class a has 2 different images: 3 are the least", "The class b has 1 different images: 3 are the least"],
    ),
    "a source with broken files": (
        both(source(a=5, b=5), cut("mine/a/00.png"), linked("mine/b/x.jpg", "gone"), instead("mine/c")),
        [*MAKE_DATASET, "mine"],
        ["mine/c/ holds no image", "mine/a/00.png is broken", "mine/b/x.jpg is a link to a file that does not exist"],
    ),
    "a split source with a link to nowhere": (
        both(
            lambda folder: (folder / DATA).rename(folder / "mine"),
            linked("mine/train/é/x.jpg", "gone"),
            gone("mine/test/null"),
        ),
        [*MAKE_DATASET, "mine"],
        [
            "mine/test/null/ is missing",
            "mine/train/ holds 83.1% of the 59 images",
            "mine/test/ holds 6.8% of the 59 images",
            "mine/train/é/x.jpg is a link to a file that does not exist",
        ],
    ),
}

CASES = {f"dataset: {name}": (damage, "prepare", told) for name, (damage, told) in DATASET.items()}
CASES |= {f"params: {name}": (damage, "features", told) for name, (damage, told) in PARAMETERS.items()}
CASES |= {f"stage: {name}": case for name, case in STAGES.items()}
CASES |= {f"command: {name}": case for name, case in COMMANDS.items()}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_and_nothing_is_lost(case, folder):
    damage, asked, told = CASES[case]
    damage(folder)
    before = tree(folder)
    done = run_stage(asked, folder) if isinstance(asked, str) else run_python(folder, *asked)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    # A line for each fault, and no fault but those expected
    lines = done.stderr.splitlines()
    assert len(lines) == len(told), done.stderr
    for line, sentence in zip(lines, told, strict=True):
        for piece in sentence.split("..."):
            assert piece in line
    assert tree(folder) == before


def whole(path):
    """A state as it is written, but of another training: it has neither the epochs nor the weights of this one."""
    state_file.save(path, {"stopping": {"patience": 1}}, {"model": [np.zeros(3)], "optimizer": []})


def half(path):
    path.write_bytes(b"PK\x03\x04")


def kept(stage, inputs, *names, write=half):
    """Damage that leaves what a killed process of a stage would have kept for the next one, but not as it should be."""

    def damage(folder, monkeypatch):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", [str(ROOT / "stages" / f"{stage}.py")])
        own = Path(".scratch", f"{stage}-{fingerprint.compute(params_file.load(), [prepared.FOLDER, *map(Path, inputs)])}")
        for name in names:
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            write(own / name)

    return damage


NO_BFLOAT16 = "from transfer import runtime; runtime.has_bfloat16 = lambda: False"
# What is left from before or asked for; what is run; what is said
GOES_ON = {
    "a damaged training": (
        kept("train_tl", ["features", BACKBONE], "training.npz"),
        "train_tl",
        ["training.npz is damaged: what it had kept is done again."],
    ),
    "a training that does not fit": (
        kept("train_tl", ["features", BACKBONE], "training.npz", write=whole),
        "train_tl",
        ["training.npz is damaged: what it had kept is done again."],
    ),
    "damaged features": (
        kept("features", [BACKBONE], "arrays/train.npy", "train.done"),
        "features",
        ["arrays/train.npy is damaged: what it had kept is done again."],
    ),
    "damaged activations and a damaged round": (
        kept("finetune", [BACKBONE, HEAD], "prefix-1/train-0.npy", "prefix-1/validation.done", "round-1.npz"),
        "finetune",
        ["round-1.npz is damaged: what it had", "prefix-1/train-0.npy is damaged: what it had kept is done again."],
    ),
    "no bfloat16": (
        lambda folder, monkeypatch: write_params(folder, precision="bfloat16"),
        patched("features", NO_BFLOAT16),
        ["This processor has no bfloat16 arithmetic: float32 is used."],
    ),
}


@pytest.mark.parametrize("case", GOES_ON)
def test_what_need_not_stop_a_stage_is_a_line_and_the_results_are_the_same(case, folder, monkeypatch):
    prepare, asked, told = GOES_ON[case]
    before = tree(folder)
    prepare(folder, monkeypatch)
    done = run_stage(asked, folder) if isinstance(asked, str) else run_python(folder, *asked)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(told), done.stderr
    for line, sentence in zip(lines, told, strict=True):
        assert sentence in line
    after = tree(folder)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"params.yaml"}
