"""The frozen layers of a round, run once: what they make of every view of every image is kept on disk while it lasts.

An epoch then runs only the layers that are trained. Nothing is approximated: the arrays have the type that the layers
compute in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from transfer import batches, scratch, views
from transfer.backbone import Frozen
from transfer.batches import Batches
from transfer.prepared import Split
from transfer.views import Augmentation


@contextmanager
def once(
    frozen: Frozen, train: Split, validation: Split, augmentation: Augmentation, batch_size: int, training: int
) -> Iterator[tuple[Callable[[int], Batches], Callable[[], Batches]]]:
    """The training batches of an epoch and the validation batches of one training, at the cut behind `frozen`.

    Args:
        training: which training it is, so that two trainings repeat neither each other's order nor their fresh views.

    Raises:
        Fault: the disk is too small for the activations; nothing has been computed then.
    """
    if not frozen.layers:
        # Nothing is frozen but the scaling: the images are at hand already
        yield (
            batches.drawn(frozen, train, augmentation, batch_size, training),
            batches.plain(frozen, validation, batch_size),
        )
        return
    needed = size(frozen, len(validation) + len(train) * augmentation.views)
    purpose = f"keeping the activations of {frozen.layers} frozen layers"
    with scratch.folder(needed, purpose, "lower augment.views (0 keeps none of training), or freeze layers") as folder:
        kept = stored(frozen, validation, augmentation, 1, batch_size, folder, f"validation, {frozen.layers} layers")
        validation_batches = batches.stored(kept, validation.labels, batch_size)
        if augmentation.views:
            title = f"train, {frozen.layers} layers"
            kept = stored(frozen, train, augmentation, augmentation.views, batch_size, folder, title)
            yield batches.cached(kept, train.labels, augmentation, batch_size, training), validation_batches
        else:
            yield batches.drawn(frozen, train, augmentation, batch_size, training), validation_batches


def size(frozen: Frozen, images: int) -> int:
    """Bytes that the activations of so many images take."""
    return images * sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in frozen.outputs)


def stored(
    frozen: Frozen,
    split: Split,
    augmentation: Augmentation,
    number: int,
    batch_size: int,
    folder: Path,
    title: str,
) -> batches.Tensors:
    """Run `frozen` over the first `number` views of a split: (images, number, ...) for each tensor at the cut."""
    name = title.partition(",")[0]
    kept: batches.Tensors = [
        scratch.array(folder / f"{name}-{place}", (len(split), number, *shape), dtype)
        for place, (shape, dtype) in enumerate(frozen.outputs)
    ]
    for view in range(number):
        read = partial(views.batch, split, augmentation, view)
        described = f"{title}, view {view + 1} of {number}"
        for rows, tensors in batches.through(frozen, read, len(split), batch_size, described):
            for array, tensor in zip(kept, tensors, strict=True):
                array[rows, view] = tensor
    return kept
