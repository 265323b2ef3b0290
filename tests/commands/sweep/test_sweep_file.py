"""sweep.yaml: its form. What is not allowed is refused in one sentence, before any work."""

import pytest

from commands.sweep import sweep_file
from provenance import of_the_sample
from runs import ROOT
from transfer.interface.errors import UserError

GRID = "grid: {seed_of_nothing: [1]}\n"
SEARCH = """
search:
  sampler: TPESampler
  trials: 5
  seed: 1
  maximize: cross_validation
  ranges:
    train_tl.learning_rate: {type: float, low: 0.001, high: 0.1, log: true}
    train_tl.epochs: {type: int, low: 20, high: 40}
    train_tl.schedule: {type: categorical, choices: [cosine, constant]}
"""


def load(folder, text):
    path = folder / "sweep.yaml"
    path.write_text(text)
    return sweep_file.load(path, 7)


def error(folder, text):
    with pytest.raises(UserError) as caught:
        load(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_grid_may_be_one_or_several_and_the_rest_has_defaults(tmp_path):
    one = load(tmp_path, "grid: {a.b: [1, 2]}")
    assert (one.grids, one.search, one.seeds, one.parallel) == ([{"a.b": [1, 2]}], None, [7], 1)
    two = load(tmp_path, "grid: [{a.b: [1]}, {a.c: [2]}]\nseeds: [4, 2]\nparallel: 3")
    assert (two.grids, two.seeds, two.parallel) == ([{"a.b": [1]}, {"a.c": [2]}], [4, 2], 3)


def test_a_number_of_seeds_counts_from_that_of_the_parameters(tmp_path):
    assert load(tmp_path, "grid: {a: [1]}\nseeds: 3").seeds == [7, 8, 9]


def test_a_search_has_ranges_of_three_types(tmp_path):
    ranges = load(tmp_path, SEARCH).ranges
    rate, epochs, schedule = ranges.values()
    assert (rate.low, rate.high, rate.log) == (0.001, 0.1, True)
    assert (epochs.low, epochs.high, epochs.log) == (20, 40, False)
    assert schedule.choices == ["cosine", "constant"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("grid: {a: [1]\n", "sweep.yaml is not valid YAML: "),
        ("seeds: 2", "sweep.yaml has to have either grid or search: see docs/how-to/sweep.md."),
        (GRID + SEARCH, "sweep.yaml has to have either grid or search: see docs/how-to/sweep.md."),
        ("grid: {}", "sweep.yaml: grid is empty; give it a list of values for at least one parameter."),
        ("grid: []", "sweep.yaml: grid is empty; give it a list of values for at least one parameter."),
        ("grid: [{a: [1]}, {}]", "sweep.yaml: grid is empty; give it a list of values for at least one parameter."),
        ("grid: {a.b: []}", "sweep.yaml: grid.a.b is []; give it a list with at least one value."),
        ("grid: {a.b: 3}", "sweep.yaml: grid.a.b is 3; give it a list with at least one value."),
        ("grid: 3", "sweep.yaml: grid is 3; allowed: a list of values for each parameter, or a list of such grids."),
        (GRID + "seeds: []", "sweep.yaml: seeds is empty; give it at least one seed, or leave it out."),
        (GRID + "seeds: [1, 2, 1]", "sweep.yaml: seeds has 1 twice; give each seed once."),
        (GRID + "seeds: 0", "sweep.yaml: seeds is 0; allowed: a list of seeds, or how many, counted from the seed of "),
        (GRID + "seeds: [-1]", "sweep.yaml: seeds is "),
        (GRID + "parallel: 0", "sweep.yaml: parallel is 0; allowed: a whole number from 1 to 64."),
        (GRID + "paralel: 2", "sweep.yaml: paralel is not a parameter; did you mean parallel?"),
        ("- 1", "sweep.yaml: the file is [1]; allowed: the keys grid, search, seeds, parallel."),
        ("", "sweep.yaml: the file is null; allowed: the keys grid, search, seeds, parallel."),
        (
            SEARCH.replace("TPESampler", "GridSampler"),
            "sweep.yaml: search: sampler is 'GridSampler'; allowed: a sampler ",
        ),
        (
            SEARCH.replace("trials: 5", "trials: 1001"),
            "sweep.yaml: search: trials is 1001; allowed: a whole number from",
        ),
        (SEARCH.replace("  seed: 1\n", ""), "sweep.yaml: search: seed is missing; give it a whole number from 0"),
        (
            SEARCH.replace("type: int, ", ""),
            "sweep.yaml: search.ranges.train_tl.epochs has no usable type; set type to float, int or categorical.",
        ),
        (
            SEARCH.replace("low: 20", "low: 40"),
            "sweep.yaml: search.ranges.train_tl.epochs: low is 40 and high is 40; low has to be the smaller.",
        ),
        (
            SEARCH.replace("low: 0.001", "low: 0"),
            "sweep.yaml: search.ranges.train_tl.learning_rate: low is 0; with log it has to be above 0.",
        ),
        (
            SEARCH.replace("low: 20", "low: few"),
            "sweep.yaml: search.ranges.train_tl.epochs: low is 'few'; allowed: a whole number.",
        ),
        (SEARCH.replace("[cosine, constant]", "[]"), "sweep.yaml: search.ranges.train_tl.schedule: choices is []; "),
        (
            SEARCH.replace("train_tl.", "finetune."),
            "sweep.yaml: search.maximize is cross_validation, which judges the ",
        ),
    ],
)
def test_what_is_not_allowed_is_said_in_one_sentence(tmp_path, text, sentence):
    message = error(tmp_path, text)
    assert message.startswith(sentence)
    assert message.count("\n") == 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"sweep\.yaml is missing: write it as docs/how-to/sweep\.md describes\.$"):
        sweep_file.load(tmp_path / "sweep.yaml", 1)


@of_the_sample
def test_the_committed_example_can_be_read():
    sweep = sweep_file.load(ROOT / "sweep.yaml", 1)
    assert len(sweep.grids) == 2 and sweep.seeds == [1, 2, 3]
