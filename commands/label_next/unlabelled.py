"""The images of a folder that have no label yet, and what is left out of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from commands.relabel import record
from transfer.common import parallel
from transfer.dataset import decoding, resizing
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import Resize, Split


class Unlabelled:
    """Reads images, each once, and leaves out those that need no label, by their pixels.

    Attributes:
        errors: a sentence for each file that cannot be read; complete when all images are read.
        left_out: the path of each image that is left out, and why; complete at the same time.
    """

    def __init__(self, paths: Sequence[str], splits: Mapping[str, Split], verdicts: record.Record):
        self.paths = paths
        self.errors: list[str] = []
        self.left_out: dict[str, str] = {}
        self._places = {
            digest: path for split in splits.values() for digest, path in zip(split.digests, split.paths, strict=True)
        }
        self._removed = {pixels for pixels, verdict in verdicts.rows if verdict == record.REMOVE}

    def squares(self, size: int, resize: Resize) -> Iterator[tuple[str, np.ndarray]]:
        """The path of each image, and the image as a square (size, size, 3), 8-bit RGB."""

        def read(path: str) -> tuple[str, np.ndarray] | UserError:
            try:
                image = decoding.decode(Path(path))
                return image.digest, resizing.to_square(image.pixels, size, **resize)
            except UserError as error:
                return error

        first_of: dict[str, str] = {}
        images = progress_bar(parallel.ordered_map(read, self.paths), "reading", len(self.paths))
        for path, image in zip(self.paths, images, strict=True):
            if isinstance(image, UserError):
                self.errors.append(str(image))
                continue
            digest, square = image
            if digest in self._places:
                self.left_out[path] = f"in the dataset already, as {self._places[digest]}"
            elif digest in self._removed:
                self.left_out[path] = "removed from the dataset by a review"
            elif digest in first_of:
                self.left_out[path] = f"in SOURCE twice, first as {first_of[digest]}"
            else:
                first_of[digest] = path
                yield path, square
