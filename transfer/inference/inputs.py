"""The images to predict: which files, decoded ahead in threads, in batches."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from transfer.common import parallel
from transfer.dataset import checks, decoding, listing, resizing
from transfer.interface.errors import UserError
from transfer.loading.prepared import Resize


def find_images(paths: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The images to predict, in the order of `paths`; what is wrong with the paths; what else is worth a word.

    Folders are searched recursively, also through links. An image's path is the given path joined with the path below
    it. A path without an image is wrong, and so is an image that is left out: of a format that is not read, or hidden.
    """
    images: list[str] = []
    errors: list[str] = []
    skipped: list[listing.Skipped] = []

    def on_error(error: OSError) -> None:
        errors.append(f"{error.filename} cannot be read ({error.strerror}): check its name and permissions.")

    for path in paths:
        errors_before = len(errors)
        try:
            if Path(path).is_dir():
                below, others = listing.list_images(Path(path), on_error)
            elif Path(path).exists():
                images.append(path)
                continue
            else:
                errors.append(f"{path} does not exist: check its name.")
                continue
        except OSError as error:
            on_error(error)
            continue
        # Not with `Path`, which would drop a leading `./` of the given path.
        images += [os.path.join(path, inside.relative_to(path)) for inside in below]  # noqa: PTH118
        skipped += others
        if not below and len(errors) == errors_before:
            errors.append(f"{path} has no image: name a folder of photographs, or the photographs themselves.")
    left_out = checks.left_out(skipped)
    errors += checks.skipped_sentences(left_out)
    notes = checks.skipped_sentences(other for other in skipped if other not in left_out)
    return images, errors, notes


def read_squares(paths: Sequence[str], size: int, resize: Resize) -> Iterator[tuple[str, np.ndarray | UserError]]:
    """Each path with its image as the model takes it (size, size, 3), 8-bit, or with the error of the file."""

    def read(path: str) -> tuple[str, np.ndarray | UserError]:
        try:
            return path, resizing.to_square(decoding.decode(Path(path)).pixels, size, **resize)
        except UserError as error:
            return path, error

    return parallel.ordered_map(read, paths)


def read_batches(
    paths: Sequence[str], size: int, resize: Resize, batch_size: int, on_error: Callable[[UserError], None]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """The readable images in batches of `batch_size`, the last one smaller: paths and (images, size, size, 3), 8-bit.

    Args:
        resize: how an image becomes a square.
        on_error: called with the error of each file that cannot be read.
    """
    names: list[str] = []
    pixels: list[np.ndarray] = []
    for path, square in read_squares(paths, size, resize):
        if isinstance(square, UserError):
            on_error(square)
            continue
        names.append(path)
        pixels.append(square)
        if len(names) == batch_size:
            yield names, np.stack(pixels)
            names, pixels = [], []
    if names:
        yield names, np.stack(pixels)
