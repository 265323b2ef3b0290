"""Files of the project damaged at random, other than images and parameters: results of stages, tables, archives."""

import contextlib
import io
import json
import shutil
import zipfile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from commands.dataset import archive, tables
from fuzzing import NUMBERS, damaged_files, fuzzed
from runs import ROOT
from transfer.caching import state_file
from transfer.common import arrays, dvcfile
from transfer.common.io import read_csv
from transfer.interface.errors import UserError
from transfer.loading import prepared
from transfer.models import checkpoint

METADATA = {
    "classes": ["glass", "métal"],
    "image_size": 32,
    "frozen_layers": 150,
    "dropout": 0.2,
    "batch_size": 8,
    "validation": {"accuracy": 0.5, "loss": 1.25},
    "backbone": {"name": "MobileNetV2", "channels": 1280, "arguments": {"alpha": 0.35}},
    "resize": {"fit": "squash", "antialias": False},
}
INDEX = 'split,class,path,pixels\ntrain,007,007/a b.jpg,00\nvalidation,NA,"NA/1,2.jpg",1f\ntest,é,é/""q.jpg,2f\n'
GROUPS = '\ufeffpath,group\r\nglass/1.jpg,first\r\n"metal/a, b.jpg","two\r\nlines"\r\n./paper/ü.jpg,\r\n'
# Pieces of JSON, CSV and YAML that have a meaning, alone or in a wrong place, and names in archives.
TEXTS = [
    *("{", "}", "[", "]", '"', "'", ",", ":", "\\", "\\ud800", "null", "true", "NaN", "Infinity", "-1", "1e999"),
    *("9" * 5000, "[" * 5000, "\n", "\r", "\t", "\0", "\ufeff", "#", "\x85", "../", "/", "C:\\", "__MACOSX/", "? "),
    *("!!int ''", "!!bool x", "!!python/name:os.system", "&a [*a, *a]", "<<: 1", "- ", "---\n", "2001-02-30"),
]
PIECES = [
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
    b"\xff",
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    *NUMBERS,
]


def in_memory(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def zipped(compression):
    """The bytes of an archive with files, a folder, and names with and without a stated encoding."""

    def write(file):
        with zipfile.ZipFile(file, "w", compression) as packed:
            packed.writestr("glass/1.jpg", b"one" * 30)
            packed.mkdir("metal")
            packed.writestr("metal/ä.jpg", b"")
            packed.writestr("metal\\2.jpg", bytes(range(256)))

    return in_memory(write)


def saved_state():
    values = {"epoch": 3, "history": [0.5, 0.75]}
    members = {"weights/00000": np.arange(6.0), "weights/00001": np.zeros((2, 3), np.float32)}
    return in_memory(lambda file: np.savez(file, allow_pickle=False, values=np.array(json.dumps(values)), **members))


def read_metadata(path):
    metadata = checkpoint.read_metadata(path.parent)
    assert all(isinstance(name, str) for name in metadata["classes"]) and 0 <= metadata["dropout"] < 1


def read_array(path):
    array = arrays.open_npy(path)
    assert array.dtype.kind != "O" and array.size <= path.stat().st_size
    with contextlib.suppress(UserError):
        assert arrays.open_npy(path, (None, 3)).shape[1] == 3


def read_index(path):
    assert set(prepared.COLUMNS) <= set(read_csv(path, prepared.COLUMNS).columns)


def read_groups(path):
    for row in tables.read_rows(path, "GROUPS", ("path", "group")):
        assert list(row) == ["path", "group"] and all(isinstance(cell, str) for cell in row.values())


def read_dvc_file(path):
    assert dvcfile.is_bound(path) in (True, False)
    assert isinstance(dvcfile.digest(path), str | None)
    dvcfile.binding_errors(path)
    dvcfile.release(path)
    assert not dvcfile.is_bound(path)


def extract(path):
    with archive.extracted(path) as folder:
        files = [member for member in folder.rglob("*") if not member.is_dir()]
        assert sum(member.stat().st_size for member in files) < 10_000
        assert all(member.is_file() and not member.is_symlink() for member in files)


def read_state(path):
    state = state_file.load(path)
    assert state is None or all(isinstance(array, np.ndarray) for items in state[1].values() for array in items)


# By the name of a file: valid contents, and what reads them.
READERS = {
    checkpoint.METADATA: ([json.dumps(METADATA).encode()], read_metadata),
    "train.npy": (
        [
            in_memory(lambda file, array=array: np.save(file, array))
            for array in (np.ones((4, 3), np.uint8), np.asfortranarray(np.ones((2, 3))), np.array([{}]), np.float32(1))
        ],
        read_array,
    ),
    prepared.INDEX: ([INDEX.encode()], read_index),
    "groups.csv": ([GROUPS.encode(), GROUPS.encode("utf-16")], read_groups),
    "dataset_images.dvc": (
        [(ROOT / "dataset_images.dvc").read_bytes(), b"frozen: true\ndeps:\n- path: /a\nouts:\n- md5: 1f\n  path: b\n"],
        read_dvc_file,
    ),
    "photographs.zip": (
        [zipped(kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)],
        extract,
    ),
    "state.npz": ([saved_state()], read_state),
}
OTHERS = [content for contents, _ in READERS.values() for content in contents]


@fuzzed
@given(
    case=st.sampled_from(list(READERS)).flatmap(
        lambda name: st.tuples(st.just(name), damaged_files(READERS[name][0], OTHERS, PIECES))
    )
)
def test_a_file_of_any_bytes_is_read_or_reported_in_one_sentence(tmp_path, monkeypatch, capsys, case):
    name, content = case
    # An archive is extracted below the working folder, and nowhere else.
    folder = tmp_path / "project"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / name
    path.write_bytes(content)
    try:
        READERS[name][1](path)
    except UserError as error:
        assert str(path) in str(error)
    except OSError as error:
        # `transfer.command` makes a sentence of it: a name in an archive may be too long.
        assert error.filename is not None
    path.unlink(missing_ok=True)
    printed = capsys.readouterr()
    assert printed.err in ("", f"{path} is damaged: the work that it held is done again.\n")
    assert len(printed.out.splitlines()) <= 1
    assert {other.name for other in tmp_path.iterdir()} == {"project"}
    assert {other.name for other in folder.iterdir()} <= {".scratch"} and not (folder / archive.FOLDER).exists()
