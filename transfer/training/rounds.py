"""Rounds of fine-tuning: which one is kept, by validation accuracy, and which one the study would have kept."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RoundResult:
    """The best epoch of a round: accuracy while training, and on validation."""

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
