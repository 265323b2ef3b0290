"""Batching: the order and size of the batches of a split, in training and elsewhere.

The trainings differ only in the inputs of a batch: cached outputs of the network's frozen part, or views made now and
run through the frozen part. Either way the inputs are a list of arrays, one for each tensor at the cut.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from transfer.common import parallel
from transfer.engine.engines import Engine
from transfer.engine.local import Local
from transfer.interface.progress import progress_bar
from transfer.loading.augmentation import Augmentation, augment_batch, view_of_epoch
from transfer.loading.prepared import Split
from transfer.loading.shards import Shards

Rows = np.ndarray
Tensors = list[np.ndarray]
Batches = Iterator[tuple[Tensors, np.ndarray]]
Batch = TypeVar("Batch")


class ByRow(Protocol):
    """An array of any kind that is indexed by rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Rows, /) -> np.ndarray: ...


def shuffled_order(images: int, batch_size: int, *seeds: int) -> list[Rows]:
    """The rows of each batch of an epoch: every image once, in an order that depends on `seeds` alone."""
    order = np.random.default_rng(seeds).permutation(images)
    return [order[start : start + batch_size] for start in range(0, images, batch_size)]


def sequential_order(images: int, batch_size: int) -> list[Rows]:
    """The rows of each batch, from the first image to the last."""
    return [np.arange(start, min(start + batch_size, images)) for start in range(0, images, batch_size)]


def batches_per_epoch(images: int, batch_size: int) -> int:
    """How many batches an epoch has."""
    return math.ceil(images / batch_size)


def training_from_cache(
    tensors: Sequence[np.ndarray | Shards],
    labels: np.ndarray,
    augmentation: Augmentation,
    batch_size: int,
    training: int = 0,
) -> Callable[[int], Batches]:
    """A function from an epoch to its training batches, read from cached tensors (images, views, ...).

    Args:
        training: the number of the training, so that no two trainings have the same order of images.
    """

    def epoch_batches(epoch: int) -> Batches:
        view = view_of_epoch(epoch, augmentation.views, training)
        order = shuffled_order(len(labels), batch_size, augmentation.seed, training, epoch)
        for rows, inputs in _read_ahead(lambda rows: [tensor[rows, view] for tensor in tensors], order):
            yield inputs, labels[rows]

    return epoch_batches


def training_from_images(
    frozen: Callable[[np.ndarray], Tensors],
    split: Split,
    augmentation: Augmentation,
    batch_size: int,
    training: int = 0,
) -> Callable[[int], Batches]:
    """A function from an epoch to its training batches: views made now and run through `frozen`.

    Args:
        training: the number of the training, so that no two trainings have the same order of images or fresh views.
    """

    def epoch_batches(epoch: int) -> Batches:
        view = view_of_epoch(epoch, augmentation.views, training)
        order = shuffled_order(len(split), batch_size, augmentation.seed, training, epoch)
        for rows, images in _read_ahead(lambda rows: augment_batch(split, augmentation, view, rows), order):
            yield frozen(images), split.labels[rows]

    return epoch_batches


def validation_from_cache(
    tensors: Sequence[np.ndarray | Shards], labels: np.ndarray, batch_size: int
) -> Callable[[], Batches]:
    """The validation batches, read from cached tensors (images, 1, ...)."""
    return lambda: (
        ([tensor[rows, 0] for tensor in tensors], labels[rows]) for rows in sequential_order(len(labels), batch_size)
    )


def validation_from_images(
    frozen: Callable[[np.ndarray], Tensors], split: Split, batch_size: int
) -> Callable[[], Batches]:
    """The validation batches: images without augmentation, run through `frozen`."""
    return lambda: (
        (frozen(split.images[rows]), split.labels[rows]) for rows in sequential_order(len(split), batch_size)
    )


def model_inputs(tensors: Tensors) -> Any:
    """The tensors as a Keras model takes them: a single one by itself, several as a list."""
    return tensors if len(tensors) > 1 else tensors[0]


def pad_batch(images: np.ndarray, batch_size: int) -> np.ndarray:
    """A batch filled up to `batch_size` with copies of its last image.

    A model then always sees one shape, so the result of an image cannot depend on how many images came with it.
    """
    missing = batch_size - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images


def map_batches(
    function: Callable[[np.ndarray], Tensors],
    read: Callable[[Batch], np.ndarray],
    order: Sequence[Batch],
    batch_size: int,
    description: str,
    engine: Engine | None = None,
) -> Iterator[tuple[Batch, Tensors]]:
    """Run `function` over images in batches of one shape.

    Args:
        function: (batch_size, ...) to arrays whose first axis is the batch.
        read: what a batch contains, such as its rows, to the input of `function`.
        order: what each batch contains.
        description: the label of the progress bar.
        engine: where `function` runs; without one, in this process, and the batches stay in order.

    Yields:
        what each batch contains, and its results, without the padding.
    """
    engine = engine or Local()
    padded = (((batch, len(inputs)), pad_batch(inputs, batch_size)) for batch, inputs in _read_ahead(read, order))
    bar = progress_bar(None, description, len(order), unit="batch")
    with bar:
        for (batch, images), tensors in engine.map(function, padded):
            bar.set_postfix_str(engine.status(), refresh=False)
            bar.update()
            yield batch, [tensor[:images] for tensor in tensors]


def map_split(
    function: Callable[[np.ndarray], Tensors], inputs: ByRow, batch_size: int, description: str
) -> np.ndarray:
    """The single output of `function` for all images of a split (images, ...); see `map_batches`.

    Args:
        inputs: an array of what `function` takes, one for each image.
    """
    order = sequential_order(len(inputs), batch_size)
    results = map_batches(function, inputs.__getitem__, order, batch_size, description)
    return np.concatenate([output for _, [output] in results])


def _read_ahead(read: Callable[[Batch], Any], order: Sequence[Batch]) -> Iterator[tuple[Batch, Any]]:
    """What each batch contains and what `read` returns for it; the next batch is read while this one is used."""
    return parallel.ordered_map(lambda batch: (batch, read(batch)), order, threads=1)
