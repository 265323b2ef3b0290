"""Activations: the output of frozen layers for every view of every image, computed once and kept on disk.

An epoch of fine-tuning then runs only the layers that are trained. Nothing is approximated: the arrays have the type
that the layers compute in.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from transfer.caching import scratch
from transfer.caching.completed_batches import CompletedBatches
from transfer.caching.shared_views import SharedViews
from transfer.engine.engines import Engine
from transfer.loading import batches
from transfer.loading.augmentation import Augmentation, augment_batch
from transfer.loading.batches import Batches, Tensors
from transfer.loading.prepared import Split
from transfer.loading.shards import Shards
from transfer.models.frozen_layers import FrozenLayers


@dataclass(frozen=True)
class Views:
    """Views of the images of a split, and the arrays that have room for their activations.

    Attributes:
        arrays: one for each tensor at the cut (images, views, ...).
        rows: the image of each view (views,).
        numbers: the number of each view (views,).
        name: of the split.
    """

    split: Split
    arrays: Sequence[np.ndarray | Shards]
    rows: np.ndarray
    numbers: np.ndarray
    name: str

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice | np.ndarray) -> "Views":
        return replace(self, rows=self.rows[part], numbers=self.numbers[part])


def all_views(split: Split, arrays: Sequence[np.ndarray | Shards], name: str) -> Views:
    """As many views of all images of a split as the arrays have, image by image."""
    views = arrays[0].shape[1]
    return Views(split, arrays, np.repeat(np.arange(len(split)), views), np.tile(np.arange(views), len(split)), name)


def by_orientations(views: Sequence[Views], frozen: FrozenLayers) -> dict[FrozenLayers, list[Views]]:
    """Which layers run over which views: all orientations of the images themselves, one of every augmented view."""
    if frozen.views == 1:
        return {frozen: list(views)}
    return {
        frozen: [of_split[of_split.numbers == 0] for of_split in views],
        frozen.one_view: [of_split[of_split.numbers > 0] for of_split in views],
    }


def fill_each(
    views: Mapping[FrozenLayers, Sequence[Views]],
    augmentation: Augmentation,
    batch_size: int,
    description: str,
    folder: Path,
    engine: Engine | None = None,
) -> None:
    """Run each function over its views; see `fill_arrays`.

    Args:
        folder: for the files that record the complete batches.
    """
    for number, (function, of_function) in enumerate(views.items()):
        name = f"{description}, {function.views} views" if function.views > 1 else description
        fill_arrays(of_function, function, augmentation, batch_size, name, folder / f"done-{number}", engine)


def fill_arrays(
    views: Sequence[Views],
    function: Callable[[np.ndarray], Tensors],
    augmentation: Augmentation,
    batch_size: int,
    description: str,
    log: Path,
    engine: Engine | None = None,
) -> None:
    """Run `function` over views of one or more splits, and write its outputs into their arrays.

    Args:
        log: the file that records the complete batches. A later call with the same arrays computes only the others.
        engine: where `function` runs; without one, in this process.
    """
    order = list(enumerate(_batches(views, batch_size)))
    completed = CompletedBatches(log, lambda: _flush(views))
    remaining = [batch for batch in order if not completed.contains(batch[0], _contents(batch[1]))]

    names = [of_split.name for of_split in views]

    def read_images(batch: tuple[int, list[Views]]) -> np.ndarray:
        return np.concatenate([augment_batch(part.split, augmentation, part.numbers, part.rows) for part in batch[1]])

    def read_numbers(batch: tuple[int, list[Views]]) -> np.ndarray:
        splits = [np.full(len(part), names.index(part.name)) for part in batch[1]]
        return np.concatenate(
            [np.stack([split, part.rows, part.numbers], axis=1) for split, part in zip(splits, batch[1], strict=True)]
        )

    read = read_images
    if engine is not None and engine.shared:
        function, read = SharedViews(function, names, views[0].split.images.shape[1], augmentation), read_numbers
    results = batches.map_batches(function, read, remaining, batch_size, description, engine)
    for (number, parts), outputs in results:
        start = 0
        for part in parts:
            for array, output in zip(part.arrays, outputs, strict=True):
                array[part.rows, part.numbers] = output[start : start + len(part)]
            start += len(part)
        completed.add(number, _contents(parts))
    completed.flush()


def _batches(views: Sequence[Views], batch_size: int) -> Iterator[list[Views]]:
    """The views in batches. A batch may contain views of several splits: only the last one is smaller."""
    batch: list[Views] = []
    for of_split in views:
        start = 0
        while start < len(of_split):
            part = of_split[start : start + batch_size - sum(map(len, batch))]
            batch.append(part)
            start += len(part)
            if sum(map(len, batch)) == batch_size:
                yield batch
                batch = []
    if batch:
        yield batch


def _contents(batch: Sequence[Views]) -> Iterator[np.ndarray]:
    """What the arrays hold for a batch; read only where it is needed."""
    for part in batch:
        yield from (array[part.rows, part.numbers] for array in part.arrays)


def _flush(views: Sequence[Views]) -> None:
    for array in (array for of_split in views for array in of_split.arrays):
        if isinstance(array, np.memmap | Shards):
            array.flush()


@contextmanager
def cached_activations(
    frozen: FrozenLayers,
    train: Split,
    validation: Split,
    augmentation: Augmentation,
    batch_size: int,
    folder: Path,
    training: int,
    engine: Engine | None = None,
) -> Iterator[tuple[Callable[[int], Batches], Callable[[], Batches]]]:
    """The training batches of an epoch and the validation batches of one training, at the cut after `frozen`.

    The frozen layers run when the first batch is requested: a training that is complete already requests none.

    Args:
        folder: where the activations are kept until the block ends. Activations that an earlier process left there are
            used. The folder must belong to this training, because it is removed at the end.
        training: the number of the training, so that no two trainings have the same order of images or fresh views.
        engine: where the frozen layers run; without one, in this process.

    Raises:
        UserError: the disk is too small for the activations; raised before any is computed.
    """
    from_images = batches.training_from_images(frozen.one_view, train, augmentation, batch_size, training)
    # All orientations of an image are in the same batch.
    images_of_batch = max(batch_size // frozen.views, 1)
    if not frozen.layers:
        # Only the scaling is frozen, and the images are on disk already.
        yield from_images, batches.validation_from_images(frozen, validation, images_of_batch)
        return

    @cache
    def compute() -> tuple[Callable[[int], Batches], Callable[[], Batches]]:
        folder.mkdir(exist_ok=True)
        splits = {"validation": (validation, 1, frozen), "train": (train, augmentation.views, frozen.one_view)}
        check_round_space([frozen], train, validation, augmentation, folder)
        # Allocate the space for all activations before computing any.
        activations = {
            name: open_arrays(layers, len(split), views, folder, name)
            for name, (split, views, layers) in splits.items()
            if views
        }
        of_layers: dict[FrozenLayers, list[Views]] = {}
        for name, tensors in activations.items():
            split, _, layers = splits[name]
            of_layers.setdefault(layers, []).append(all_views(split, tensors, name))
        fill_each(of_layers, augmentation, batch_size, f"{frozen.layers} frozen layers", folder, engine)
        validation_batches = batches.validation_from_cache(
            activations["validation"], validation.labels, images_of_batch
        )
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
    # Without frozen layers, no activations are kept: the images are on disk already.
    sizes = {
        frozen.layers: activation_bytes(frozen, len(validation))
        + activation_bytes(frozen.one_view, len(train) * augmentation.views)
        for frozen in cuts
        if frozen.layers
    }
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
