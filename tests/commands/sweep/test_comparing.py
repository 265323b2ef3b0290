"""Recipes compared: seeds as repeats, and p-values adjusted for the number of comparisons."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from commands.sweep import comparing
from sweeps import predictions
from transfer.interface.errors import UserError


def test_seeds_are_taken_as_repeats():
    tables = {1: predictions(0.8, 1), 2: predictions(0.8, 2)}
    pooled = comparing.pooled(tables, [1, 2])
    first = pooled.iloc[0]
    assert first["right"] == tables[1]["right"][0] + tables[2]["right"][0]
    assert first["folds"] == f"{tables[1]['folds'][0]} {tables[2]['folds'][0]}"
    accuracy, low, high = comparing.accuracy(pooled)
    right = [int(digit) for table in tables.values() for value in table["right"] for digit in value]
    assert accuracy == pytest.approx(np.mean(right))
    assert low < accuracy < high


def test_images_are_matched_by_their_paths():
    tables = {1: predictions(0.8, 1), 2: predictions(0.8, 2).iloc[::-1].iloc[5:]}
    pooled = comparing.pooled(tables, [1, 2]).set_index("path")
    assert len(pooled) == 295
    expected = tables[1].set_index("path")["right"] + tables[2].set_index("path")["right"]
    assert pooled["right"].equals(expected.loc[pooled.index])


def test_a_better_recipe_is_told_from_a_worse_one_and_not_from_an_equal_one():
    best = {seed: predictions(0.9, seed) for seed in (1, 2, 3)}
    worse = {seed: predictions(0.7, 10 + seed) for seed in (1, 2, 3)}
    equal = {seed: predictions(0.9, 20 + seed) for seed in (1, 2, 3)}
    assert comparing.difference(worse, best).p_value < 0.001
    assert comparing.difference(worse, best).difference == pytest.approx(-0.2, abs=0.03)
    assert comparing.difference(equal, best).p_value > 0.05


def test_only_seeds_that_both_have_are_compared():
    best = {1: predictions(0.9, 1), 2: predictions(0.9, 2)}
    one = comparing.difference({2: best[2], 5: predictions(0.1, 3)}, best)
    assert (one.difference, one.p_value) == (0, 1)
    assert comparing.difference({5: best[1]}, best) is None


@pytest.mark.parametrize("p_values", [[], [0.2], [0.01, 0.04, 0.03], [0.9, 0.001, 0.02, 0.02, 1.0]])
def test_holm_as_in_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1] if p_values else []
    assert comparing.holm(p_values) == pytest.approx(list(expected))


def test_a_damaged_table_is_an_error():
    table = predictions(0.9, 1)
    table.loc[3, "right"] = "1x"
    with pytest.raises(
        UserError, match=r"^A table of cross-validated predictions is damaged: remove its experiment\.$"
    ):
        comparing.accuracy(table)
