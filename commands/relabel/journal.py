"""The journal of a run: all that it changes, written before the first change.

After a kill, the next run reads it and makes the changes that are missing. Each change may be made twice: no new path
is the path of an earlier file, so every file is moved only once.
"""

from pathlib import Path
from typing import Any

from commands.dataset.versions import DATASET, DVC_FILE
from commands.programs import dvc
from commands.relabel import groups, record
from commands.relabel.plan import Plan
from transfer.common import dvcfile, io
from transfer.interface.errors import UserError

FILE = Path(".scratch/relabel.json")
KEYS: dict[str, type | tuple[type, ...]] = {"verdicts": str, "moves": dict, "removals": list, "tables": dict}
KEYS |= {"lines": list, "finished": bool}


def begin(plan: Plan, verdicts: str, lines: list[str]) -> dict[str, Any]:
    """Write the journal of a run.

    Args:
        verdicts: a digest of the file of verdicts.
        lines: what the run prints when it ends.
    """
    tables = {str(record.FILE): plan.record.text()}
    if plan.groups or groups.FILE.exists():
        tables[str(groups.FILE)] = groups.text(plan.groups)
    journal = {
        "verdicts": verdicts,
        "moves": plan.moves,
        "removals": plan.removals,
        "tables": tables,
        "lines": lines,
        "finished": False,
        "data": None,
    }
    io.write_json(FILE, journal)
    return journal


def read() -> dict[str, Any] | None:
    """The journal of the last run; None if there is none."""
    return io.read_json(FILE, KEYS) if FILE.exists() else None


def is_applied(journal: dict[str, Any]) -> bool:
    """Whether a run has finished and everything is as it left it."""
    return (
        journal["finished"]
        and journal["data"] == dvcfile.digest(DVC_FILE)
        and all(Path(name).exists() for name in journal["tables"])
        and all(Path(name).read_text(encoding="utf-8") == text for name, text in journal["tables"].items())
    )


def finish(journal: dict[str, Any]) -> None:
    """Make all changes that are missing.

    Raises:
        UserError: an image is neither where it was nor where it moves to, because somebody has changed the dataset.
    """
    missing = [
        old for old, new in journal["moves"].items() if not (DATASET / old).exists() and not (DATASET / new).exists()
    ]
    if missing:
        raise UserError(
            f"{DATASET}/{missing[0]} is missing, so the interrupted run cannot be finished: restore the dataset with "
            f"`git checkout {DVC_FILE}` and `dvc checkout --force {DVC_FILE}`, then run again."
        )
    left = set()
    for old, new in journal["moves"].items():
        (DATASET / new).parent.mkdir(parents=True, exist_ok=True)
        if (DATASET / old).exists():
            (DATASET / old).rename(DATASET / new)
        left.add((DATASET / old).parent)
    for image in journal["removals"]:
        (DATASET / image).unlink(missing_ok=True)
        left.add((DATASET / image).parent)
    for folder in left:
        _remove_if_empty(folder)
    if journal["moves"] or journal["removals"]:
        # DVC tracks them as a team's own: bound neither to the embedded remote nor to where they were imported from.
        if origin := dvcfile.release(DVC_FILE, derived=True):
            journal["lines"].append(
                f"{DVC_FILE} was an import from {origin}: the images are now your own data, which `dvc push` sends."
            )
        dvc("add", "--quiet", str(DATASET))
    for name, text in journal["tables"].items():
        io.write_text(name, text)
    io.write_json(FILE, journal | {"finished": True, "data": dvcfile.digest(DVC_FILE)})


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder inside a class folder, and those around it, where nothing is left in it."""
    while len(folder.relative_to(DATASET).parts) > 2 and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
