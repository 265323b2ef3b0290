"""Writing the dataset, its groups and its `.dvc` file, so that nothing uncommitted is lost and nothing stays half done.

The folder of the dataset is replaced in one step. `dvc add` follows, which may fail or be killed. An addition therefore
leaves a note of what it is about to change: a failed addition takes it back, and so does the next run after a kill.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from commands.dataset import groups
from commands.dataset.versions import DATASET, DVC_FILE, missing_objects
from commands.programs import dvc, output_of
from transfer import params_file
from transfer.common import atomic, dvcfile, io
from transfer.dataset import checks
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar

NOTE = Path(".scratch/addition.json")


def _track(remedy: str) -> None:
    """Let DVC track the dataset. Raises UserError if it cannot.

    On a full disk, `dvc add` names the files that it could not store, and ends with status 0.
    """
    dvc("add", "--quiet", str(DATASET))
    if missing := missing_objects():
        raise UserError(
            f"DVC could not store {len(missing)} images in its cache, such as {missing[0]}: free some space on its "
            f"disk, then {remedy}."
        )


def replace(files: Mapping[str, Path], group_of: Mapping[str, str]) -> str | None:
    """Replace the dataset by copies of files.

    Args:
        files: the file for each place in the dataset.
        group_of: the group of an image, by place.

    Returns:
        where the old data were imported from; None if they were not.
    """
    with atomic.folder(DATASET) as partial:
        _copy(files, partial)
    # DVC tracks it as data of one's own: bound neither to the embedded remote nor to where it was imported from.
    origin = dvcfile.release(DVC_FILE)
    groups.write_stored(group_of)
    _track(f"run `dvc add {DATASET}`")
    return origin


def extend(files: Mapping[str, Path], removed: Collection[str], group_of: Mapping[str, str]) -> list[str]:
    """Add copies of files to the dataset and remove images from it; all or nothing, whatever fails.

    Args:
        files: the file for each new place.
        removed: the places of the images to be removed.
        group_of: the group of an image, by place, in the whole dataset afterwards.

    Returns:
        lines about what the data are no longer bound to.
    """
    if not files and not removed:
        groups.write_stored(group_of)
        return []
    try:
        with atomic.folder(DATASET) as partial:
            for path in (path for path in DATASET.rglob("*") if path.is_symlink() or path.is_file()):
                place = path.relative_to(DATASET)
                if place.as_posix() not in removed:
                    (partial / place).parent.mkdir(parents=True, exist_ok=True)
                    _link(path, partial / place)
            _copy(files, partial)
            _write_note(files, removed)
        was_bound, origin = dvcfile.is_bound(DVC_FILE), dvcfile.release(DVC_FILE)
        groups.write_stored(group_of)
        _track("run again")
        NOTE.unlink()
    except BaseException:
        take_back(failed=True)
        raise
    own = "the images are now your own data, which `dvc push` sends."
    if origin:
        return [f"{DVC_FILE} was an import from {origin}: {own}"]
    return [f"{DVC_FILE} was bound to the embedded sample: {own}"] if was_bound else []


def take_back(*, failed: bool = False) -> bool:
    """Undo an addition that failed, or was killed before DVC tracked it; returns whether there was one.

    Args:
        failed: whether it is certain that there is something to undo.
    """
    if not NOTE.exists():
        return False
    note = io.read_json(NOTE)
    # With another digest, `dvc add` has finished, or the user has gone on in another way.
    unfinished = failed or dvcfile.digest(DVC_FILE) in (note["digest"], None)
    if unfinished:
        for place in note["added"]:
            (DATASET / place).unlink(missing_ok=True)
        for path, text in ((DVC_FILE, note["dvc_file"]), (groups.FILE, note["groups"])):
            if text is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                io.write_text(path, text)
        if note["removed"]:
            dvc("checkout", "--quiet", str(DVC_FILE))
    NOTE.unlink()
    return unfinished


def next_steps(settings: params_file.Params, sizes: Mapping[str, int]) -> list[str]:
    """Lines that say how to go on after an addition; `sizes` are the numbers of images of the splits."""
    remedy = "add images, or change data.split or data.tolerance in params.yaml, or `dvc repro` will refuse them."
    lines = checks.share_errors(DATASET, sizes, settings.data.split.model_dump(), settings.data.tolerance, remedy)
    if params_file.uses_weights_of_sample(settings) and not dvcfile.is_bound(DVC_FILE):
        lines.append(
            f"{params_file.PATH} still names the weights of the embedded sample, which `dvc repro` refuses for other "
            "data: set backbone.weights to imagenet, and image_size and finetune.frozen_layers to fit."
        )
    status = output_of("git", "status", "--porcelain", "--", str(DVC_FILE), str(groups.FILE))
    if changed := " ".join(line[3:] for line in status.splitlines()):
        lines.append(f"Next: `git add {changed}`, `dvc repro`, and `git commit` when you are satisfied.")
    return lines


def _write_note(added: Collection[str], removed: Collection[str]) -> None:
    """Note what an addition is about to change, and what was there before."""
    texts = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in (DVC_FILE, groups.FILE)}
    before = {"digest": dvcfile.digest(DVC_FILE), "dvc_file": texts[DVC_FILE], "groups": texts[groups.FILE]}
    io.write_json(NOTE, before | {"added": sorted(added), "removed": sorted(removed)})


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    for place, path in progress_bar(files.items(), "copying", len(files)):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / place)


def _link(path: Path, target: Path) -> None:
    """The same file under a second name, which takes neither time nor space; a copy where that is impossible."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)
