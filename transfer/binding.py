"""The one thing known about `.dvc` files: whether the data that one tracks are bound to the embedded sample's remote.

The sample comes from a DVC remote inside the repository (`remote: embedded`, `push: false`). Data of a team's own must
not stay bound to it: they would never be pushed anywhere.
"""

from pathlib import Path
from typing import Any

import yaml

from transfer import files
from transfer.faults import Fault

REMOTE = "embedded"
FOLDER = Path("sample/remote")


def faults(dvc_file: Path) -> list[str]:
    """What is wrong with the binding: a sentence for each out that has changed and is still bound to the remote."""
    found = []
    for out in _read(dvc_file).get("outs", []):
        digest = str(out.get("md5", ""))
        if _is_bound(out) and not (FOLDER / "files" / "md5" / digest[:2] / digest[2:]).exists():
            found.append(
                f"{dvc_file} is bound to the embedded sample, but its data are others and would never be pushed: "
                f"take the lines `remote: {REMOTE}` and `push: false` out of it, or use `make dataset SOURCE=folder`."
            )
    return found


def bind(dvc_file: Path) -> None:
    """Bind the data of a `.dvc` file to the embedded remote: pulled from there, and pushed nowhere."""
    content = _read(dvc_file)
    for out in content.get("outs", []):
        out.update(remote=REMOTE, push=False)
    _write(dvc_file, content)


def release(dvc_file: Path) -> None:
    """Take the binding out of a `.dvc` file, if it is there."""
    content = _read(dvc_file)
    bound = [out for out in content.get("outs", []) if _is_bound(out)]
    for out in bound:
        del out["remote"]
        out.pop("push", None)
    if bound:
        _write(dvc_file, content)


def _is_bound(out: dict[str, Any]) -> bool:
    return out.get("remote") == REMOTE


def _write(dvc_file: Path, content: dict[str, Any]) -> None:
    files.write_text(dvc_file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _read(dvc_file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(dvc_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, ValueError):  # bytes that are no text, and numbers that are none
        content = None
    outs = content.get("outs", []) if isinstance(content, dict) else None
    if not isinstance(outs, list) or not all(isinstance(out, dict) for out in outs):
        raise Fault(f"{dvc_file} is not as DVC writes it: restore it with `git checkout {dvc_file}`.")
    return dict(content)
