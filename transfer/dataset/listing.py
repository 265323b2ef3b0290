"""Listing the images of a dataset: a folder for each split, in it a folder for each class, in it images.

Whatever is not used is listed too, with its kind, so that nothing is left out in silence.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from transfer.dataset import signatures
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS

# A file of such a name counts as an image, so that a broken one is reported. Other files are looked at.
IMAGE_SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
        *(".avif", ".heic", ".heif", ".hif"),
    ]
)
# The kinds of what is skipped. Each has a sentence in `checks` and a key in metrics/prepare.json.
NOT_READ, LOOSE, HIDDEN, LINKED = "not_read", "loose", "hidden", "linked_folders"
NOT_IMAGES, SYSTEM = "not_images", "system_files"
KINDS = (NOT_READ, LOOSE, HIDDEN, LINKED, NOT_IMAGES, SYSTEM)
# What operating systems, network drives and programs leave behind, in small letters.
SYSTEM_NAMES = (
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "recycler"),
    *("system volume information", "*:zone.identifier", "*\uf03azone.identifier", "~$*"),
    *(".ds_store", "._*", "__macosx", ".localized", "icon\r", ".trashes", ".fseventsd", ".spotlight-v100"),
    *(".temporaryitems", ".documentrevisions-v100", ".appledouble", ".apdisk"),
    *("lost+found", ".trash-*", ".directory", ".thumbnails", ".fuse_hidden*", ".nfs*", ".~lock.*"),
    *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", ".@__thumb", "@tmp", ".@upload_cache"),
    *(".picasaoriginals", ".picasa.ini", "picasa.ini", "zbthumbnail.info", "pspbrwse.jbf", ".nomedia"),
    *(".ipynb_checkpoints", "__pycache__", ".git", ".gitignore", ".gitkeep", ".gitattributes", ".dvc", ".dvcignore"),
    *(".dropbox", ".dropbox.cache", ".dropbox.attr", ".stfolder", ".stversions", ".idea", ".vscode"),
)
# One expression: to match every pattern by itself takes longer than to read a small image.
_SYSTEM_NAME = re.compile("|".join(map(translate, SYSTEM_NAMES)))


@dataclass(frozen=True)
class ImageEntry:
    """An image of the dataset; `path` is relative to the dataset's folder, with forward slashes."""

    split: str
    label: str
    path: str


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is not used.

    Attributes:
        kind: one of `KINDS`.
        detail: more about the kind, or empty; files of the same kind and detail share a sentence.
        advice: what to do about it, or empty.
        images: how many images are in it, if it is hidden.
    """

    path: Path
    kind: str
    detail: str = ""
    advice: str = ""
    images: int = 0


@dataclass(frozen=True)
class DatasetListing:
    """The files of a dataset.

    Attributes:
        entries: the images, sorted by split, class and path.
        classes: the names of all class folders, sorted.
        skipped: everything else.
    """

    folder: Path
    entries: list[ImageEntry]
    classes: list[str]
    skipped: list[Skipped]

    @property
    def images(self) -> dict[str, int]:
        """The number of images of each split."""
        counts = Counter(entry.split for entry in self.entries)
        return {split: counts[split] for split in SPLITS}


def list_dataset(folder: Path, *, follow_links: bool = False) -> DatasetListing:
    """List a split dataset.

    Args:
        follow_links: whether to list what links to folders lead to. DVC does not track it.

    Raises:
        UserError: the folder is missing.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}/ is missing: run `dvc pull {folder}.dvc`, or `make dataset SOURCE=folder` for your own images."
        )
    present = [split for split in SPLITS if (folder / split).is_dir()]
    entries, skipped = [], list_beside(folder, present)
    for split in present:
        labels = class_folders(folder / split)
        for label in labels:
            images, others = list_images(folder / split / label, follow_links=follow_links)
            entries += [ImageEntry(split, label, path.relative_to(folder).as_posix()) for path in images]
            skipped += others
        skipped += list_beside(folder / split, labels)
    classes = sorted({label for split in present for label in class_folders(folder / split)})
    return DatasetListing(folder, entries, classes, sorted(skipped, key=lambda other: other.path.as_posix()))


