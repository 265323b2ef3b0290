"""The table of a sweep: its order, its words, and that it is the same after a way through the file."""

import pandas as pd
import pytest

from commands.report import data_tables
from commands.sweep import __main__ as program
from commands.sweep import table, trials
from commands.sweep.results import TrialResult
from runs import params_for_any_data
from sweeps import predictions

BASE = params_for_any_data()


def made(scores, grid, seeds=(1, 2), reasons=()):
    """The table of a grid, whose recipes have these accuracies of head and fine-tuned model; None: they failed."""
    recipes = trials.of_grids([grid], seeds, BASE, "sweep.yaml")
    results, failed = {}, {}
    for recipe, score in zip(recipes, scores, strict=True):
        for trial in recipe.trials:
            if score is None:
                failed[trial.name] = "There is not enough memory."
            else:
                head, finetune = score
                table_of_seed = predictions(head, round(1000 * head) + trial.seed)
                figures = (head, finetune + trial.seed / 100, 123, 20.0 + trial.seed, ("prepare",), table_of_seed)
                results[trial.name] = TrialResult(*figures)
    return table.make(recipes, results, failed, "0123456789abcdef")


def test_the_best_head_is_first_and_among_equal_heads_the_best_fine_tuned():
    grid = {"train_tl.epochs": [10, 20], "finetune.frozen_layers": [[98], [54]]}
    rows = made([(0.6, 0.9), (0.6, 0.7), (0.9, 0.5), (0.9, 0.6)], grid)
    assert rows["train_tl.epochs"].tolist() == ["20", "20", "10", "10"]
    assert rows["finetune.frozen_layers"].tolist() == ["[54]", "[98]", "[98]", "[54]"]
    assert rows["against_the_best"].tolist() == [table.BEST, table.SAME, table.WORSE, table.WORSE]
    assert rows["seeds"].tolist() == [2] * 4
    # Means over the seeds 1 and 2, to which the result adds 0.01 and 0.02, and 1 and 2 seconds.
    assert rows["finetune"].tolist() == pytest.approx([0.615, 0.515, 0.915, 0.715])
    assert rows["finetune_lowest_seed"].tolist()[0] == pytest.approx(0.61)
    assert rows["seconds"].tolist() == [21.5] * 4


def test_a_recipe_without_a_result_is_last_with_its_reason():
    rows = made([None, (0.7, 0.5)], {"train_tl.epochs": [10, 20]})
    assert rows["train_tl.epochs"].tolist() == ["20", "10"]
    assert rows["failed"].tolist() == [0, 2]
    assert rows["reason"].tolist() == ["", "There is not enough memory."]
    assert table.for_people(rows).rows[1] == [f"{rows['experiments'][1]}, 2 failed", "10", "–", "–", "–", "–"]
    assert table.notes(rows)[-1] == f"{rows['experiments'][1]}: 2 failed: There is not enough memory."


def test_people_see_the_parameters_that_differ_and_one_of_those_that_differ_together():
    augment = [{"flip": "horizontal", "rotation": 0.2, "views": 4}, {"flip": None, "rotation": 0.0, "views": 1}]
    rows = made([(0.8, 0.5), (0.6, 0.5)], {"augment": augment, "batch_size": [32]})
    people = table.for_people(rows)
    assert people.columns[:3] == ("Recipe", "augment.flip", "Cross-validated")
    assert [row[1] for row in people.rows] == ["horizontal", "null"]
    assert people.rows[0][4].startswith("51.5% (")
    assert people.rows[0][5] == "≥ 22"
    assert people.rows[1][3].startswith("worse than the best (-2") and people.rows[1][3].endswith("points, p < 0.001)")


def test_the_file_gives_the_same_table_to_people(tmp_path, monkeypatch, capsys):
    rows = made([(0.8, 0.5), None, (0.6, 0.5)], {"finetune.learning_rate": [0.00001, 0.001, 0.0003]})
    monkeypatch.chdir(tmp_path)
    assert table.read() is None and data_tables.sweep() is None
    table.write(rows)
    again = table.read()
    assert table.for_people(again) == table.for_people(rows.round(6))
    assert table.notes(again) == table.notes(rows)
    assert data_tables.sweep()["notes"][0].endswith("start from the commit 0123456.")
    # A terminal of 80 columns has room for it.
    program.print_table(again)
    output = capsys.readouterr().out
    assert any(line.rstrip().endswith("Seconds") for line in output.splitlines())
    assert "0.00001" in output and "learning_rate" in output


def test_a_sweep_of_failures_has_a_table(capsys):
    rows = made([None, None], {"train_tl.epochs": [10, 20]})
    assert isinstance(rows, pd.DataFrame) and rows["failed"].tolist() == [2, 2]
    program.print_table(rows)
    assert "2 failed" in capsys.readouterr().out
