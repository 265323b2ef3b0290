"""Preparing a dataset: decode every image file once, and write the arrays in prepared/."""

from collections import Counter
from pathlib import Path

import numpy as np

from transfer.common import atomic, parallel
from transfer.dataset import checks, decoding, resizing
from transfer.dataset.listing import DatasetListing, ImageEntry
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar
from transfer.loading import prepared

# A longer side of more than so many times the shorter side makes an image elongated.
ELONGATED = 3
# The kinds of oddities; each has a key in metrics/prepare.json.
ODDITIES = ("other_modes", "turned_by_exif", "enlarged", "elongated", *decoding.ODDITIES)


def prepare_images(
    listing: DatasetListing, size: int, resize: prepared.Resize, errors: list[str], folder: Path = prepared.FOLDER
) -> list[tuple[str, str]]:
    """Decode every listed image once and write the arrays and the index to `folder`, atomically.

    Args:
        size: the side of the squares, in pixels.
        resize: how an image becomes a square; recorded beside the arrays, for the models that are trained on them.
        errors: sentences of earlier checks, to be reported together with those of this one.

    Returns:
        the path and the kind of each oddity of an image. Such images are used, but a user may want to look at them.

    Raises:
        UserErrors: a sentence for each image that cannot be read, and for each that the dataset has twice.
    """
    errors, oddities = list(errors), []

    def decode(entry: ImageEntry) -> tuple[np.ndarray, str, list[str]] | UserError:
        try:
            image = decoding.decode(listing.folder / entry.path)
        except UserError as error:
            return error
        square = resizing.to_square(image.pixels, size, **resize)
        return square, image.digest, _oddities(image, size)

    with atomic.folder(folder) as partial:
        rows = []
        squares = {
            split: iter(prepared.create_images(partial, split, number, size))
            for split, number in Counter(entry.split for entry in listing.entries).items()
        }
        results = progress_bar(parallel.ordered_map(decode, listing.entries), "decoding", len(listing.entries))
        for entry, result in zip(listing.entries, results, strict=True):
            if isinstance(result, UserError):
                errors.append(str(result))
                continue
            square, digest, kinds = result
            next(squares[entry.split])[:] = square
            rows.append((entry.split, entry.label, entry.path, digest))
            oddities += [(entry.path, kind) for kind in kinds]
        errors += checks.duplicate_errors(listing.folder, [(path, digest) for _, _, path, digest in rows])
        if errors:
            raise UserErrors(errors)
        prepared.write_index(partial, rows)
        prepared.write_resize(partial, resize)
    return oddities


def _oddities(image: decoding.DecodedImage, size: int) -> list[str]:
    shorter, longer = sorted(image.pixels.shape[:2])
    kinds = {
        "other_modes": image.mode != "RGB",
        "turned_by_exif": image.turned,
        "enlarged": shorter < size,
        "elongated": longer > ELONGATED * shorter,
    }
    return [kind for kind, applies in kinds.items() if applies] + list(image.oddities)
