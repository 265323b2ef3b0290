"""The engine `local`: one batch after the other, in this process."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Local:
    """The simplest engine; see `engines.Engine`. TensorFlow itself uses all processors."""

    shared = False

    def map(
        self, function: Callable[[np.ndarray], list[np.ndarray]], batches: Iterable[tuple[Item, np.ndarray]]
    ) -> Iterator[tuple[Item, list[np.ndarray]]]:
        """Run `function` over batches, in their order."""
        for item, inputs in batches:
            yield item, function(inputs)

    def status(self) -> str:
        """Nothing: there is one worker, this process."""
        return ""
