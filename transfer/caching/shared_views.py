"""Views that a worker makes itself, from the prepared images in a folder that it shares with the driver.

Only the numbers of the views travel then: a split, an image and a view take 24 bytes instead of a whole image.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation, augment_batch
from transfer.loading.batches import Tensors
from transfer.loading.prepared import Split


class SharedViews:
    """A function of the numbers of views, in place of the views themselves."""

    def __init__(
        self, function: Callable[[np.ndarray], Tensors], splits: Sequence[str], size: int, augmentation: Augmentation
    ):
        """
        Args:
            function: what runs over the views.
            splits: the names of the splits, which the numbers count.
            size: the side of the images, in pixels.
        """
        self.function = function
        self.names = list(splits)
        self.size = size
        self.augmentation = augmentation
        self.folder = prepared.FOLDER.resolve()

    @cached_property
    def splits(self) -> list[Split]:
        """The splits, opened by the worker. Raises UserError if they are not what the driver has."""
        return [prepared.load_split(name, self.folder, self.size) for name in self.names]

    def __call__(self, numbers: np.ndarray) -> Tensors:
        """The numbers of split, image and view (views, 3), those of a split together, to the output of the function."""
        parts = [numbers[numbers[:, 0] == split] for split in dict.fromkeys(numbers[:, 0].tolist())]
        views = [augment_batch(self.splits[part[0, 0]], self.augmentation, part[:, 2], part[:, 1]) for part in parts]
        return self.function(np.concatenate(views))
