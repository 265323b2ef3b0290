"""The record of a training: its epochs, the best of them, and the rounds of a fine-tuning."""

from collections.abc import Sequence
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


@dataclass(frozen=True)
class RoundResult:
    """A round of fine-tuning, by its best epoch: accuracy while training, and on validation."""

    frozen_layers: int
    train_accuracy: float
    validation_accuracy: float

    @property
    def gap(self) -> float:
        """Training accuracy minus validation accuracy: a measure of overfitting."""
        return self.train_accuracy - self.validation_accuracy

    def __str__(self) -> str:
        return (
            f"{self.frozen_layers} layers frozen: validation accuracy {self.validation_accuracy:.4f}, "
            f"training {self.train_accuracy:.4f}"
        )


def best_round(rounds: Sequence[RoundResult]) -> int:
    """The index of the round with the best validation accuracy; ties go to the earlier round."""
    return max(range(len(rounds)), key=lambda number: (rounds[number].validation_accuracy, -number))


def smallest_gap_round(rounds: Sequence[RoundResult]) -> int:
    """The index of the round with the smallest gap, which the study preferred; ties go to the earlier round."""
    return min(range(len(rounds)), key=lambda number: (rounds[number].gap, number))
