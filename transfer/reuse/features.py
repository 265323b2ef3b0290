"""Features of the last version: the backbone runs only on the views of images that have none."""

import sys
from typing import Any, Protocol

import numpy as np

from transfer.common import environment
from transfer.loading import features
from transfer.loading.prepared import Split
from transfer.loading.shards import Shards
from transfer.reuse import provenance, rows
from transfer.reuse.provenance import Provenance
from transfer.reuse.rows import Row

# What the outputs of a backbone depend on.
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "tensorflow", "tensorflow-cpu")
ROOMS = ("common", "loading", "models", "caching")


class Settings(Protocol):
    """The parameters that the features of a view depend on."""

    seed: int
    image_size: int
    batch_size: int
    augment: Any
    evaluate: Any


def describe(settings: Settings, *, backbone: str, precision: str, runtime: str) -> Provenance:
    """The provenance of features. The processor is in their index, because it may differ between images.

    Args:
        backbone: a digest of the backbone with its weights.
        precision: the type that the layers compute in.
        runtime: what runs them.
    """
    parameters = {
        "seed": settings.seed,
        "image_size": settings.image_size,
        "batch_size": settings.batch_size,
        "augment.flip": settings.augment.flip,
        "augment.rotation": settings.augment.rotation,
        "evaluate.views": settings.evaluate.views,
        "precision": precision,
        "runtime": runtime,
        "backbone": backbone,
    }
    return provenance.describe(parameters, LIBRARIES, ROOMS)


def last_features(now: Provenance, channels: int, *, any_processor: bool) -> dict[str, Row]:
    """The features of the last version (views, channels) that can be taken over, by the digest of their image.

    Args:
        now: the provenance of features that are computed now.
        any_processor: whether to take over features that another kind of processor computed; their last bits differ.
    """
    last = rows.rows_of_last_version("features", features.FOLDER, now, (None, channels), ("processor",))
    kind = environment.processor_kind()
    own = {digest: row for digest, row in last.items() if any_processor or row.record == (kind,)}
    if len(own) < len(last):
        others = sorted({row.record[0] for row in last.values()} - {kind})
        print(
            f"The last version of {features.FOLDER}/ has {len(last) - len(own)} images that were computed on another "
            f"kind of processor ({', '.join(others)}; this one is {kind}): they are computed again. To take them over, "
            "set features.reuse to any in params.yaml.",
            file=sys.stderr,
        )
    return own


def take_over(last: dict[str, Row], split: Split, array: Shards) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Copy the features of the last version into a new array (images, views, channels).

    Returns:
        the pairs of row and view that remain to be computed (pairs,) and (pairs,), those of a shard together, and the
        kind of processor of each image.
    """
    kind, views = environment.processor_kind(), array.shape[1]
    remaining = np.ones((len(split), views), bool)
    processors = [kind] * len(split)
    rows_in_order = array.by_shard()
    # Shard by shard, because so many files cannot be open at the same time.
    for row in rows_in_order.tolist():
        digest = split.digests[row]
        if digest not in last:
            continue
        values, [processor] = last[digest].values[:views], last[digest].record
        # An image has the features of one kind of processor, never of two.
        if processor == kind or len(values) == views:
            array[np.full(len(values), row), np.arange(len(values))] = values
            remaining[row, : len(values)] = False
            processors[row] = processor
    places, of_view = np.nonzero(remaining[rows_in_order])
    return rows_in_order[places], of_view, processors
