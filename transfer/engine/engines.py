"""What an engine does, and the choice of one."""

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Protocol, TypeVar

import numpy as np

from transfer.engine.local import Local
from transfer.engine.params import EngineParams
from transfer.interface.errors import UserError

Item = TypeVar("Item")
# Arrays of a batch (batch_size, ...) to arrays whose first axis is the batch.
BatchFunction = Callable[[np.ndarray], list[np.ndarray]]


class Engine(Protocol):
    """Runs a function over batches.

    Attributes:
        shared: whether workers read the prepared images themselves, so that only the numbers of rows need to travel.
    """

    shared: bool

    def map(self, function: BatchFunction, batches: Iterable[tuple[Item, np.ndarray]]) -> Iterator[tuple[Item, list]]:
        """Run `function` over batches, with any number of workers.

        Args:
            function: what it returns may depend on nothing but the batch.
            batches: what each batch contains, and the batch. They are read as workers become free.

        Yields:
            what a batch contains, and what `function` returns for it, in any order.

        Raises:
            UserError: the function cannot be run.
        """
        ...

    def status(self) -> str:
        """What a progress bar says about the workers."""
        ...


def open_engine(settings: EngineParams) -> Engine:
    """The engine that params.yaml names, ready to work.

    Raises:
        UserError: Ray is not installed, its cluster cannot be reached, or has no worker that computes the same bytes.
    """
    if settings.name == "local":
        return Local()
    if find_spec("ray") is None:
        raise UserError(
            "params.yaml: engine.name is ray, but Ray is not installed: install it with "
            "`python -m pip install --require-hashes -r requirements-ray.txt`, or set engine.name to local."
        )
    # Imported late: Ray is not among the requirements of the pipeline.
    from transfer.engine.ray_engine import RayEngine

    return RayEngine(settings.address, settings.shared)
