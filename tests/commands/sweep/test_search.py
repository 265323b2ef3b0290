"""A search proposes the same recipes however often it was stopped in between, and learns from their results."""

import pytest
import yaml

from commands.sweep import search, sweep_file
from runs import params_for_any_data
from transfer.interface.errors import UserError

BASE = params_for_any_data()
RANGES = {
    "train_tl.learning_rate": {"type": "float", "low": 0.001, "high": 0.1, "log": True},
    "train_tl.epochs": {"type": "int", "low": 20, "high": 40},
    "finetune.frozen_layers": {"type": "categorical", "choices": [[98], [54, 0]]},
}


def searching(tmp_path, *, ranges=RANGES, sampler="TPESampler", number=14, parallel=2):
    settings = {"sampler": sampler, "trials": number, "seed": 3, "maximize": "cross_validation", "ranges": ranges}
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump({"search": settings, "parallel": parallel}))
    sweep = sweep_file.load(path, 1)
    return search.Search(sweep.search, sweep.ranges, ahead=parallel, seeds=[1, 2], base=BASE, name="sweep.yaml")


def score(recipe):
    """The best learning rate is the highest."""
    return recipe.values["train_tl.learning_rate"]


def all_values(proposer, order):
    """The values of all proposals, when those that are unfinished end in this order."""
    unfinished = proposer.propose()
    values = [recipe.values for recipe in unfinished]
    while unfinished:
        recipe = unfinished.pop(order)
        proposer.finished(recipe, score(recipe))
        proposed = proposer.propose()
        values += [recipe.values for recipe in proposed]
        unfinished += proposed
    return values


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna", reason="Optuna is not installed (requirements-sweep.txt)")


@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler", "QMCSampler"])
def test_the_same_recipes_come_again_in_whatever_order_trials_end(tmp_path, optuna, sampler):
    first, last = (all_values(searching(tmp_path, sampler=sampler), order) for order in (0, -1))
    assert len(first) == 14
    assert first == last
    assert all(0.001 <= values["train_tl.learning_rate"] <= 0.1 for values in first)
    assert {values["train_tl.epochs"] for values in first} <= set(range(20, 41))
    assert {len(values["finetune.frozen_layers"]) for values in first} == {1, 2}


def test_only_so_many_recipes_are_proposed_at_once(tmp_path, optuna):
    proposer = searching(tmp_path, parallel=3)
    first = proposer.propose()
    assert (len(first), proposer.propose()) == (3, [])
    # The results count in the order of the proposals: the second alone brings nothing about.
    proposer.finished(first[1], 0.5)
    assert proposer.propose() == []
    proposer.finished(first[0], None)
    assert len(proposer.propose()) == 2
    assert proposer.propose() == []


def test_what_is_proposed_follows_from_the_results(tmp_path, optuna):
    higher = all_values(searching(tmp_path, number=40), 0)[20:]
    random = all_values(searching(tmp_path, number=40, sampler="RandomSampler"), 0)[20:]
    rates = [sorted(values["train_tl.learning_rate"] for values in proposals)[10] for proposals in (higher, random)]
    assert rates[0] > 2 * rates[1]


def test_an_end_that_params_yaml_would_refuse_is_refused_before_any_work(tmp_path, optuna):
    ranges = RANGES | {"train_tl.dropout": {"type": "float", "low": 0.5, "high": 1.5}}
    with pytest.raises(UserError, match=r"^sweep\.yaml: search\.ranges: train_tl\.dropout is 1\.5; allowed: a number"):
        searching(tmp_path, ranges=ranges)


def test_without_optuna_the_message_names_its_requirements(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^Optuna is not installed, .* -r requirements-sweep\.txt`\.$"):
        searching(tmp_path)
