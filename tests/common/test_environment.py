"""The environment: the kind of processor by its instruction sets, library versions, and a digest of code."""

from importlib.metadata import version

import pytest

from transfer.common import environment


@pytest.mark.parametrize(
    ("flags", "sets"),
    [
        ("fpu sse4_2 avx2 fma", "avx2"),
        ("avx512_bf16 avx2 avx512f avx512_vnni sse", "avx2 avx512f avx512_vnni avx512_bf16"),
        ("fpu sse4_2", ""),
    ],
)
def test_a_processor_is_named_by_the_instruction_sets_that_matter(tmp_path, monkeypatch, flags, sets):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nmodel name : A\nflags\t\t: {flags}\n\nflags : others\n")
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    assert environment.processor_kind() == f"x86_64 {sets}".strip()


def test_without_a_list_of_flags_the_architecture_is_the_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(environment.platform, "machine", lambda: "arm64")
    assert environment.processor_kind() == "arm64"
    (tmp_path / "cpuinfo").write_text("Features : fp asimd\n")
    assert environment.processor_kind() == "arm64"


def test_gpus_are_part_of_the_kind_if_tensorflow_can_use_them(tmp_path, monkeypatch):
    for number, model in enumerate(("NVIDIA A100", "NVIDIA L4", "NVIDIA A100")):
        (tmp_path / f"gpu{number}").mkdir()
        (tmp_path / f"gpu{number}" / "information").write_text(f"Model: \t {model}\nIRQ: 42\n")
    monkeypatch.setattr(environment, "GPUS", tmp_path)
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    installed = {"tensorflow": "2.21.0"}
    monkeypatch.setattr(environment, "library_versions", lambda names: installed)
    assert environment.processor_kind() == "x86_64 NVIDIA A100 NVIDIA L4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert environment.processor_kind() == "x86_64"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    installed.clear()
    assert environment.processor_kind() == "x86_64"


def test_versions_are_those_of_installed_libraries():
    assert environment.library_versions(["numpy", "no-such-library"]) == {"numpy": version("numpy")}


def test_the_digest_of_code_depends_on_each_module_of_the_rooms_but_not_on_schemas(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PACKAGE", tmp_path)
    for name in ("a/one.py", "a/params.py", "b/one.py", "c/one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    first = environment.code_digest(["a", "b"])
    (tmp_path / "a/params.py").write_text("changed")
    (tmp_path / "c/one.py").write_text("changed")
    assert environment.code_digest(["a", "b"]) == first
    (tmp_path / "b/one.py").write_text("changed")
    second = environment.code_digest(["a", "b"])
    (tmp_path / "b/one.py").rename(tmp_path / "b/two.py")
    assert len({first, second, environment.code_digest(["a", "b"])}) == 3
