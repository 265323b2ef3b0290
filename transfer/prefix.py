"""The frozen layers of a round, run once: what they make of every view of every image is kept on disk while it lasts.

An epoch then runs only the layers that are trained. Nothing is approximated: the arrays have the type that the layers
compute in.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from transfer import batches, scratch
from transfer.backbone import Frozen
from transfer.batches import Batches
from transfer.prepared import Split
from transfer.views import Augmentation


@contextmanager
def once(
    frozen: Frozen,
    train: Split,
    validation: Split,
    augmentation: Augmentation,
    batch_size: int,
    folder: Path,
    training: int,
) -> Iterator[tuple[Callable[[int], Batches], Callable[[], Batches]]]:
    """The training batches of an epoch and the validation batches of one training, at the cut behind `frozen`.

    The frozen layers run when the first batch is asked for: a training that turns out to be finished asks for none.

    Args:
        folder: where the activations are kept until the block ends; what an earlier process left there is gone on with.
            It must be this training's own: another's would be removed with it.
        training: which training it is, so that two trainings repeat neither each other's order nor their fresh views.

    Raises:
        Fault: the disk is too small for the activations; nothing has been computed then.
    """
    drawn = batches.drawn(frozen, train, augmentation, batch_size, training)
    if not frozen.layers:
        # Nothing is frozen but the scaling: the images are at hand already
        yield drawn, batches.plain(frozen, validation, batch_size)
        return

    @cache
    def run() -> tuple[Callable[[int], Batches], Callable[[], Batches]]:
        folder.mkdir(exist_ok=True)
        splits = {"validation": (validation, 1), "train": (train, augmentation.views)}
        check_space([frozen], train, validation, augmentation, folder)
        # The space for all of them is taken before any is computed
        kept = {
            name: arrays(frozen, len(split), views, folder, name) for name, (split, views) in splits.items() if views
        }
        for name, tensors in kept.items():
            title = f"{name}, {frozen.layers} layers"
            batches.fill(tensors, frozen, splits[name][0], augmentation, batch_size, title, folder / f"{name}.done")
        unseen = batches.stored(kept["validation"], validation.labels, batch_size)
        if not augmentation.views:
            return drawn, unseen
        return batches.cached(kept["train"], train.labels, augmentation, batch_size, training), unseen

    yield lambda epoch: run()[0](epoch), lambda: run()[1]()
    shutil.rmtree(folder, ignore_errors=True)


def check_space(
    cuts: Sequence[Frozen],
    train: Split,
    validation: Split,
    augmentation: Augmentation,
    folder: Path,
    states: Sequence[int] = (),
) -> None:
    """To be asked before the first of several trainings, one for each cut, one after the other.

    Args:
        folder: what is kept below it already needs no space.
        states: bytes of the state that each training keeps until the last has ended.

    Raises:
        Fault: the disk is too small for the activations of one of them, and what else is kept beside them.
    """
    images = len(validation) + len(train) * augmentation.views
    # Without frozen layers nothing is kept but the images that are there already
    sizes = {frozen.layers: size(frozen, images) for frozen in cuts if frozen.layers}
    largest = max(sizes, key=lambda layers: sizes[layers], default=0)
    # A state is written beside the one that it replaces
    needed = sizes.get(largest, 0) + sum(states) + max(states, default=0)
    what = [f"the activations of {largest} frozen layers"] * bool(sizes) + ["the trainings' state"] * bool(states)
    scratch.check_space(
        needed - sum(path.stat().st_size for path in folder.rglob("*.np[yz]")),
        f"keeping {' and '.join(what)}",
        "lower augment.views (0 keeps none of training), or freeze layers",
    )


def size(frozen: Frozen, images: int) -> int:
    """Bytes that the activations of so many images take."""
    return images * sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in frozen.outputs)


def arrays(frozen: Frozen, images: int, number: int, folder: Path, name: str) -> batches.Tensors:
    """Arrays on disk for `number` views of so many images: (images, number, ...) for each tensor at the cut."""
    return [
        scratch.array(folder / f"{name}-{place}.npy", (images, number, *shape), dtype)
        for place, (shape, dtype) in enumerate(frozen.outputs)
    ]
