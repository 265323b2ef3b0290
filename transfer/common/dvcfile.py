"""The `.dvc` file of a dataset: whether its data are bound to the remote of the embedded sample, or to an import.

The sample comes from a DVC remote inside the repository (`remote: embedded`, `push: false`). A team's own data must not
stay bound to it, because `dvc push` would then never send them anywhere.
"""

from pathlib import Path
from typing import Any

import yaml

from transfer.common import io
from transfer.interface.errors import UserError

REMOTE = "embedded"
REMOTE_FOLDER = Path("sample/remote")
# DVC keeps this mark on an out: its images are those of the sample, with other labels.
DERIVED_FROM, SAMPLE = "derived_from", "the embedded sample"


def binding_errors(dvc_file: Path) -> list[str]:
    """A sentence for each out that has changed and is still bound to the embedded remote."""
    errors = []
    for out in _read(dvc_file).get("outs", []):
        digest = str(out.get("md5", ""))
        if _is_bound(out) and not (REMOTE_FOLDER / "files" / "md5" / digest[:2] / digest[2:]).exists():
            errors.append(
                f"{dvc_file} is bound to the embedded sample, but its data have changed and would never be pushed: "
                f"remove the lines `remote: {REMOTE}` and `push: false` from it, or use `make dataset SOURCE=folder`."
            )
    return errors


def bind(dvc_file: Path) -> None:
    """Bind the data of a `.dvc` file to the embedded remote: they are pulled from there, and never pushed."""
    content = _read(dvc_file)
    for out in content.get("outs", []):
        out.update(remote=REMOTE, push=False)
    _write(dvc_file, content)


def release(dvc_file: Path, *, derived: bool = False) -> str | None:
    """Make the data of a `.dvc` file a team's own, so that `dvc add` tracks them and `dvc push` sends them.

    Removes the binding to the embedded remote from the file. Data that were imported (`dvc import`, `dvc import-url`)
    would stay bound to where they came from: of an import, the whole file is removed.

    Args:
        derived: whether the data were made from what the file names now. If that is the sample, they are marked.

    Returns:
        where the data were imported from; None if they were not.
    """
    content = _read(dvc_file)
    if "deps" in content or "frozen" in content:
        dvc_file.unlink()
        return _origin(content)
    of_sample = [out for out in content.get("outs", []) if _is_bound(out) or _is_derived(out)]
    for out in of_sample:
        if out.pop("remote", None):
            out.pop("push", None)
        meta = {key: value for key, value in out.pop("meta", {}).items() if key != DERIVED_FROM}
        if derived:
            meta[DERIVED_FROM] = SAMPLE
        if meta:
            out["meta"] = meta
    if of_sample:
        _write(dvc_file, content)
    return None


def is_bound(dvc_file: Path) -> bool:
    """Whether the data of a `.dvc` file are those of the embedded sample; False if there is no such file."""
    return any(_is_bound(out) for out in _read(dvc_file).get("outs", []))


def is_of_sample(dvc_file: Path) -> bool:
    """Whether the data of a `.dvc` file are those of the embedded sample, perhaps with other labels."""
    return any(_is_bound(out) or _is_derived(out) for out in _read(dvc_file).get("outs", []))


def digest(dvc_file: Path) -> str | None:
    """The checksum of the data of a `.dvc` file, which names their version; None if it states none."""
    checksums = [out["md5"] for out in _read(dvc_file).get("outs", []) if isinstance(out.get("md5"), str)]
    return checksums[0] if checksums else None


def _origin(content: dict[str, Any]) -> str:
    """Where the data of an import came from: an address, or the repository that they were imported from."""
    deps = content.get("deps")
    source = deps[0] if isinstance(deps, list) and deps and isinstance(deps[0], dict) else {}
    repository = source.get("repo")
    return str((repository if isinstance(repository, dict) else {}).get("url") or source.get("path") or "elsewhere")


def _is_bound(out: dict[str, Any]) -> bool:
    return out.get("remote") == REMOTE


def _is_derived(out: dict[str, Any]) -> bool:
    meta = out.get("meta")
    return isinstance(meta, dict) and meta.get(DERIVED_FROM) == SAMPLE


def _write(dvc_file: Path, content: dict[str, Any]) -> None:
    io.write_text(dvc_file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _read(dvc_file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(dvc_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, MemoryError):
        raise
    except Exception:  # bytes that are not text; the parser raises almost anything if a value does not fit its tag
        content = None
    outs = content.get("outs", []) if isinstance(content, dict) else None
    if not isinstance(outs, list) or not all(isinstance(out, dict) for out in outs):
        raise UserError(f"{dvc_file} is not a valid .dvc file: restore it with `git checkout {dvc_file}`.")
    return dict(content)
