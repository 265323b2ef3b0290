"""How a source is arranged: class folders, or splits with class folders each, under any of the usual names.

Only the paths of the images count. A folder without an image, such as one of labels, plays no part.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS

TOP = PurePosixPath()
# So many folders are named in a sentence.
MOST_NAMED = 3
WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "validate", "validating", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}
SPLIT_OF_WORD = {word: split for split, words in WORDS.items() for word in words}
# Words that say nothing about the images, as in `train_data` or `test-set`. They may also be glued on: `trainset`.
FILLERS = ("data", "dataset", "set", "split", "images", "image", "imgs", "img", "photos", "pictures", "folder", "files")
GLUED = re.compile(rf"({'|'.join(SPLIT_OF_WORD)})({'|'.join(FILLERS)})")


@dataclass(frozen=True)
class Layout:
    """How a source is arranged; all paths are relative to it.

    Attributes:
        top: the folder that holds the class folders or the splits.
        splits: the folder of each split; empty if `top` holds class folders.
        left_out: the folders beside the splits whose images are not used.
        shared: the folders that every class folder holds, if no image lies beside them: perhaps they are the classes.
    """

    top: PurePosixPath
    splits: dict[str, PurePosixPath] = field(default_factory=dict)
    left_out: list[PurePosixPath] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)


def split_name(folder: str) -> tuple[str, frozenset[str]] | None:
    """The split that the name of a folder stands for, and the other words of the name; None if it is no such name."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", folder)).casefold()
    words: list[str] = []
    for word in re.findall(r"[^\W\d_]+", name):
        glued = GLUED.fullmatch(word)
        words += glued.groups() if glued else [word]
    splits = [word for word in words if word in SPLIT_OF_WORD]
    if len(splits) != 1:
        return None
    return SPLIT_OF_WORD[splits[0]], frozenset(words) - {*splits, *FILLERS}


def recognize(images: Collection[PurePosixPath], classes: Collection[str] = ()) -> Layout:
    """The arrangement of a source.

    Args:
        images: the path of each image, relative to the source.
        classes: names that are certain to be classes: a single folder of such a name is not entered.

    Raises:
        UserError: the folders could be splits as well as classes, two folders are the same split, or train is missing.
    """
    # A single folder around everything, as archives have it, is entered. A class folder holds images somewhere on the
    # way down, or only one folder that does.
    folder = TOP
    while len(inside := folders(images, folder)) == 1 and not _holds_images(images, folder):
        if inside[0].name in classes:
            return Layout(folder)
        folder = inside[0]
    top = folder if len(inside) > 1 else TOP
    inside = folders(images, top)
    return _splits(images, top, inside) or Layout(top, shared=_shared(images, top, inside, classes))


def folders(images: Collection[PurePosixPath], top: PurePosixPath) -> list[PurePosixPath]:
    """The folders directly in `top` that hold images at any depth, sorted."""
    depth = len(top.parts)
    below = [path.parts for path in images if len(path.parts) > depth + 1 and path.parts[:depth] == top.parts]
    return sorted({PurePosixPath(*parts[: depth + 1]) for parts in below})


def _holds_images(images: Collection[PurePosixPath], folder: PurePosixPath) -> bool:
    return any(path.parent == folder for path in images)


def _splits(images: Collection[PurePosixPath], top: PurePosixPath, inside: list[PurePosixPath]) -> Layout | None:
    """The layout if folders in `top` are splits, None if they are not."""
    # Of names such as flowers_train and flowers_test, all other words are the same. `train station` and `test tube` are
    # not splits.
    named: dict[frozenset[str], dict[str, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    for folder in inside:
        if name := split_name(folder.name):
            named[name[1]][name[0]].append(folder)
    usual = max(named.values(), key=len, default={})
    candidates = {split: usual[split] for split in SPLITS if split in usual}
    if len(candidates) < 2:
        return None
    of_splits = [folder for of_split in candidates.values() for folder in of_split]
    others = [folder for folder in inside if folder not in of_splits]
    classes = [{path.name for path in folders(images, _inner(images, folder))} for folder in of_splits]
    names = ", ".join(f"{folder.name}/" for folder in of_splits)
    where = _where(top)
    if not any(classes):
        if others:
            return None  # classes of which two have such names
        raise UserError(
            f"{where} holds {names} without class folders in them: put the images into a folder for each class if "
            "these are splits, or rename the folders if they are classes."
        )
    if others and len(set.intersection(*classes)) < 2:
        raise UserError(
            f"{where} holds {names} beside {', '.join(f'{folder.name}/' for folder in others)}: move the latter away "
            "if the former are splits, or rename the former if all of them are classes."
        )
    for folder, of_folder in zip(of_splits, classes, strict=True):
        if not of_folder:
            raise UserError(
                f"{where} holds {names}, and {folder.name}/ has no class folders: put its images into a folder for "
                "each class, or move it away if nobody knows their classes."
            )
    _move_evaluation(candidates)
    for split, of_split in candidates.items():
        if len(of_split) > 1:
            same = " and ".join(f"{folder.name}/" for folder in of_split)
            raise UserError(f"{where} holds {same}, which both mean the {split} split: keep one, or join them.")
    if "train" not in candidates:
        raise UserError(f"{where} holds {names} but no folder for training: add train/ with the class folders.")
    splits = {split: _inner(images, candidates[split][0]) for split in SPLITS if split in candidates}
    return Layout(top, splits, others)


def _where(top: PurePosixPath) -> str:
    return "SOURCE" if top == TOP else f"{top}/"


def _move_evaluation(candidates: dict[str, list[PurePosixPath]]) -> None:
    """Beside a validation split, a folder called evaluation is the test split, if no other folder is."""
    of_validation = candidates.get("validation", [])
    evaluation = [folder for folder in of_validation if "eval" in folder.name.casefold()]
    if len(of_validation) == 2 and len(evaluation) == 1 and "test" not in candidates:
        candidates["test"] = evaluation
        candidates["validation"] = [folder for folder in of_validation if folder not in evaluation]


def _shared(
    images: Collection[PurePosixPath],
    top: PurePosixPath,
    inside: list[PurePosixPath],
    classes: Collection[str],
) -> list[str]:
    """The names of at least two folders that all folders in `top` hold, if all images lie in folders below them.

    Raises:
        UserError: one of the folders in `top` has the name of a split.
    """
    if len(inside) < 2 or all(folder.name in classes for folder in inside):
        return []
    if any(_holds_images(images, folder) for folder in inside):
        return []
    shared = sorted(set.intersection(*({path.name for path in folders(images, folder)} for folder in inside)))
    if len(shared) < 2:
        return []
    # `test` may be a split, but `test tube` is a class.
    if any((name := split_name(folder.name)) and not name[1] for folder in inside):
        raise UserError(
            f"{_where(top)} holds {listed([folder.name for folder in inside])}, and each of them holds "
            f"{listed(shared)}: rename the former to train, validation and test if they are splits, or move their "
            "images out of the inner folders if they are classes."
        )
    return shared


def listed(names: Sequence[str]) -> str:
    """The first of several folders, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"{name}/" for name in names[:MOST_NAMED]) + more


def _inner(images: Collection[PurePosixPath], folder: PurePosixPath) -> PurePosixPath:
    """The folder inside a split that repeats its name, as in seg_train/seg_train, or else the folder itself."""
    inside = folders(images, folder)
    if len(inside) == 1 and not _holds_images(images, folder) and folders(images, inside[0]):
        inner, outer = split_name(inside[0].name), split_name(folder.name)
        if inner and outer and inner[0] == outer[0]:
            return inside[0]
    return folder
