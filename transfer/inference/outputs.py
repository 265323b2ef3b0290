"""Predictions as a CSV file, or as lines on the terminal."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from transfer.common import atomic
from transfer.dataset import listing
from transfer.interface.errors import UserError

# As many as plots/predictions.csv has.
PROBABILITY_DECIMALS = 4
# Adds an image: its path, its probabilities (classes,), and the text of each further column.
Add = Callable[[str, np.ndarray, Mapping[str, str]], None]


def check_output(path: Path) -> None:
    """Raises UserError if a table must not replace what is at `path`: a folder, a device, a photograph."""
    if path.name in ("", "..") or listing.has_image_name(path) or (path.exists() and not path.is_file()):
        raise UserError(f"--output {path} cannot be a table: name a new file, such as predictions.csv.")


@contextmanager
def csv_writer(path: Path, classes: Sequence[str], further: Sequence[str] = ()) -> Iterator[Add]:
    """Yields a function that adds an image to a CSV file, which is written atomically.

    The columns are path, predicted, probability, p_<class> for each class, and the further ones.
    """
    with atomic.text_file(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "predicted", "probability", *(f"p_{name}" for name in classes), *further])

        def add(image: str, probabilities: np.ndarray, texts: Mapping[str, str]) -> None:
            rounded = [round(float(value), PROBABILITY_DECIMALS) for value in probabilities]
            best = int(probabilities.argmax())
            rows.writerow([image, classes[best], rounded[best], *rounded, *(texts[name] for name in further)])

        yield add


@contextmanager
def terminal_writer(classes: Sequence[str]) -> Iterator[Add]:
    """The same for people: one line for each image."""
    width = max(map(len, classes))

    def add(image: str, probabilities: np.ndarray, texts: Mapping[str, str]) -> None:
        best = int(probabilities.argmax())
        further = "".join(f"  {name}: {text}" for name, text in texts.items())
        print(f"{classes[best]:{width}}  {probabilities[best]:.{PROBABILITY_DECIMALS}f}  {image}{further}")

    yield add
