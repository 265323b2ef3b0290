"""Two commits compared by cross-validation."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from commands.report import cross_validation
from runs import run
from transfer.common import io
from transfer.interface.errors import UserError

# Two repeats of two folds of two images. In the mean over the repeats, the images are right 1, 0.5, 0.5 and 0 times, so
# a fold has the accuracy 0.75 or 0.25 in both repeats.
FOLDS = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
RIGHT = np.array([[True, True, True, False], [True, False, False, False]])
# Their variance is 1/12. With 2 folds, as many images are tested as trained on.
ERROR = math.sqrt((1 / 4 + 1) / 12)


def table_of(right, folds=FOLDS, pixels="abcd"):
    return pd.DataFrame(
        {
            "pixels": list(pixels),
            "right": ["".join(str(int(value)) for value in of_image) for of_image in np.transpose(right)],
            "folds": [" ".join(map(str, of_image)) for of_image in np.transpose(folds)],
        }
    )


def many(repeats=3, folds=10, images=200, accuracy=0.8, seed=0):
    generator = np.random.default_rng(seed)
    fold = np.stack([generator.permutation(images) % folds for _ in range(repeats)])
    return generator.random((repeats, images)) < accuracy, fold


def test_two_commits_are_compared_fold_by_fold():
    first = np.zeros((2, 4), int)
    comparison = cross_validation.compare(table_of(first), table_of(RIGHT))
    half = t.ppf(0.975, 1) * ERROR
    assert (comparison.images, comparison.first, comparison.second, comparison.difference) == (4, 0, 0.5, 0.5)
    assert (comparison.low, comparison.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert comparison.p_value == pytest.approx(2 * t.sf(0.5 / ERROR, 1))


def test_images_are_matched_by_their_pixels():
    first, second = table_of(RIGHT), table_of(RIGHT[:, [3, 2, 1, 0]], FOLDS[:, [3, 2, 1, 0]], "dcba")
    comparison = cross_validation.compare(first, second)
    assert (comparison.difference, comparison.p_value) == (0, 1)
    assert cross_validation.compare(first, table_of(RIGHT[:, :2], FOLDS[:, :2], "ax")) is None
    assert cross_validation.compare(first, table_of(RIGHT, pixels="axcd")).images == 3


def test_folds_with_the_same_difference_do_not_make_it_certain():
    first, second = table_of([[0, 1, 1, 0]] * 2), table_of([[1, 1, 1, 1]] * 2)
    comparison = cross_validation.compare(first, second)
    # Two of four images changed: a variance of 1/3.
    error = math.sqrt(1 / 3 / 4)
    assert comparison.low == pytest.approx(0.5 - t.ppf(0.975, 1) * error)
    assert comparison.p_value == pytest.approx(2 * t.sf(0.5 / error, 1))


def test_commits_with_other_repeats_are_compared_by_those_that_both_have():
    first = table_of(RIGHT[:1], FOLDS[:1])
    assert (
        cross_validation.compare(first, table_of(RIGHT)).p_value
        == cross_validation.compare(table_of(RIGHT), first).p_value
        == 1
    )


def test_a_clear_difference_is_significant_and_noise_is_not():
    right, folds = many(images=1000)
    pixels = [str(number) for number in range(1000)]
    same, _ = many(images=1000, seed=1)
    worse, _ = many(images=1000, accuracy=0.65, seed=1)
    assert cross_validation.compare(table_of(same, folds, pixels), table_of(right, folds, pixels)).p_value > 0.05
    clear = cross_validation.compare(table_of(worse, folds, pixels), table_of(right, folds, pixels))
    assert clear.p_value < 0.001 and 0 < clear.low < 0.15 < clear.high


@pytest.mark.parametrize("column", ["right", "folds"])
def test_a_damaged_table_is_an_error(column):
    damaged = table_of(RIGHT)
    damaged.loc[1, column] = "x"
    with pytest.raises(UserError, match="damaged"):
        cross_validation.compare(damaged, damaged)


def git_commit(folder, message):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", message)


def test_the_workspace_is_compared_with_what_a_revision_committed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "--quiet")
    (tmp_path / "other.txt").write_text("no results yet")
    git_commit(tmp_path, "first")
    columns = dict.fromkeys(("path", "split", "actual", "predicted"), "x")
    right, folds = many(images=1000)
    pixels = [str(number) for number in range(1000)]
    worse, _ = many(images=1000, accuracy=0.65, seed=1)
    io.write_csv(cross_validation.PREDICTIONS, table_of(worse, folds, pixels).assign(**columns))
    git_commit(tmp_path, "second")
    # Only the workspace has results.
    assert cross_validation.since("HEAD~1") is None
    assert cross_validation.since("HEAD").startswith("The recipe of the head cannot be told apart from that of HEAD: ")
    io.write_csv(cross_validation.PREDICTIONS, table_of(right, folds, pixels).assign(**columns))
    sentence = cross_validation.since("HEAD")
    assert sentence.startswith("The recipe of the head is better than that of HEAD by more than chance: on 1000 ")
    assert f"accuracy is {right.mean():.1%}; before, {worse.mean():.1%}." in sentence
    assert sentence.endswith("corrected resampled t-test p < 0.001.")
    Path(cross_validation.PREDICTIONS).write_text("no,table\n1,2\n")
    with pytest.raises(UserError, match="is not a valid table"):
        cross_validation.since("HEAD")
