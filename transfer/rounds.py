"""Which round of fine-tuning is kept, by validation; and which the study would have kept, by its gap."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """One round's best epoch: accuracy while training and on validation."""

    frozen_layers: int
    train_accuracy: float
    validation_accuracy: float

    @property
    def gap(self) -> float:
        """Training less validation accuracy: how much of what was learnt does not carry over."""
        return self.train_accuracy - self.validation_accuracy


def kept(rounds: Sequence[Round]) -> int:
    """The round with the best validation accuracy; ties go to the earlier one."""
    return max(range(len(rounds)), key=lambda number: (rounds[number].validation_accuracy, -number))


def least_overfitted(rounds: Sequence[Round]) -> int:
    """The round with the smallest gap, which the study preferred; ties go to the earlier one."""
    return min(range(len(rounds)), key=lambda number: (rounds[number].gap, number))
