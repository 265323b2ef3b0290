"""Preparing a dataset: decode every image file that is new, and write the arrays in prepared/."""

from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transfer.common import atomic, parallel
from transfer.dataset import checks, decoding, resizing
from transfer.dataset.listing import DatasetListing, ImageEntry
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar
from transfer.loading import prepared
from transfer.reuse import images, provenance
from transfer.reuse.images import LastImages, PreparedImage

# A longer side of more than so many times the shorter side makes an image elongated.
ELONGATED = 3
# The kinds of oddities; each has a key in metrics/prepare.json.
ODDITIES = ("other_modes", "turned_by_exif", "enlarged", "elongated", *decoding.ODDITIES)


class Preparation(NamedTuple):
    """What the preparation of a dataset has found.

    Attributes:
        oddities: the path and the kind of each oddity of an image. Such images are used, but a user may want to look at
            them.
        taken_over: how many images were not decoded, because the last version has them.
    """

    oddities: list[tuple[str, str]]
    taken_over: int


def prepare_images(
    listing: DatasetListing,
    size: int,
    resize: prepared.Resize,
    errors: list[str],
    last: LastImages,
    folder: Path = prepared.FOLDER,
) -> Preparation:
    """Decode every listed image that is new, and write the arrays and the index to `folder`, atomically.

    Args:
        size: the side of the squares, in pixels.
        resize: how an image becomes a square; recorded beside the arrays, for the models that are trained on them.
        errors: sentences of earlier checks, to be reported together with those of this one.
        last: the images of the last version, which are taken over.

    Raises:
        UserErrors: a sentence for each image that cannot be read, and for each that the dataset has twice.
    """
    errors, oddities, taken_over = list(errors), [], 0
    now = images.describe(size, resize)

    def look_up(entry: ImageEntry) -> PreparedImage | UserError | None:
        path = listing.folder / entry.path
        try:
            decoding.check_file(path)
            return last.of_file(path)
        except UserError as error:
            return error

    def decode(entry: ImageEntry) -> tuple[np.ndarray, str, list[str]] | UserError:
        try:
            image = decoding.decode(listing.folder / entry.path)
        except UserError as error:
            return error
        return resizing.to_square(image.pixels, size, **resize), image.digest, _oddities(image, size)

    # Apart from decoding: threads that have little to do hinder each other.
    before = list(parallel.ordered_map(look_up, listing.entries, together=64))
    is_new = [image is None for image in before]
    decoded = parallel.ordered_map(decode, compress(listing.entries, is_new), together=4)

    with atomic.folder(folder) as partial:
        writer = prepared.Writer(partial, listing.images, size)
        for entry, image in zip(progress_bar(listing.entries, "decoding", len(before)), before, strict=True):
            result = next(decoded) if image is None else image
            if isinstance(result, UserError):
                errors.append(str(result))
                continue
            if isinstance(result, PreparedImage):
                taken_over += 1
                result = result.square, result.digest, result.oddities.split()
            square, digest, kinds = result
            writer.append(entry.split, entry.label, entry.path, digest, " ".join(kinds), square)
            oddities += [(entry.path, kind) for kind in kinds]
        errors += checks.duplicate_errors(listing.folder, [(row[2], row[3]) for row in writer.rows])
        if errors:
            raise UserErrors(errors)
        writer.finish(resize)
        provenance.write(partial, now)
    return Preparation(oddities, taken_over)


def _oddities(image: decoding.DecodedImage, size: int) -> list[str]:
    shorter, longer = sorted(image.pixels.shape[:2])
    kinds = {
        "other_modes": image.mode != "RGB",
        "turned_by_exif": image.turned,
        "enlarged": shorter < size,
        "elongated": longer > ELONGATED * shorter,
    }
    return [kind for kind, applies in kinds.items() if applies] + list(image.oddities)
