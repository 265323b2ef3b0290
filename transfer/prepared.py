"""The prepared images: decoded once, squared, 8-bit, in one array a split, read by memory map.

prepared/index.csv      split, class, path and digest of each image, in the order of the arrays
prepared/<split>.npy    (images, size, size, 3), 8-bit RGB
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from transfer import files, images, parallel
from transfer.dataset import SPLITS, Entry, Listing, duplicate_faults
from transfer.faults import Fault, Faults

FOLDER = Path("prepared")
COLUMNS = ("split", "class", "path", "pixels")
ELONGATED = 3


@dataclass(frozen=True)
class Split:
    """One split: `images` (images, size, size, 3) 8-bit RGB on disk, and what each of them is.

    `labels` are class numbers (images,), `digests` say which pixels the file itself has.
    """

    images: np.ndarray
    labels: np.ndarray
    paths: list[str]
    digests: list[str]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def build(found: Listing, size: int, faults: list[str], folder: Path = FOLDER) -> Counter[str]:
    """Decode every image of a listing once and leave them in `folder`, all or nothing.

    Args:
        faults: what is known to be wrong already, told together with what is found here.

    Returns:
        how many images were odd, by kind: they are used, but a person may want to know.

    Raises:
        Faults: a sentence for each image that cannot be read and for each that is there twice.
    """
    faults, odd = list(faults), Counter[str]()

    def decode(entry: Entry) -> tuple[np.ndarray, str, list[str]] | Fault:
        try:
            photo = images.read(found.folder / entry.path)
        except Fault as fault:
            return fault
        return images.squared(photo.pixels, size), images.digest(photo.pixels), _oddities(photo, size)

    with files.new_folder(folder) as partial:
        rows = []
        arrays = {
            split: iter(files.new_array(partial / f"{split}.npy", (number, size, size, 3), np.uint8))
            for split, number in Counter(entry.split for entry in found.entries).items()
        }
        decoded = parallel.mapped(decode, found.entries)
        for entry, result in zip(
            found.entries, tqdm(decoded, "decoding", len(found.entries), disable=None), strict=True
        ):
            if isinstance(result, Fault):
                faults.append(str(result))
                continue
            square, digest, oddities = result
            next(arrays[entry.split])[:] = square
            rows.append((entry.split, entry.label, entry.path, digest))
            odd.update(oddities)
        faults += duplicate_faults(found.folder, [(path, digest) for _, _, path, digest in rows])
        if faults:
            raise Faults(faults)
        files.write_csv(partial / "index.csv", pd.DataFrame(rows, columns=COLUMNS))
    return odd


def load(split: str, folder: Path = FOLDER, size: int | None = None) -> Split:
    """Open one split. Raises Fault if it has not been prepared, not at this image size, or its files are damaged."""
    index = files.read_csv(folder / "index.csv", text_columns=COLUMNS)
    classes = sorted(index["class"].unique())
    rows = index[index["split"] == split]
    labels = rows["class"].map({name: number for number, name in enumerate(classes)}).to_numpy(np.int64)
    pixels = files.open_array(folder / f"{split}.npy", (len(rows), size, size, 3))
    return Split(pixels, labels, list(rows["path"]), list(rows["pixels"]), classes)


def load_all(folder: Path = FOLDER) -> dict[str, Split]:
    """Open all splits, by name. Raises Fault if they have not been prepared."""
    return {split: load(split, folder) for split in SPLITS}


def _oddities(photo: images.Photo, size: int) -> list[str]:
    short, long = sorted(photo.pixels.shape[:2])
    kinds = {
        "other_modes": photo.mode != "RGB",
        "turned_by_exif": photo.turned,
        "enlarged": short < size,
        "elongated": long > ELONGATED * short,
    }
    return [kind for kind, holds in kinds.items() if holds]
