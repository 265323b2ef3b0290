"""What cross-validation left, as `evaluate` reads it."""

import numpy as np
import pandas as pd
import pytest

from transfer.common import io
from transfer.interface.errors import UserError
from transfer.uncertainty import out_of_fold

PROBABILITIES = np.random.default_rng(1).dirichlet(np.ones(2), (2, 3)).astype(np.float32)


@pytest.fixture
def splits(make_split):
    return {
        name: make_split(name, labels) for name, labels in {"train": [0, 1], "validation": [1], "test": [0]}.items()
    }


@pytest.fixture
def folder(tmp_path):
    """What two repeats of three images leave."""
    rows = {"pixels": ["train 0", "train 1", "validation 0"], "folds": ["0 1", "10 0", "0 0"]}
    io.write_csv(tmp_path / "plots/cross_validation/predictions.csv", pd.DataFrame(rows))
    io.write_json(tmp_path / "metrics/cross_validation.json", {"accuracy": 0.5})
    np.save(tmp_path / "probabilities.npy", PROBABILITIES)
    np.save(tmp_path / "probabilities_over_views.npy", PROBABILITIES.mean(axis=0))
    return tmp_path


def test_training_images_are_followed_by_validation_images(folder, splits):
    held_out = out_of_fold.read(folder, splits)
    assert list(held_out.splits) == ["train", "validation"] and held_out.metrics == {"accuracy": 0.5}
    assert held_out.labels.tolist() == [0, 1, 1] and held_out.fold.tolist() == ["0", "10", "0"]
    assert (held_out.probabilities == PROBABILITIES).all()
    assert (held_out.over_views == PROBABILITIES.mean(axis=0)).all()


def test_results_of_other_images_are_refused(folder, splits, make_split):
    with pytest.raises(UserError, match="and prepared/ have different images: run `dvc repro`"):
        out_of_fold.read(folder, splits | {"validation": make_split("other", [1])})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("probabilities.npy", (2, 4, 2)),
        ("probabilities.npy", (3, 2)),
        ("probabilities_over_views.npy", (3, 3)),
        ("probabilities_over_views.npy", None),
    ],
)
def test_arrays_of_another_shape_are_refused(folder, splits, name, shape):
    (folder / name).unlink() if shape is None else np.save(folder / name, np.zeros(shape))
    with pytest.raises(UserError, match=f"{name} .*dvc repro"):
        out_of_fold.read(folder, splits)
