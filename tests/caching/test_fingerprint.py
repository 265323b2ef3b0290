"""Fingerprints: work is the same only if its parameters, inputs, code, libraries and processor are the same."""

import os
import shutil
from pathlib import Path

import pytest

from runs import ROOT, SAMPLE_PARAMS, recipe
from transfer import params_file
from transfer.caching import fingerprint
from transfer.common import environment
from transfer.engine.params import EngineParams

ROOMS = sorted(path.parent.name for path in (ROOT / "transfer").glob("*/__init__.py"))


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the library, whose code counts instead of the library's own."""
    copy = shutil.copytree(ROOT / "transfer", tmp_path / "transfer", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    "change",
    [
        lambda monkeypatch: monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3, 4, 5, 6}),
        lambda monkeypatch: monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1"),
        lambda monkeypatch: monkeypatch.setattr(
            Path, "read_text", lambda path, **options: "flags: fpu avx2 and others\n"
        ),
    ],
    ids=["cores", "threads", "processor"],
)
def test_another_processor_or_number_of_threads_changes_it(monkeypatch, change):
    # Sums differ there in their last bits: a training that changed machines halfway would give what neither gives.
    before = fingerprint.compute(recipe(), [])
    assert before == fingerprint.compute(recipe(), [])
    change(monkeypatch)
    assert fingerprint.compute(recipe(), []) != before


def test_the_engine_does_not_change_it():
    """Work that one engine has begun, another continues."""
    local = params_file.load(SAMPLE_PARAMS)
    on_ray = local.model_copy(update={"engine": EngineParams(name="ray", address="10.0.0.1:6379", shared=True)})
    assert fingerprint.compute(on_ray, []) == fingerprint.compute(local, [])
    changed = local.model_copy(update={"seed": local.seed + 1})
    assert fingerprint.compute(changed, []) != fingerprint.compute(local, [])


def test_parameters_inputs_code_and_library_versions_change_it(library, monkeypatch):
    for name in ("data", "more"):
        Path(name).mkdir()
        Path(name, "a.npy").write_bytes(b"1")
    first = fingerprint.compute(recipe(), [Path("data")])
    assert len(first) == 16 and int(first, 16)
    assert fingerprint.compute(recipe(), [Path("data")]) == first
    # The name of a folder does not count, but the paths below it do.
    assert fingerprint.compute(recipe(), [Path("more")]) == first
    others = {
        fingerprint.compute(recipe(learning_rate=0.5), [Path("data")]),
        fingerprint.compute(recipe(), [Path("data"), Path("more")]),
    }
    Path("data/a.npy").write_bytes(b"2")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    Path("data/a.npy").rename("data/b.npy")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    Path("data/below").mkdir()
    Path("data/b.npy").rename("data/below/b.npy")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    (library / "new.py").write_text("")
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    monkeypatch.setattr(environment, "library_versions", lambda names: dict.fromkeys(names, "0"))
    others.add(fingerprint.compute(recipe(), [Path("data")]))
    assert len(others | {first}) == 8


@pytest.mark.parametrize("room", ROOMS)
def test_a_changed_byte_in_any_module_of_a_room_changes_it(library, room):
    modules = sorted((library / room).rglob("*.py"))
    assert len(modules) >= 2
    before = fingerprint.compute(recipe(), [])
    for module in modules:
        content = module.read_bytes()
        module.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert fingerprint.compute(recipe(), []) != before, module
        module.write_bytes(content)
        assert fingerprint.compute(recipe(), []) == before


@pytest.mark.parametrize("name", ["command.py", "params_file.py"])
def test_a_changed_byte_in_a_module_beside_the_rooms_changes_it(library, name):
    before = fingerprint.compute(recipe(), [])
    with (library / name).open("a") as file:
        file.write("#")
    assert fingerprint.compute(recipe(), []) != before


def test_modules_of_the_same_name_are_distinguished_by_their_rooms(library):
    paths = [path.relative_to(library) for path in library.rglob("*.py")]
    pairs = [(one, other) for one in paths for other in paths if one.name == other.name and one < other]
    assert (Path("evaluation/params.py"), Path("training/params.py")) in pairs
    before = fingerprint.compute(recipe(), [])
    for one, other in pairs:
        contents = [(library / path).read_bytes() for path in (one, other)]
        (library / one).write_bytes(contents[1])
        (library / other).write_bytes(contents[0])
        assert fingerprint.compute(recipe(), []) != before, (one, other)
        (library / one).write_bytes(contents[0])
        (library / other).write_bytes(contents[1])
    assert fingerprint.compute(recipe(), []) == before


def test_a_module_that_moves_to_another_room_changes_it(library):
    before = fingerprint.compute(recipe(), [])
    (library / "evaluation/reliability.py").rename(library / "training/reliability.py")
    assert fingerprint.compute(recipe(), []) != before
