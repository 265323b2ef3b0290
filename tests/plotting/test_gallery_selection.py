"""Which test images a gallery shows, and their captions."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.loading.prepared import Split
from transfer.plotting import gallery_selection

CLASSES = ["glass", "metal", "paper"]


def test_the_outcomes_of_a_class_are_shown_with_the_most_confident_first():
    # Row:             0  1  2  3  4  5  6  7
    actual = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    predicted = np.array([0, 1, 0, 2, 0, 1, 0, 2])
    probability = np.array([0.6, 0.7, 0.9, 0.8, 0.5, 1.0, 0.994, 0.4])
    true_positives, false_negatives, false_positives = gallery_selection.class_galleries(
        0, actual, predicted, probability, CLASSES
    )
    assert (true_positives.name, true_positives.rows) == ("true_positives", [2, 0])
    assert true_positives.captions == ["90%", "60%"]
    assert (false_negatives.name, false_negatives.rows) == ("false_negatives", [3, 1])
    assert false_negatives.captions == ["taken for paper, 80%", "taken for metal, 70%"]
    assert (false_positives.name, false_positives.rows) == ("false_positives", [6, 4])
    assert false_positives.captions == ["is paper, 99%", "is metal, 50%"]
    assert true_positives.title == "glass, found (2)"
    assert false_negatives.title == "glass, taken for something else (2)"
    assert false_positives.title == "something else, taken for glass (2)"


def test_a_class_without_mistakes_has_empty_galleries():
    actual = np.array([0, 1, 2])
    _, false_negatives, false_positives = gallery_selection.class_galleries(1, actual, actual, np.ones(3), CLASSES)
    for gallery in (false_negatives, false_positives):
        assert (gallery.rows, gallery.captions) == ([], [])
    assert false_negatives.title.endswith("(0)")


def test_at_most_18_images_are_shown_and_the_title_gives_the_total():
    actual = np.zeros(25, int)
    probability = np.linspace(0.5, 0.9, 25)
    true_positives = gallery_selection.class_galleries(0, actual, actual, probability, CLASSES)[0]
    assert true_positives.rows == list(range(24, 6, -1))
    assert len(true_positives.captions) == 18
    assert true_positives.title == "glass, found (the surest 18 of 25)"


def test_equally_confident_images_keep_their_order():
    actual = np.zeros(4, int)
    true_positives = gallery_selection.class_galleries(0, actual, actual, np.array([0.5, 0.9, 0.5, 0.9]), CLASSES)[0]
    assert true_positives.rows == [1, 3, 0, 2]


@pytest.mark.parametrize("requested", ["worst", "glass", "paper"])
def test_the_worst_class_or_any_class_may_be_requested(requested):
    gallery_selection.check_class(requested, CLASSES)


def test_an_unknown_class_is_refused_with_a_list_of_the_classes():
    with pytest.raises(UserError, match=r"evaluate\.gallery_class is 'Glass'; allowed: worst, .*glass, metal, paper"):
        gallery_selection.check_class("Glass", CLASSES)


def test_the_most_confident_mistakes_of_all_classes_come_first():
    actual, predicted = np.array([0, 1, 2, 0, 1]), np.array([0, 2, 1, 2, 1])
    probability = np.array([0.9, 0.6, 0.8, 0.7, 0.5])
    mistakes = gallery_selection.mistakes_gallery(actual, predicted, probability, ["a", "b", "c"])
    assert mistakes.rows == [2, 3, 1]
    assert mistakes.captions == ["c,\ntaken for b, 80%", "a,\ntaken for c, 70%", "b,\ntaken for c, 60%"]
    assert mistakes.title == "mistakes of all classes (3)"


def test_the_galleries_of_a_model_show_the_requested_class_or_the_worst():
    split = Split(np.zeros((3, 1, 1, 3), np.uint8), np.array([0, 1, 1]), list("abc"), list("abc"), CLASSES[:2])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], np.float32)
    for requested, title in (
        ("worst", "metal, found (1)"),
        ("metal", "metal, found (1)"),
        ("glass", "glass, found (1)"),
    ):
        galleries = gallery_selection.model_galleries(requested, "metal", split, probabilities)
        true_positives, false_negatives, false_positives, mistakes = galleries
        assert true_positives.title == title
        assert (mistakes.name, mistakes.rows) == ("mistakes", [1])
    # For glass, requested last, the mistake is an image of metal that is taken for glass.
    assert (false_negatives.rows, false_positives.rows, false_positives.captions) == ([], [1], ["is metal, 80%"])
