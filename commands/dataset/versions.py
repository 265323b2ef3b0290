"""Whether a commit and DVC's cache can restore the dataset, before it is changed."""

import json
import sys
from pathlib import Path

from commands.programs import output_of
from transfer import params_file
from transfer.interface.errors import UserError

DVC_FILE = params_file.DATASET_FILE
DATASET = DVC_FILE.with_suffix("")


def refuse_to_lose_data(remedy: str) -> None:
    """Raises UserError if dataset_images/ holds data that no commit could restore.

    Args:
        remedy: what to do about it; ends the sentence.
    """
    if problem := _problem():
        raise UserError(f"{problem}: {remedy}")


def is_restorable() -> bool:
    """Whether the last commit and DVC's cache have the dataset as it is in the workspace."""
    return _problem() is None


def _problem() -> str | None:
    """Why the dataset could not be restored; None if it could be."""
    if DATASET.exists() and not (DVC_FILE.exists() and is_in_cache(DATASET)):
        return f"{DATASET}/ holds data that {DVC_FILE} does not track"
    if DVC_FILE.exists() and not is_committed(DVC_FILE):
        return f"{DVC_FILE} is not committed, so its data could not be restored"
    return None


def is_in_cache(tracked: Path) -> bool:
    """Whether DVC's cache holds a file or folder that DVC tracks, as it is in the workspace.

    `dvc status` would also ask whether an import is up to date, and fail where its source cannot be reached.
    """
    status = json.loads(output_of(sys.executable, "-m", "dvc", "data", "status", "--json", str(tracked)))
    return not status.keys() & {"uncommitted", "not_in_cache"}


def is_committed(path: Path) -> bool:
    """Whether a file is in the last commit as it is in the workspace."""
    return not output_of("git", "status", "--porcelain", "--", str(path))
