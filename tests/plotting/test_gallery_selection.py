"""Which test images a gallery shows, and what stands over them."""

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.loading.prepared import Split

from transfer.plotting import gallery_selection

CLASSES = ["glass", "metal", "paper"]


def test_found_missed_and_mistaken_images_of_a_class_are_shown_the_surest_first():
    #                  0  1  2  3  4  5  6  7
    actual = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    taken = np.array([0, 1, 0, 2, 0, 1, 0, 2])
    probability = np.array([0.6, 0.7, 0.9, 0.8, 0.5, 1.0, 0.994, 0.4])
    found, missed, mistaken = gallery_selection.class_galleries(0, actual, taken, probability, CLASSES)
    assert (found.name, found.rows, found.captions) == ("true_positives", [2, 0], ["90%", "60%"])
    assert (missed.name, missed.rows) == ("false_negatives", [3, 1])
    assert missed.captions == ["taken for paper, 80%", "taken for metal, 70%"]
    assert (mistaken.name, mistaken.rows) == ("false_positives", [6, 4])
    assert mistaken.captions == ["is paper, 99%", "is metal, 50%"]
    assert found.title == "glass, found (2)"
    assert missed.title == "glass, taken for something else (2)"
    assert mistaken.title == "something else, taken for glass (2)"


def test_a_class_without_mistakes_has_empty_galleries():
    actual = np.array([0, 1, 2])
    _, missed, mistaken = gallery_selection.class_galleries(1, actual, actual, np.ones(3), CLASSES)
    assert (missed.rows, missed.captions, mistaken.rows, mistaken.captions) == ([], [], [], [])
    assert missed.title.endswith("(0)")


def test_no_more_than_18_images_are_shown_and_the_title_says_of_how_many():
    actual = np.zeros(25, int)
    probability = np.linspace(0.5, 0.9, 25)
    found = gallery_selection.class_galleries(0, actual, actual, probability, CLASSES)[0]
    assert found.rows == list(range(24, 6, -1))
    assert len(found.captions) == 18
    assert found.title == "glass, found (the surest 18 of 25)"


def test_of_equally_sure_images_the_earlier_comes_first():
    actual = np.zeros(4, int)
    found = gallery_selection.class_galleries(0, actual, actual, np.array([0.5, 0.9, 0.5, 0.9]), CLASSES)[0]
    assert found.rows == [1, 3, 0, 2]


@pytest.mark.parametrize("asked", ["worst", "glass", "paper"])
def test_the_worst_class_or_any_class_can_be_asked_for(asked):
    gallery_selection.check_class(asked, CLASSES)


def test_another_class_is_refused_with_those_there_are():
    with pytest.raises(UserError, match=r"evaluate\.gallery_class is 'Glass'; allowed: worst, .*glass, metal, paper"):
        gallery_selection.check_class("Glass", CLASSES)


def test_the_surest_mistakes_of_all_classes_come_first():
    actual, predicted = np.array([0, 1, 2, 0, 1]), np.array([0, 2, 1, 2, 1])
    found = gallery_selection.mistakes_gallery(actual, predicted, np.array([0.9, 0.6, 0.8, 0.7, 0.5]), ["a", "b", "c"])
    assert found.rows == [2, 3, 1]
    assert found.captions == ["c,\ntaken for b, 80%", "a,\ntaken for c, 70%", "b,\ntaken for c, 60%"]
    assert found.title == "mistakes of all classes (3)"


def test_the_galleries_of_a_model_are_of_the_class_asked_for_or_of_the_worst():
    split = Split(np.zeros((3, 1, 1, 3), np.uint8), np.array([0, 1, 1]), list("abc"), list("abc"), CLASSES[:2])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], np.float32)
    for asked, title in (("worst", "metal, found (1)"), ("metal", "metal, found (1)"), ("glass", "glass, found (1)")):
        found, missed, mistaken, mistakes = gallery_selection.model_galleries(asked, "metal", split, probabilities)
        assert found.title == title
        assert (mistakes.name, mistakes.rows) == ("mistakes", [1])
    # Glass, the last one asked for: the mistake is metal taken for it
    assert (missed.rows, mistaken.rows, mistaken.captions) == ([], [1], ["is metal, 80%"])
