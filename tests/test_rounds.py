"""Which round of fine-tuning is kept, and which has the smallest gap."""

import pytest

from transfer.rounds import Round, kept, least_overfitted


def test_the_gap_is_training_less_validation():
    assert Round(500, 0.95, 0.9).gap == pytest.approx(0.05)
    assert Round(500, 0.8, 0.9).gap == pytest.approx(-0.1)


def test_the_best_validation_is_kept_whatever_the_training():
    rounds = [Round(500, 0.99, 0.87), Round(300, 0.92, 0.9), Round(0, 1.0, 0.89)]
    assert kept(rounds) == 1
    assert kept(rounds[:1]) == 0


def test_of_equal_validations_the_earlier_round_is_kept():
    assert kept([Round(500, 0.9, 0.85), Round(300, 0.99, 0.9), Round(0, 0.91, 0.9)]) == 1


def test_the_smallest_gap_counts_below_zero_too():
    rounds = [Round(500, 0.9, 0.88), Round(300, 0.85, 0.86), Round(0, 0.95, 0.9)]
    assert least_overfitted(rounds) == 1


def test_of_equal_gaps_the_earlier_round_is_the_least_overfitted():
    assert least_overfitted([Round(500, 1.0, 0.5), Round(300, 0.75, 0.5), Round(0, 0.5, 0.25)]) == 1


def test_the_two_may_be_different_rounds():
    rounds = [Round(500, 0.8, 0.8), Round(300, 1.0, 0.9)]
    assert (kept(rounds), least_overfitted(rounds)) == (1, 0)
