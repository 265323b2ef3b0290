"""The `.dvc` file of a dataset: whether its data are bound to the remote of the embedded sample.

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


def release(dvc_file: Path) -> None:
    """Remove the binding from a `.dvc` file, if it has one."""
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
    io.write_text(dvc_file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _read(dvc_file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(dvc_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, ValueError):  # bytes that are not text, and numbers that are not valid
        content = None
    outs = content.get("outs", []) if isinstance(content, dict) else None
    if not isinstance(outs, list) or not all(isinstance(out, dict) for out in outs):
        raise UserError(f"{dvc_file} is not a valid .dvc file: restore it with `git checkout {dvc_file}`.")
    return dict(content)
