"""Doubtful labels."""

import numpy as np
import pytest

from transfer.cross_validation import label_issues


def test_the_score_is_the_share_of_the_label_beside_the_best_other_class():
    probabilities = np.array([[0.2, 0.6, 0.2], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    score, suggested = label_issues.scores(probabilities, np.array([0, 1, 0, 1]))
    assert score == pytest.approx([0.25, 0.75, 0, 0.5])
    assert suggested[[0, 2, 3]].tolist() == [1, 2, 0]


def test_two_impossible_classes_say_nothing():
    score, _ = label_issues.scores(np.zeros((1, 2)), np.array([0]))
    assert score.tolist() == [0.5]


def test_labels_that_another_class_beats_are_listed_the_most_doubtful_first(make_pool):
    pool = make_pool([0, 1, 0], numbers=["a", "b", "c"], classes=["glass", "007"])
    table = label_issues.table(pool, np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]]))
    assert list(table.columns) == ["path", "pixels", "split", "label", "suggested", "score"]
    assert table[["path", "label", "suggested", "score"]].to_numpy().tolist() == [
        ["train/b.jpg", "007", "glass", 0.2],
        ["train/c.jpg", "glass", "007", 0.4],
    ]
