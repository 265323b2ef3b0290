"""The verdict by cross-validation, with figures from tables of the normal distribution."""

import json

import pytest

from commands.comparison import cross_validation, verdict
from runs import run

TEST = verdict.Verdict("better", "Better than main", ["On the same images."], [("Selected now", "fine-tuned")])


def accuracy(value, half_width=0.0196):
    return {"accuracy": value, "accuracy_low": value - half_width, "accuracy_high": value + half_width}


def test_a_difference_has_the_interval_of_independent_accuracies():
    # Standard errors of one point each: 1.414 points together, so 2.83 points are two of them, of which p is 0.0455.
    compared = cross_validation.compare(accuracy(0.80), accuracy(0.82828))
    assert compared.difference == pytest.approx(0.02828)
    assert (compared.low, compared.high) == pytest.approx((0.02828 - 0.02772, 0.02828 + 0.02772), abs=1e-5)
    assert compared.p_value == pytest.approx(0.0455, abs=1e-4)


def test_the_interval_contains_zero_where_the_test_finds_no_difference():
    for step in range(-60, 61):
        compared = cross_validation.compare(accuracy(0.8), accuracy(0.8 + step / 1000))
        assert (compared.low <= 0 <= compared.high) == (compared.p_value >= 0.05)


def test_accuracies_without_a_width_differ_if_they_are_not_equal():
    assert cross_validation.compare(accuracy(1.0, 0), accuracy(1.0, 0)).p_value == 1
    assert cross_validation.compare(accuracy(1.0, 0), accuracy(0.9, 0)).p_value == 0


@pytest.mark.parametrize(
    ("now", "kind", "title"),
    [
        (0.90, "better", "Better than main by cross-validation"),
        (0.70, "worse", "Worse than main by cross-validation"),
        (0.81, "equal", "Cannot be told apart from main by cross-validation"),
    ],
)
def test_the_verdict_is_that_of_cross_validation_if_both_have_one(now, kind, title):
    result = verdict.with_cross_validation("main", accuracy(0.80), accuracy(now), TEST)
    assert (result.kind, result.title) == (kind, title)
    low, high = now - 0.0196, now + 0.0196
    assert result.sentences[0].startswith(
        f"The cross-validated accuracy is {now:.1%} ({low:.1%} to {high:.1%}); before, 80.0% (78.0% to 82.0%). "
        f"Accuracy {100 * (now - 0.8):+.1f} points, 95 % interval "
    )
    assert result.sentences[1:] == ["Test split: better than main.", "On the same images."]


def test_otherwise_the_verdict_is_that_of_the_test_split():
    assert verdict.with_cross_validation("main", accuracy(0.8), None, TEST) == TEST
    for before, remark in ((None, "; main has none"), (accuracy(0.8), ", the same as in main")):
        result = verdict.with_cross_validation("main", before, accuracy(0.8), TEST)
        assert (result.kind, result.title, result.sentences) == (TEST.kind, TEST.title, TEST.sentences)
        assert result.facts == [*TEST.facts, ("Cross-validation", f"80.0% (78.0% to 82.0%){remark}")]


@pytest.mark.parametrize("content", ["[]", "{", '{"accuracy": 0.8}', json.dumps(accuracy(float("nan")))])
def test_a_file_without_usable_numbers_is_no_cross_validation(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "--quiet")
    path = tmp_path / cross_validation.PATH
    path.parent.mkdir()
    path.write_text(json.dumps(accuracy(0.8)))
    run(tmp_path, "git", "add", "--all")
    run(tmp_path, "git", "commit", "--quiet", "--message", "before")
    path.write_text(content)
    assert cross_validation.accuracy_of("HEAD") == pytest.approx(accuracy(0.8))
    assert cross_validation.accuracy_of(None) is None
