"""Whether a commit and DVC's cache can restore the dataset, before it is changed."""

import json
import sys
from pathlib import Path

from dvc.repo import Repo

from commands.dataset import groups
from commands.programs import output_of
from transfer import params_file
from transfer.common import io
from transfer.interface.errors import UserError

DVC_FILE = params_file.DATASET_FILE
DATASET = DVC_FILE.with_suffix("")


def refuse_to_lose_data(remedy: str) -> None:
    """Raises UserError if the dataset or its groups are such that no commit could restore them.

    Args:
        remedy: what to do about the dataset; ends the sentence.
    """
    if problem := _problem():
        raise UserError(f"{problem}: {remedy}")
    if groups.FILE.exists() and not is_committed(groups.FILE):
        raise UserError(
            f"{groups.FILE} is not committed, so it could not be restored: commit it or move it away first."
        )


def is_restorable() -> bool:
    """Whether the last commit and DVC's cache have the dataset as it is in the workspace."""
    return _problem() is None


def _problem() -> str | None:
    """Why the dataset could not be restored; None if it could be."""
    if DATASET.exists() and not (DVC_FILE.exists() and is_in_cache()):
        return f"{DATASET}/ holds data that {DVC_FILE} does not track"
    if DVC_FILE.exists() and not is_committed(DVC_FILE):
        return f"{DVC_FILE} is not committed, so its data could not be restored"
    return None


def is_in_cache() -> bool:
    """Whether DVC's cache holds the dataset, as it is in the workspace.

    `dvc status` would also ask whether an import is up to date, and fail where its source cannot be reached.
    """
    status = json.loads(output_of(sys.executable, "-m", "dvc", "data", "status", "--json", str(DATASET)))
    # Of a folder, DVC looks for the list of its files alone.
    return not status.keys() & {"uncommitted", "not_in_cache"} and not missing_objects()


def missing_objects() -> list[str]:
    """The images of the dataset that DVC's cache lacks, by place."""
    with Repo() as repo:
        [stage] = repo.stage.load_file(str(DVC_FILE))
        [out] = stage.outs
        listing = Path(out.cache.oid_to_path(out.hash_info.value))
        entries = io.read_json(listing) if listing.exists() else [{"relpath": ".", "md5": out.hash_info.value}]
        return [entry["relpath"] for entry in entries if not Path(out.cache.oid_to_path(entry["md5"])).exists()]


def is_committed(path: Path) -> bool:
    """Whether a file is in the last commit as it is in the workspace."""
    return not output_of("git", "status", "--porcelain", "--", str(path))
