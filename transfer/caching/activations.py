"""Activations: the output of frozen layers for every view of every image, computed once and kept on disk.

An epoch of fine-tuning then runs only the layers that are trained. Nothing is approximated: the arrays have the type
that the layers compute in.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np

from transfer.caching import scratch
from transfer.caching.completed_batches import CompletedBatches
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation, augment_batch
from transfer.loading.batches import Batches, Tensors
from transfer.loading.prepared import Split
from transfer.models.backbone import FrozenLayers


def fill_arrays(
    arrays: Tensors,
    function: Callable[[np.ndarray], Tensors],
    split: Split,
    augmentation: Augmentation,
    batch_size: int,
    description: str,
    log: Path,
) -> None:
    """Run `function` over as many views of a split as the arrays (images, views, ...) have, and fill them.

    Args:
        log: the file that records the complete batches. A later call with the same arrays computes only the others.
    """
    completed = CompletedBatches(log, arrays)
    views = arrays[0].shape[1]
    order = batches.sequential_order(len(split), batch_size)
    for view in range(views):
        remaining = [rows for rows in order if not completed.contains(rows, view)]
        read = partial(augment_batch, split, augmentation, view)
        title = f"{description}, view {view + 1} of {views}"
        for rows, outputs in batches.map_batches(function, read, remaining, batch_size, title):
            for array, output in zip(arrays, outputs, strict=True):
                array[rows, view] = output
            completed.add(rows, view)
    completed.flush()


@contextmanager
def cached_activations(
    frozen: FrozenLayers,
    train: Split,
    validation: Split,
    augmentation: Augmentation,
    batch_size: int,
    folder: Path,
    training: int,
) -> Iterator[tuple[Callable[[int], Batches], Callable[[], Batches]]]:
    """The training batches of an epoch and the validation batches of one training, at the cut after `frozen`.

    The frozen layers run when the first batch is requested: a training that is complete already requests none.

    Args:
        folder: where the activations are kept until the block ends. Activations that an earlier process left there are
            used. The folder must belong to this training, because it is removed at the end.
        training: the number of the training, so that no two trainings have the same order of images or fresh views.

    Raises:
        UserError: the disk is too small for the activations; raised before any is computed.
    """
    from_images = batches.training_from_images(frozen, train, augmentation, batch_size, training)
    if not frozen.layers:
        # Only the scaling is frozen, and the images are on disk already.
        yield from_images, batches.validation_from_images(frozen, validation, batch_size)
        return

    @cache
    def compute() -> tuple[Callable[[int], Batches], Callable[[], Batches]]:
        folder.mkdir(exist_ok=True)
        splits = {"validation": (validation, 1), "train": (train, augmentation.views)}
        check_round_space([frozen], train, validation, augmentation, folder)
        # Allocate the space for all activations before computing any.
        activations = {
            name: open_arrays(frozen, len(split), views, folder, name)
            for name, (split, views) in splits.items()
            if views
        }
        for name, tensors in activations.items():
            title = f"{name}, {frozen.layers} layers"
            fill_arrays(tensors, frozen, splits[name][0], augmentation, batch_size, title, folder / f"{name}.done")
        validation_batches = batches.validation_from_cache(activations["validation"], validation.labels, batch_size)
        if not augmentation.views:
            return from_images, validation_batches
        training_batches = batches.training_from_cache(
            activations["train"], train.labels, augmentation, batch_size, training
        )
        return training_batches, validation_batches

    yield lambda epoch: compute()[0](epoch), lambda: compute()[1]()
    shutil.rmtree(folder, ignore_errors=True)


def check_round_space(
    cuts: Sequence[FrozenLayers],
    train: Split,
    validation: Split,
    augmentation: Augmentation,
    folder: Path,
    states: Sequence[int] = (),
) -> None:
    """Check the disk before the first of several trainings that run one after the other, one for each cut.

    Args:
        folder: what is below it already needs no further space.
        states: the bytes of the state that each training keeps until the last one ends.

    Raises:
        UserError: the disk is too small for the largest activations and all states.
    """
    images = len(validation) + len(train) * augmentation.views
    # Without frozen layers, no activations are kept: the images are on disk already.
    sizes = {frozen.layers: activation_bytes(frozen, images) for frozen in cuts if frozen.layers}
    largest = max(sizes, key=lambda layers: sizes[layers], default=0)
    # A new state is written before the old one is removed.
    needed = sizes.get(largest, 0) + sum(states) + max(states, default=0)
    contents = [f"the activations of {largest} frozen layers"] * bool(sizes) + ["the trainings' state"] * bool(states)
    scratch.check_disk_space(
        needed - sum(path.stat().st_size for path in folder.rglob("*.np[yz]")),
        f"keeping {' and '.join(contents)}",
        "lower augment.views (0 keeps none of training), or freeze layers",
    )


def activation_bytes(frozen: FrozenLayers, images: int) -> int:
    """The bytes that the activations of so many images take."""
    return images * sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in frozen.outputs)


def open_arrays(frozen: FrozenLayers, images: int, views: int, folder: Path, name: str) -> Tensors:
    """Arrays on disk for so many views of so many images: (images, views, ...) for each tensor at the cut."""
    return [
        scratch.open_array(folder / f"{name}-{number}.npy", (images, views, *shape), dtype)
        for number, (shape, dtype) in enumerate(frozen.outputs)
    ]
