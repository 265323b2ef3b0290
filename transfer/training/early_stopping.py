"""Early stopping."""

import math
from dataclasses import dataclass


@dataclass
class EarlyStopping:
    """Stop when `patience` epochs in a row improve the best value by no more than `min_delta`.

    The rule of Keras' callback of the same name, with its state in plain attributes. Without patience, training never
    stops early and the last epoch is the best by definition: a schedule that ends at a rate of zero does not need an
    earlier epoch.
    """

    patience: int | None
    min_delta: float
    best: float = -math.inf
    best_epoch: int = -1
    wait: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Record the value of an epoch, and return whether it is the new best."""
        if self.patience is None or value - self.min_delta > self.best:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True
        self.wait += 1
        return False

    @property
    def should_stop(self) -> bool:
        return self.patience is not None and self.wait >= self.patience
