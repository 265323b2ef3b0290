"""The frozen layers of a round, run once: what they make of every view of every image is kept on disk while it lasts.

An epoch then runs only the layers that are trained. Nothing is approximated: the arrays have the type that the layers
compute in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from transfer import batches, scratch
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
        # The space for all of them is taken before any is computed
        unseen = arrays(frozen, len(validation), 1, folder, "validation")
        seen = arrays(frozen, len(train), augmentation.views, folder, "train") if augmentation.views else []
        batches.fill(unseen, frozen, validation, augmentation, batch_size, f"validation, {frozen.layers} layers")
        validation_batches = batches.stored(unseen, validation.labels, batch_size)
        if augmentation.views:
            batches.fill(seen, frozen, train, augmentation, batch_size, f"train, {frozen.layers} layers")
            yield batches.cached(seen, train.labels, augmentation, batch_size, training), validation_batches
        else:
            yield batches.drawn(frozen, train, augmentation, batch_size, training), validation_batches


def size(frozen: Frozen, images: int) -> int:
    """Bytes that the activations of so many images take."""
    return images * sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in frozen.outputs)


def arrays(frozen: Frozen, images: int, number: int, folder: Path, name: str) -> batches.Tensors:
    """Arrays on disk for `number` views of so many images: (images, number, ...) for each tensor at the cut."""
    return [
        scratch.array(folder / f"{name}-{place}", (images, number, *shape), dtype)
        for place, (shape, dtype) in enumerate(frozen.outputs)
    ]