def class_folders(folder: Path) -> list[str]:
    """The names of the class folders in a folder, sorted; hidden folders and those of systems do not count."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and not _is_of_system(path)
    )


def list_images(
    folder: Path, on_error: Callable[[OSError], None] | None = None, *, follow_links: bool = True
) -> tuple[list[Path], list[Skipped]]:
    """The images below a class folder, and everything that is skipped, each sorted by path.

    Everything with the name of an image counts as one, so that a folder or a dangling link of such a name is reported
    and not skipped. Files of other names are images if their first bytes are those of a format that is read.

    Args:
        on_error: called with the error of each folder that cannot be read; without it, that error is raised.
        follow_links: whether to list what links to folders lead to.
    """
    if folder.is_symlink() and not follow_links:
        return [], [_unfollowed(folder)]
    # A link to one of these leads round in a circle, or from one class to another.
    visited = {folder.resolve(), *folder.resolve().parents}
    images: list[Path] = []
    skipped: list[Skipped] = []
    for path in _inside(folder, on_error):
        for item in _walk(path, visited, on_error, follow_links=follow_links):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                images.append(item)
    return sorted(images), sorted(skipped, key=lambda other: other.path)


def list_beside(folder: Path, names: Collection[str]) -> list[Skipped]:
    """What is in a folder apart from its subfolders `names`, sorted by path; images belong to no class there."""
    skipped = []
    for path in _inside(folder, None):
        if path.name not in names:
            for item in _walk(path, {folder.resolve()}, None, follow_links=False):
                skipped.append(item if isinstance(item, Skipped) else Skipped(item, LOOSE))
    return sorted(skipped, key=lambda other: other.path)


def has_image_name(path: Path) -> bool:
    """Whether the name of a file says that it is an image; only decoding shows what it holds."""
    return not path.name.startswith(".") and path.suffix.lower() in IMAGE_SUFFIXES


def _is_of_system(path: Path) -> bool:
    return _SYSTEM_NAME.match(path.name.lower()) is not None


def _inside(folder: Path, on_error: Callable[[OSError], None] | None) -> list[Path]:
    """What is in a folder, sorted. `Path.rglob` would silently skip a folder that may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        if on_error is None:
            raise
        on_error(error)
        return []


def _walk(
    path: Path, visited: set[Path], on_error: Callable[[OSError], None] | None, *, follow_links: bool
) -> Iterator[Path | Skipped]:
    """A file, or everything below a folder: the path of each image, and what is skipped.

    Args:
        visited: the folders that are listed already, without links in their paths; new ones are added.
    """
    if _is_of_system(path):
        yield Skipped(path, SYSTEM)
        return
    is_folder = path.is_dir()
    if path.name.startswith("."):
        if is_folder:
            inside = _inside(path, on_error) if not path.is_symlink() else []
            items = [item for other in inside for item in _walk(other, visited, on_error, follow_links=False)]
        else:
            items = [_look_at(path)]
        yield Skipped(path, HIDDEN, images=sum(isinstance(item, Path) for item in items))
        return
    if not is_folder:
        yield path if has_image_name(path) else _look_at(path)
        return
    if path.is_symlink():
        if not follow_links:
            yield _unfollowed(path)
            return
        if path.resolve() in visited:
            yield Skipped(path, LINKED, "because what is there is listed already")
            return
    if has_image_name(path):
        yield path
    visited.add(path.resolve())
    for other in _inside(path, on_error):
        yield from _walk(other, visited, on_error, follow_links=follow_links)


def _unfollowed(path: Path) -> Skipped:
    advice = "copy the folder to the place of the link, or use `make dataset`, which copies the images"
    return Skipped(path, LINKED, "because DVC does not follow links to folders", advice)


def _look_at(path: Path) -> Path | Skipped:
    """A file without the name of an image is an image nevertheless if its first bytes say so."""
    if not path.is_file():
        return Skipped(path, NOT_IMAGES)
    try:
        kind = signatures.identify(path)
    except OSError:
        return Skipped(path, NOT_IMAGES)
    if kind.is_read:
        return path
    return Skipped(path, NOT_READ, kind.name, kind.advice) if kind.is_image else Skipped(path, NOT_IMAGES)
