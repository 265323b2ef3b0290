"""Two commits compared by cross-validation, and the verdict by it."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from commands.comparison import cross_validation, verdict
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
    assert cross_validation.since("HEAD").difference == 0
    io.write_csv(cross_validation.PREDICTIONS, table_of(right, folds, pixels).assign(**columns))
    compared = cross_validation.since("HEAD")
    assert (compared.images, compared.second, compared.first) == (1000, right.mean(), worse.mean())
    assert compared.p_value < 0.001
    Path(cross_validation.PREDICTIONS).write_text("no,table\n1,2\n")
    with pytest.raises(UserError, match="is not a valid table"):
        cross_validation.since("HEAD")


TEST = verdict.Verdict("better", "Better than main", ["On the same images."], [("Selected now", "fine-tuned")])


ESTIMATE = {"estimates": "accuracy of a recipe", "notes": []}


def accuracy(value, half_width=0.0196):
    return {"accuracy": value, "accuracy_low": value - half_width, "accuracy_high": value + half_width}


@pytest.mark.parametrize(
    ("now", "kind", "title"),
    [
        (0.90, "better", "Better than main by cross-validation"),
        (0.70, "worse", "Worse than main by cross-validation"),
        (0.81, "equal", "Cannot be told apart from main by cross-validation"),
    ],
)
def test_the_verdict_is_that_of_cross_validation_if_both_have_one(now, kind, title):
    compared = cross_validation.Difference(200, 0.80, now, now - 0.82, now - 0.78, 0.2 if kind == "equal" else 0.01)
    result = verdict.with_cross_validation("main", accuracy(0.80), accuracy(now) | ESTIMATE, compared, TEST)
    assert (result.kind, result.title) == (kind, title)
    low, high = now - 0.0196, now + 0.0196
    assert result.sentences[0].startswith(
        f"The cross-validated accuracy of transfer learning is {now:.1%} ({low:.1%} to {high:.1%}); before, "
        "80.0% (78.0% to 82.0%). "
        f"On the 200 training and validation images that both revisions have: accuracy {100 * (now - 0.8):+.1f} points"
    )
    assert result.sentences[0].endswith(f"corrected resampled t-test p = {compared.p_value:.3f}.")
    assert result.sentences[1:] == ["Test split: better than main.", "On the same images."]
    assert result.facts == [
        ("Cross-validated accuracy", f"{now:.1%} ({low:.1%} to {high:.1%}). It estimates the accuracy of a recipe."),
        *TEST.facts,
    ]


def test_otherwise_the_verdict_is_that_of_the_test_split():
    for before, remark in ((None, "; main has none"), (accuracy(0.8), ", the same as in main")):
        result = verdict.with_cross_validation("main", before, accuracy(0.8) | ESTIMATE, None, TEST)
        assert (result.kind, result.title) == (TEST.kind, TEST.title)
        value = "80.0% (78.0% to 82.0%)"
        assert result.sentences == [
            f"The cross-validated accuracy of transfer learning is {value}{remark}.",
            *TEST.sentences,
        ]
        estimate = ("Cross-validated accuracy", f"{value}. It estimates the accuracy of a recipe.")
        assert result.facts == [estimate, *TEST.facts]


@pytest.mark.parametrize("content", ["[]", "{", '{"accuracy": 0.8}', json.dumps(accuracy(float("nan")))])
def test_a_file_without_usable_numbers_is_no_cross_validation(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "--quiet")
    path = tmp_path / cross_validation.METRICS
    path.parent.mkdir()
    for version in (json.dumps(accuracy(0.8)), content):
        path.write_text(version)
        git_commit(tmp_path, "a version")
    assert cross_validation.accuracy_of("HEAD~1") == pytest.approx(accuracy(0.8))
    assert cross_validation.accuracy_of("HEAD") is None
