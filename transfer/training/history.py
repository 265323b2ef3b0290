"""The record of a training: its epochs, and which of them was best."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One epoch: `loss` and `accuracy` while training (with augmentation and dropout) and on validation.

    Attributes:
        number: counted from 0.
    """

    number: int
    train: dict[str, float]
    validation: dict[str, float]


@dataclass(frozen=True)
class Fit:
    """A training that has ended; the model holds the weights of epoch `best_epoch`."""

    epochs: list[Epoch]
    best_epoch: int

    @property
    def best(self) -> Epoch:
        return self.epochs[self.best_epoch]

    def metrics(self) -> dict[str, Any]:
        """The values of the best epoch, its number counted from 1, and the number of epochs."""
        return {
            "train": self.best.train,
            "validation": self.best.validation,
            "epochs": len(self.epochs),
            "best_epoch": self.best_epoch + 1,
        }
