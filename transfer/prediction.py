"""Images of any number, from anywhere, to predictions: which files, decoded ahead, in batches, written as they come."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from transfer import checkpoint, dataset, files, images, parallel, scores
from transfer.faults import Fault

# As many as plots/predictions.csv has.
DECIMALS = 4
NAMES = ("train_tl", "finetune")


def chosen(models: Path, asked: str | None) -> tuple[str, dict[str, Any]]:
    """The model asked for, or the one that validation selected, and what its checkpoint says of it."""
    known = {name: checkpoint.about(models / name) for name in ([asked] if asked else NAMES)}
    name, _ = scores.selected({name: about["validation"] for name, about in known.items()})
    return name, known[name]


def image_files(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """The images to predict, in the order given, folders searched below; and a sentence for each path that has none.

    A path is told as it was given, joined with the path below it.
    """
    found: list[str] = []
    faults: list[str] = []

    def refuse(error: OSError) -> None:
        faults.append(f"{error.filename} cannot be read ({error.strerror}): check its name and permissions.")

    for path in given:
        told = len(faults)
        try:
            if Path(path).is_dir():
                below, others = dataset.image_files(Path(path), refuse)
            elif Path(path).exists():
                found.append(path)
                continue
            else:
                faults.append(f"{path} does not exist: check its name.")
                continue
        except OSError as error:
            refuse(error)
            continue
        # Not by `Path`, which would drop the `./` that it was given with
        found += [os.path.join(path, inside.relative_to(path)) for inside in below]  # noqa: PTH118
        faults += [
            f"{other} is a link to a folder, which is not followed: name the folder itself."
            for other in others
            if other.is_dir()
        ]
        if not below and len(faults) == told:
            faults.append(f"{path} holds no image: name a folder of photographs, or the photographs themselves.")
    return found, faults


def check_output(path: Path) -> None:
    """Raises Fault if a table must not take the place of what is there: a folder, a device, a photograph."""
    if path.name in ("", "..") or images.is_image(path) or (path.exists() and not path.is_file()):
        raise Fault(f"--output {path} cannot be a table: name a new file, such as found.csv.")


def squares(paths: Sequence[str], size: int) -> Iterator[tuple[str, np.ndarray | Fault]]:
    """Each image as the square that the model takes (size, size, 3), 8-bit, or the fault that it has."""

    def decode(path: str) -> tuple[str, np.ndarray | Fault]:
        try:
            return path, images.squared(images.read(Path(path)).pixels, size)
        except Fault as fault:
            return path, fault

    return parallel.mapped(decode, paths)


def batches(
    paths: Sequence[str], size: int, batch_size: int, refuse: Callable[[Fault], None]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """The images that can be read, in batches of `batch_size`, the last one smaller: paths and (images, size, size, 3).

    Args:
        refuse: called with the fault of each image that cannot.
    """
    names: list[str] = []
    pixels: list[np.ndarray] = []
    for path, square in squares(paths, size):
        if isinstance(square, Fault):
            refuse(square)
            continue
        names.append(path)
        pixels.append(square)
        if len(names) == batch_size:
            yield names, np.stack(pixels)
            names, pixels = [], []
    if names:
        yield names, np.stack(pixels)


@contextmanager
def table(path: Path, classes: Sequence[str]) -> Iterator[Callable[[str, np.ndarray], None]]:
    """Yields a function that adds an image and its probabilities (classes,) to a CSV, which appears when all are in."""
    with files.new_text(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "predicted", "probability", *(f"p_{name}" for name in classes)])

        def add(image: str, probabilities: np.ndarray) -> None:
            rounded = [round(float(value), DECIMALS) for value in probabilities]
            best = int(probabilities.argmax())
            rows.writerow([image, classes[best], rounded[best], *rounded])

        yield add


@contextmanager
def screen(classes: Sequence[str]) -> Iterator[Callable[[str, np.ndarray], None]]:
    """The same for people, a line for each image."""
    width = max(map(len, classes))

    def add(image: str, probabilities: np.ndarray) -> None:
        best = int(probabilities.argmax())
        print(f"{classes[best]:{width}}  {probabilities[best]:.{DECIMALS}f}  {image}")

    yield add
