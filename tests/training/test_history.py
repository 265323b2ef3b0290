"""Which round of fine-tuning is kept, and which one has the smallest gap."""

import pytest

from transfer.training.history import RoundResult, best_round, smallest_gap_round


def test_the_gap_is_training_accuracy_minus_validation_accuracy():
    assert RoundResult(500, 0.95, 0.9).gap == pytest.approx(0.05)
    assert RoundResult(500, 0.8, 0.9).gap == pytest.approx(-0.1)


def test_the_best_validation_accuracy_is_kept_whatever_the_training_accuracy():
    rounds = [RoundResult(500, 0.99, 0.87), RoundResult(300, 0.92, 0.9), RoundResult(0, 1.0, 0.89)]
    assert best_round(rounds) == 1
    assert best_round(rounds[:1]) == 0


def test_a_tie_in_validation_accuracy_goes_to_the_earlier_round():
    assert best_round([RoundResult(500, 0.9, 0.85), RoundResult(300, 0.99, 0.9), RoundResult(0, 0.91, 0.9)]) == 1


def test_a_negative_gap_is_smaller_than_a_positive_one():
    rounds = [RoundResult(500, 0.9, 0.88), RoundResult(300, 0.85, 0.86), RoundResult(0, 0.95, 0.9)]
    assert smallest_gap_round(rounds) == 1


def test_a_tie_in_gaps_goes_to_the_earlier_round():
    assert smallest_gap_round([RoundResult(500, 1.0, 0.5), RoundResult(300, 0.75, 0.5), RoundResult(0, 0.5, 0.25)]) == 1


def test_the_best_round_may_not_be_the_one_with_the_smallest_gap():
    rounds = [RoundResult(500, 0.8, 0.8), RoundResult(300, 1.0, 0.9)]
    assert (best_round(rounds), smallest_gap_round(rounds)) == (1, 0)
