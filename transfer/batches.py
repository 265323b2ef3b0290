"""In which order and in which pieces a split is gone through, in training and otherwise.

The trainings differ only in where a batch's inputs come from: what the frozen part of the network made of each view,
cached, or views drawn now and run through it. Either way they are a list of arrays, one for each tensor at the cut.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from transfer import parallel, views
from transfer.prepared import Split
from transfer.resume import Progress
from transfer.views import Augmentation

Rows = np.ndarray
Tensors = list[np.ndarray]
Batches = Iterator[tuple[Tensors, np.ndarray]]


def shuffled(images: int, batch_size: int, *draw: int) -> list[Rows]:
    """The rows of each batch of an epoch: every image once, in an order that the numbers of `draw` settle alone."""
    order = np.random.default_rng(draw).permutation(images)
    return [order[start : start + batch_size] for start in range(0, images, batch_size)]


def in_order(images: int, batch_size: int) -> list[Rows]:
    """The rows of each batch, from the first image to the last."""
    return [np.arange(start, min(start + batch_size, images)) for start in range(0, images, batch_size)]


def number(images: int, batch_size: int) -> int:
    """How many batches an epoch has."""
    return math.ceil(images / batch_size)


def cached(
    tensors: Tensors, labels: np.ndarray, augmentation: Augmentation, batch_size: int, training: int = 0
) -> Callable[[int], Batches]:
    """The training batches of an epoch from cached tensors (images, views, ...), one view an epoch.

    Args:
        training: which training it is, so that no two go through the images in the same order.
    """

    def epoch(number: int) -> Batches:
        view = views.of_epoch(number, augmentation.views, training)
        order = shuffled(len(labels), batch_size, augmentation.seed, training, number)
        for rows, inputs in _ahead(lambda rows: [tensor[rows, view] for tensor in tensors], order):
            yield inputs, labels[rows]

    return epoch


def drawn(
    frozen: Callable[[np.ndarray], Tensors],
    split: Split,
    augmentation: Augmentation,
    batch_size: int,
    training: int = 0,
) -> Callable[[int], Batches]:
    """The training batches of an epoch from views drawn now and run through `frozen`.

    Args:
        training: which training it is, so that two trainings repeat neither each other's order nor their fresh views.
    """

    def epoch(number: int) -> Batches:
        view = views.of_epoch(number, augmentation.views, training)
        order = shuffled(len(split), batch_size, augmentation.seed, training, number)
        for rows, images in _ahead(lambda rows: views.batch(split, augmentation, view, rows), order):
            yield frozen(images), split.labels[rows]

    return epoch


def stored(tensors: Tensors, labels: np.ndarray, batch_size: int) -> Callable[[], Batches]:
    """The validation batches from cached tensors (images, 1, ...)."""
    return lambda: (
        ([tensor[rows, 0] for tensor in tensors], labels[rows]) for rows in in_order(len(labels), batch_size)
    )


def plain(frozen: Callable[[np.ndarray], Tensors], split: Split, batch_size: int) -> Callable[[], Batches]:
    """The validation batches of images as they are, run through `frozen`."""
    return lambda: ((frozen(split.images[rows]), split.labels[rows]) for rows in in_order(len(split), batch_size))


def inputs(tensors: Tensors) -> Any:
    """The tensors as a Keras model takes them: one by itself, several as a list."""
    return tensors if len(tensors) > 1 else tensors[0]


def padded(images: np.ndarray, batch_size: int) -> np.ndarray:
    """A batch filled up to `batch_size` with copies of its last image.

    A model then always sees one shape, and an image's result cannot depend on how many came with it.
    """
    missing = batch_size - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images


def through(
    function: Callable[[np.ndarray], Tensors],
    read: Callable[[Rows], np.ndarray],
    order: list[Rows],
    batch_size: int,
    description: str,
) -> Iterator[tuple[Rows, Tensors]]:
    """Run `function` over images in order, in batches of one shape.

    Args:
        function: (batch_size, ...) to arrays whose first axis is the batch.
        read: the rows of a batch to what `function` takes.
        order: the rows of each batch.
        description: what the progress bar says.

    Yields:
        the rows of each batch and their results, the padding taken off.
    """
    for rows, inputs in tqdm(_ahead(read, order), description, len(order), unit="batch", disable=None, leave=False):
        yield rows, [tensor[: len(rows)] for tensor in function(padded(inputs, batch_size))]


def results(
    function: Callable[[np.ndarray], Tensors],
    read: Callable[[Rows], np.ndarray],
    images: int,
    batch_size: int,
    description: str,
) -> np.ndarray:
    """The only array that `function` makes, for a whole split of so many images (images, ...); see `through`."""
    order = in_order(images, batch_size)
    return np.concatenate([found for _, [found] in through(function, read, order, batch_size, description)])


def fill(
    arrays: Tensors,
    function: Callable[[np.ndarray], Tensors],
    split: Split,
    augmentation: Augmentation,
    batch_size: int,
    description: str,
    kept: Path,
) -> None:
    """Run `function` over as many views of a split as the arrays (images, views, ...) have room for, and fill them.

    Args:
        kept: where it is noted which batches are done; with the arrays on disk too, a later call does only the others.
    """
    progress = Progress(kept, arrays)
    number = arrays[0].shape[1]
    order = in_order(len(split), batch_size)
    for view in range(number):
        left = [rows for rows in order if not progress.done(rows, view)]
        read = partial(views.batch, split, augmentation, view)
        title = f"{description}, view {view + 1} of {number}"
        for rows, found in through(function, read, left, batch_size, title):
            for array, tensor in zip(arrays, found, strict=True):
                array[rows, view] = tensor
            progress.note(rows, view)
    progress.flush()


def _ahead(read: Callable[[Rows], Any], order: list[Rows]) -> Iterator[tuple[Rows, Any]]:
    """Each batch's rows and what `read` makes of them; the next batch is read while this one is used."""
    return parallel.mapped(lambda rows: (rows, read(rows)), order, threads=1)
