"""Learning curves: the files that DVC and editors read."""

import subprocess

import pandas as pd
import pytest

from transfer.interface.errors import UserError
from transfer.training.curves import learning_curves
from transfer.training.history import Epoch


def curve(folder, name):
    return pd.read_csv(folder / f"plots/metrics/{name}.tsv", sep="\t")


def epoch(number, accuracy):
    logs = {"loss": 0.5, "accuracy": accuracy}
    return Epoch(number, logs, {"loss": 1 / 3, "accuracy": accuracy / 2})


def test_each_epoch_adds_a_point_to_each_curve(tmp_path):
    with learning_curves(tmp_path) as append:
        append(epoch(0, 0.25), round=1)
        append(epoch(1, 0.75), round=2)
        # Written after every epoch, so that a training can be followed.
        assert curve(tmp_path, "train/accuracy")["accuracy"].tolist() == [0.25, 0.75]
    assert curve(tmp_path, "validation/accuracy")["accuracy"].tolist() == [0.125, 0.375]
    assert curve(tmp_path, "validation/loss")["loss"].tolist() == [0.333333] * 2
    assert curve(tmp_path, "round").to_numpy().tolist() == [[1, 1], [2, 2]]
    assert not list(tmp_path.rglob("dvc.yaml"))


def test_earlier_curves_stay_until_the_first_epoch_ends(tmp_path):
    with learning_curves(tmp_path) as append:
        append(epoch(0, 0.25))
        append(epoch(1, 0.75))
    with learning_curves(tmp_path) as append:
        assert len(curve(tmp_path, "train/accuracy")) == 2
        append(epoch(0, 0.5))
        assert curve(tmp_path, "train/accuracy")["accuracy"].tolist() == [0.5]


def test_a_git_repository_without_a_commit_is_an_error(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    with (
        learning_curves(tmp_path / "curves") as append,
        pytest.raises(UserError, match=r"run `git add \.` and `git commit`"),
    ):
        append(epoch(0, 0.25))
