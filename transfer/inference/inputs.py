"""The images to predict: which files, decoded ahead in threads, in batches."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from transfer.common import parallel
from transfer.dataset import decoding, resizing
from transfer.dataset.listing import list_images
from transfer.interface.errors import UserError


def find_images(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The images to predict, in the order of `paths`, and a sentence for each path without an image.

    Folders are searched recursively. An image's path is the given path joined with the path below it.
    """
    images: list[str] = []
    errors: list[str] = []

    def on_error(error: OSError) -> None:
        errors.append(f"{error.filename} cannot be read ({error.strerror}): check its name and permissions.")

    for path in paths:
        errors_before = len(errors)
        try:
            if Path(path).is_dir():
                below, others = list_images(Path(path), on_error)
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
        errors += [
            f"{other} is a link to a folder, and such links are not followed: name the folder itself."
            for other in others
            if other.is_dir()
        ]
        if not below and len(errors) == errors_before:
            errors.append(f"{path} has no image: name a folder of photographs, or the photographs themselves.")
    return images, errors


def read_squares(paths: Sequence[str], size: int) -> Iterator[tuple[str, np.ndarray | UserError]]:
    """Each path with its image as the model takes it (size, size, 3), 8-bit, or with the error of the file."""

    def read(path: str) -> tuple[str, np.ndarray | UserError]:
        try:
            return path, resizing.to_square(decoding.decode(Path(path)).pixels, size)
        except UserError as error:
            return path, error

    return parallel.ordered_map(read, paths)


def read_batches(
    paths: Sequence[str], size: int, batch_size: int, on_error: Callable[[UserError], None]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """The readable images in batches of `batch_size`, the last one smaller: paths and (images, size, size, 3), 8-bit.

    Args:
        on_error: called with the error of each file that cannot be read.
    """
    names: list[str] = []
    pixels: list[np.ndarray] = []
    for path, square in read_squares(paths, size):
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
