"""Provenance: what the rows of an out depend on besides the images. It travels with the out.

A row of the last version is taken over if the provenance is the same, so that a run from scratch gives the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from transfer.common import environment, io
from transfer.interface.errors import UserError

FILE = "provenance.json"


class Provenance(TypedDict):
    """The parameters by their names, the versions of libraries, and a digest of the code."""

    parameters: dict[str, Any]
    libraries: dict[str, str]
    code: str


def describe(parameters: dict[str, Any], libraries: Sequence[str], rooms: Sequence[str]) -> Provenance:
    """The provenance of rows that are computed now.

    Args:
        libraries: the names of the libraries that compute.
        rooms: the packages in transfer/ whose code computes.
    """
    versions, code = environment.library_versions(libraries), environment.code_digest(rooms)
    return Provenance(parameters=io.round_floats(parameters), libraries=versions, code=code)


def write(folder: Path, provenance: Provenance) -> None:
    """Write the provenance into the folder of an out."""
    io.write_json(folder / FILE, provenance)


def differences(path: Path, provenance: Provenance) -> list[str]:
    """How the provenance in a file differs: each changed parameter, each changed library, and the code, by name.

    A file that is missing or damaged differs in everything.
    """
    try:
        last = io.read_json(path, {"parameters": dict, "libraries": dict, "code": str})
    except UserError:
        return ["an unknown provenance"]
    changed = []
    for kind in ("parameters", "libraries"):
        before, now = last[kind], provenance[kind]
        changed += [f"another {name}" for name in sorted(before | now) if before.get(name) != now.get(name)]
    return changed + ["another version of the code"] * (last["code"] != provenance["code"])
