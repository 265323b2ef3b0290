"""Doubtful labels: scores by hand, which images are listed, and what a picture shows of them."""

import numpy as np
import pytest

from transfer.uncertainty import label_issues


def test_the_score_is_the_share_of_the_label_beside_the_best_other_class():
    probabilities = np.array([[0.2, 0.6, 0.2], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    score, suggested = label_issues.scores(probabilities, np.array([0, 1, 0, 1]))
    assert score == pytest.approx([0.25, 0.75, 0, 0.5])
    assert suggested[[0, 2, 3]].tolist() == [1, 2, 0]


def test_two_impossible_classes_say_nothing():
    score, _ = label_issues.scores(np.zeros((1, 2)), np.array([0]))
    assert score.tolist() == [0.5]


@pytest.fixture
def doubts(make_split):
    """Two of three training images, and one of two validation images."""
    classes = ("glass", "007")
    splits = {
        "train": make_split("train", [0, 1, 0], classes),
        "validation": make_split("validation", [1, 1], classes),
    }
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.7, 0.3]])
    return label_issues.find(splits, probabilities)


def test_labels_that_another_class_beats_are_listed_the_most_doubtful_first(doubts):
    table = doubts.table()
    assert list(table.columns) == ["path", "pixels", "split", "label", "suggested", "score"]
    assert table.to_numpy().tolist() == [
        ["train/007/1.png", "train 1", "train", "007", "glass", 0.2],
        ["validation/007/1.png", "validation 1", "validation", "007", "glass", 0.3],
        ["train/glass/2.png", "train 2", "train", "glass", "007", 0.4],
    ]


def test_a_picture_shows_the_first_with_file_label_suggestion_and_score(doubts, monkeypatch):
    assert doubts.title == "Labels in doubt: 3 of 5 training and validation images"
    tiles = doubts.tiles()
    assert [tile.name for tile in tiles] == ["1.png", "1.png", "2.png"]
    assert tiles[1].captions == ("label: 007", "suggested: glass", "score 0.300, validation")
    assert [int(tile.images[0].max()) for tile in tiles] == [1, 1, 2]
    monkeypatch.setattr(label_issues, "SHOWN", 2)
    assert doubts.title == "Labels in doubt: 3 of 5 training and validation images, the 2 most doubtful"
    assert len(doubts.tiles()) == 2


def test_without_a_doubt_table_and_picture_say_so(make_split):
    none = label_issues.find({"test": make_split("test", [0, 1])}, np.eye(2))
    assert none.title == "No label of the 2 test images is in doubt."
    assert (none.tiles(), none.notes(), len(none.table())) == ([], [], 0)
    assert none.table().columns[0] == "path"


def test_a_class_that_no_font_can_draw_is_explained_below_the_picture(make_split):
    split = make_split("test", [0], ("a", "\U000f0000"))
    doubts = label_issues.find({"test": split}, np.array([[0.2, 0.8]]))
    assert "#2" in doubts.tiles()[0].captions[1] and "classes.csv" in doubts.notes()[0]
