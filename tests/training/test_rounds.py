"""Which round of fine-tuning is kept, and which has the smallest gap."""

import pytest
from transfer.training.rounds import RoundResult
from transfer.training.rounds import best_round
from transfer.training.rounds import smallest_gap_round


def test_the_gap_is_training_less_validation():
    assert RoundResult(500, 0.95, 0.9).gap == pytest.approx(0.05)
    assert RoundResult(500, 0.8, 0.9).gap == pytest.approx(-0.1)


def test_the_best_validation_is_kept_whatever_the_training():
    rounds = [RoundResult(500, 0.99, 0.87), RoundResult(300, 0.92, 0.9), RoundResult(0, 1.0, 0.89)]
    assert best_round(rounds) == 1
    assert best_round(rounds[:1]) == 0


def test_of_equal_validations_the_earlier_round_is_kept():
    assert best_round([RoundResult(500, 0.9, 0.85), RoundResult(300, 0.99, 0.9), RoundResult(0, 0.91, 0.9)]) == 1


def test_the_smallest_gap_counts_below_zero_too():
    rounds = [RoundResult(500, 0.9, 0.88), RoundResult(300, 0.85, 0.86), RoundResult(0, 0.95, 0.9)]
    assert smallest_gap_round(rounds) == 1


def test_of_equal_gaps_the_earlier_round_is_the_least_overfitted():
    assert smallest_gap_round([RoundResult(500, 1.0, 0.5), RoundResult(300, 0.75, 0.5), RoundResult(0, 0.5, 0.25)]) == 1


def test_the_two_may_be_different_rounds():
    rounds = [RoundResult(500, 0.8, 0.8), RoundResult(300, 1.0, 0.9)]
    assert (best_round(rounds), smallest_gap_round(rounds)) == (1, 0)
