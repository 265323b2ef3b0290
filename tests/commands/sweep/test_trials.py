"""Trials: every combination once, checked as params.yaml is, and named by all of its parameters."""

import pytest
import yaml

from commands.sweep import sweep_file, trials
from provenance import of_the_sample
from runs import ROOT, SAMPLE_PARAMS, params_for_any_data
from transfer.interface.errors import UserError

BASE = params_for_any_data()


def of_grids(*grids, seeds=(1,)):
    return trials.of_grids(grids, seeds, BASE, "sweep.yaml")


def error(*grids, seeds=(1,)):
    with pytest.raises(UserError) as caught:
        of_grids(*grids, seeds=seeds)
    return str(caught.value)


def test_a_grid_makes_every_combination_with_every_seed():
    recipes = of_grids({"train_tl.epochs": [10, 20], "finetune.frozen_layers": [[98], [54, 0]]}, seeds=(1, 5))
    assert [recipe.values for recipe in recipes] == [
        {"train_tl.epochs": 10, "finetune.frozen_layers": [98]},
        {"train_tl.epochs": 10, "finetune.frozen_layers": [54, 0]},
        {"train_tl.epochs": 20, "finetune.frozen_layers": [98]},
        {"train_tl.epochs": 20, "finetune.frozen_layers": [54, 0]},
    ]
    first = recipes[0].trials
    assert [(trial.seed, trial.params.seed, trial.params.train_tl.epochs) for trial in first] == [
        (1, 1, 10),
        (5, 5, 10),
    ]
    assert [trial.name for trial in first] == [f"sweep-{recipes[0].digest}-seed{seed}" for seed in (1, 5)]
    # What a trial does not set is as in params.yaml.
    assert first[0].params.train_tl.learning_rate == BASE["train_tl"]["learning_rate"]


def test_a_mapping_sets_several_keys_of_a_section():
    [with_views, without] = of_grids({"augment": [{"flip": None, "rotation": 0.0}, {"views": 1}]})
    assert with_views.values == {"augment.flip": None, "augment.rotation": 0.0}
    assert with_views.trials[0].params.augment.views == BASE["augment"]["views"]
    assert without.trials[0].params.augment.rotation == BASE["augment"]["rotation"]


def test_a_name_follows_from_the_parameters_and_not_from_how_they_are_written():
    short = of_grids({"train_tl.epochs": [11]})[0]
    long = of_grids({"train_tl": [{"epochs": 11, "dropout": BASE["train_tl"]["dropout"]}], "batch_size": [64]})[0]
    other = of_grids({"train_tl.epochs": [12]})[0]
    assert short.digest == long.digest != other.digest
    # The engine changes no result, so another one in params.yaml makes no other trial.
    elsewhere = BASE | {"engine": {"name": "ray", "address": None, "shared": True}}
    assert trials.of_grids([{"train_tl.epochs": [11]}], [1], elsewhere, "sweep.yaml")[0].digest == short.digest


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"train_tl.epoch": [1]}, "sweep.yaml: grid: train_tl.epoch is not a parameter; did you mean epochs?"),
        ({"train_tl.epochs.x": [1]}, "sweep.yaml: grid: train_tl.epochs is {'x': 1}; allowed: a whole number of at "),
        ({"trian.epochs": [1]}, "sweep.yaml: grid: trian is not a parameter; "),
        (
            {"train_tl.learning_rate": [5.0]},
            "sweep.yaml: grid: train_tl.learning_rate is 5.0; allowed: a number above 0",
        ),
        ({"train_tl.epochs": ["many"]}, "sweep.yaml: grid: train_tl.epochs is 'many'; allowed: a whole number of at "),
        (
            {"finetune.frozen_layers": [54, 0]},
            "sweep.yaml: grid: finetune.frozen_layers is 54; allowed: a list with one",
        ),
        ({"data.split.test": [0.5]}, "sweep.yaml: grid: data.split adds up to 1.4; its three shares must add up to 1."),
        (
            {"seed": [1, 2]},
            "sweep.yaml: grid: seed is not for a sweep, because the key seeds of the sweep sets it: take ",
        ),
        (
            {"engine": [{"name": "ray"}]},
            "sweep.yaml: grid: engine.name is not for a sweep, because it changes no result",
        ),
        ({"augment": [{"views": 1}], "augment.views": [2]}, "sweep.yaml: grid: augment.views is set twice, by itself"),
        (
            {"backbone.weights": ["weights/no.h5"]},
            "sweep.yaml: grid: backbone.weights is weights/no.h5, which DVC does",
        ),
        ({"backbone.name": ["MobilNetV2"]}, "sweep.yaml: grid: backbone.name is 'MobilNetV2'; allowed: the name of a "),
    ],
)
def test_what_params_yaml_would_refuse_is_refused(grid, sentence):
    assert error(grid).splitlines()[0].startswith(sentence)


def test_each_bad_value_is_named_once():
    message = error({"train_tl.epochs": [0, 10], "train_tl.dropout": [0.1, 0.2]}, seeds=(1, 2))
    assert message.splitlines() == ["sweep.yaml: grid: train_tl.epochs is 0; allowed: a whole number of at least 1."]


@pytest.mark.parametrize(
    "grids",
    [
        [{"train_tl.learning_rate": [0.001, 0.0010]}],
        [{"train_tl.epochs": [10]}, {"train_tl": [{"epochs": 10}]}],
        [{"train_tl.weight_decay": [1, 1.0]}],
    ],
)
def test_the_same_parameters_twice_are_refused(grids):
    assert error(*grids).startswith("sweep.yaml: grid has the same parameters twice: train_tl")


def test_too_many_trials_are_counted_and_not_made():
    message = error({"train_tl.epochs": list(range(1, 10_000)), "batch_size": list(range(1, 10_000))}, seeds=range(100))
    assert message == (
        "sweep.yaml: grid and seeds make 9998000100 trials, more than 1000: take out values, or use search."
    )


@of_the_sample
def test_the_committed_example_makes_the_trials_that_it_says():
    sample = yaml.safe_load(SAMPLE_PARAMS.read_text())
    sweep = sweep_file.load(ROOT / "sweep.yaml", sample["seed"])
    recipes = trials.of_grids(sweep.grids, sweep.seeds, sample, "sweep.yaml")
    assert sum(len(recipe.trials) for recipe in recipes) == 24
