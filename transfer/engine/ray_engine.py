"""The engine `ray`: batches travel to the workers of a Ray cluster, and results back to this process.

Workers are stateless: a batch whose worker or node dies runs again on another, and nodes may join at any time. Batches
travel through Ray's object store, a few for each worker, so the nodes need to share no folder with this machine.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import ray

from transfer.engine import cluster, worker
from transfer.interface.errors import UserError

Item = TypeVar("Item")
# So many batches are on their way for each worker: one that it runs, and the next, so that it need not wait.
AHEAD = 2
# A batch that so many workers have died of is what they die of.
MOST_RETRIES = 3
# Seconds without a result after which the cluster is asked whether it has workers at all.
PATIENCE = 10.0


class RayEngine:
    """See `engines.Engine`."""

    def __init__(self, address: str | None, shared: bool):
        """
        Args:
            address: host and port of the cluster; None: the environment's RAY_ADDRESS, or the cluster that this machine
                belongs to.
            shared: whether the workers read the prepared images themselves.

        Raises:
            UserError: the cluster cannot be reached, or has no worker that computes the same bytes.
        """
        self.address = cluster.connect(address)
        self.shared = shared
        self.expected = worker.describe(worker.INDEX.resolve() if shared else None)
        cluster.check_nodes(self.address, self.expected)
        # A worker with a GPU has it alone, and as many processors as it likes.
        processors, gpus = (0, 1) if cluster.resource() == "GPU" else (1, 0)
        # Any number of calls: otherwise, Ray ends a worker that uses a GPU after each batch, with its model.
        options = ray.remote(max_retries=MOST_RETRIES, max_calls=0, num_cpus=processors, num_gpus=gpus)
        self.compute = options(worker.compute)
        self.workers = cluster.workers()

    def map(
        self, function: Callable[[np.ndarray], list[np.ndarray]], batches: Iterable[tuple[Item, np.ndarray]]
    ) -> Iterator[tuple[Item, list[np.ndarray]]]:
        """Run `function` over batches, in the order in which workers complete them."""
        key, expected, serialised = uuid.uuid4().hex, self.expected, ray.put(worker.serialise(function))
        remaining = iter(batches)
        # A batch stays in the object store until its result is here: its worker may die.
        running: dict[Any, tuple[Item, Any]] = {}
        while True:
            self.workers = cluster.workers()
            while len(running) < AHEAD * max(self.workers, 1) and (following := next(remaining, None)) is not None:
                item, inputs = following
                stored = ray.put(inputs)
                running[self.compute.remote(key, expected, serialised, stored)] = item, stored
            if not running:
                return
            complete, _ = ray.wait(list(running), num_returns=1, timeout=PATIENCE)
            if not complete and not cluster.workers():
                raise UserError(
                    f"The Ray cluster at {self.address} has no worker left: start one, then run the same command again "
                    "to continue."
                )
            for reference in complete:
                yield running.pop(reference)[0], _result(reference)

    def status(self) -> str:
        """How many workers the cluster has."""
        return f"{self.workers} Ray worker{'s' * (self.workers != 1)}"


def _result(reference: Any) -> list[np.ndarray]:
    """The result of a batch. Raises UserError if its function raised an error, or killed its workers."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        reason = f"{type(error.cause).__name__}: {cluster.reason_of(error.cause)}"
        raise UserError(
            f"A Ray worker failed on a batch ({reason}): set engine.name in params.yaml to local, and run again."
        ) from None
    except ray.exceptions.RayError as error:
        raise UserError(
            f"A batch was given up after {MOST_RETRIES + 1} workers died ({cluster.reason_of(error)}): give the nodes "
            "more memory or fewer workers, then run the same command again to continue."
        ) from None
