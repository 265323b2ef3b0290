"""The tables in plots/: predictions, changed sides, and accuracy by split."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from transfer.evaluation import tables
from transfer.loading.prepared import Split


def test_predictions_have_a_row_for_each_model_and_image():
    split = Split(np.zeros((2, 1, 1, 3), np.uint8), np.array([1, 0]), ["test/b/1", "test/a/2"], ["x", "y"], ["a", "b"])
    first = np.array([[0.123449, 0.876551], [0.3, 0.7]], np.float32)
    second = np.array([[1, 0], [1, 0]], np.float32)
    table = tables.predictions(split, {"train_tl": first, "finetune": second})
    assert list(table.columns) == ["model", "path", "pixels", "actual", "predicted", "probability"]
    assert table.to_numpy().tolist() == [
        ["train_tl", "test/b/1", "x", "b", "b", 0.8766],
        ["train_tl", "test/a/2", "y", "a", "b", 0.7],
        ["finetune", "test/b/1", "x", "b", "a", 1.0],
        ["finetune", "test/a/2", "y", "a", "a", 1.0],
    ]


def test_classes_are_numbered_from_one():
    table = tables.class_numbers(["b", "日"])
    assert table.to_dict("records") == [{"number": 1, "class": "b"}, {"number": 2, "class": "日"}]


def test_images_on_which_only_one_model_is_right_are_listed():
    split = Split(np.zeros((4, 1, 1, 3)), np.array([0, 1, 0, 1]), list("abcd"), list("abcd"), ["x", "y"])
    table = tables.changed_sides(split, {"head": np.array([0, 0, 1, 1]), "tuned": np.array([1, 0, 0, 1])})
    assert table.to_dict("records") == [
        {"path": "a", "actual": "x", "head": "x", "tuned": "y"},
        {"path": "c", "actual": "x", "head": "y", "tuned": "x"},
    ]


def test_the_accuracies_of_the_three_splits_are_side_by_side():
    fits = {"head": {"train": {"accuracy": 0.9}, "validation": {"accuracy": 0.8}}}
    sizes = {"train": 50, "validation": 10, "test": 20}
    splits = {name: Split(np.zeros((n, 1, 1, 3)), np.zeros(n, int), [], [], []) for name, n in sizes.items()}
    table = tables.accuracy_by_split(fits, {"head": {"accuracy": 0.7}}, splits)
    assert list(table.columns) == ["model", "split", "images", "accuracy", "accuracy_low", "accuracy_high"]
    assert table.iloc[:, :4].to_numpy().tolist() == [
        ["head", "train", 50, 0.9],
        ["head", "validation", 10, 0.8],
        ["head", "test", 20, 0.7],
    ]
    for (_, row), (right, total) in zip(table.iterrows(), [(45, 50), (8, 10), (14, 20)], strict=True):
        interval = proportion_confint(right, total, method="wilson")
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(interval)


def test_the_tables_of_models_are_stacked_with_a_first_column_model():
    stacked = tables.stack_by_model(
        {"head": pd.DataFrame({"class": ["a", "b"]}), "tuned": pd.DataFrame({"class": ["a"]})}
    )
    assert list(stacked.columns) == ["model", "class"]
    assert stacked.to_numpy().tolist() == [["head", "a"], ["head", "b"], ["tuned", "a"]]
