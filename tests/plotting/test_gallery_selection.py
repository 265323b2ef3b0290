"""Which test images a gallery shows, and their captions."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.loading.prepared import Split
from transfer.plotting import gallery_selection, lettering

CLASSES = ["glass", "metal", "paper"]


def galleries(actual, predicted, probability, classes=CLASSES, requested="worst", worst="glass"):
    """The galleries of predictions; `probability` is that of the predicted class (images,)."""
    probabilities = np.zeros((len(actual), len(classes)))
    probabilities[np.arange(len(actual)), predicted] = probability
    paths = [f"test/{classes[label]}/photo_{row}.jpg" for row, label in enumerate(actual)]
    images = np.zeros((len(actual), 1, 1, 3), np.uint8)
    split = Split(images, np.array(actual), paths, [f"digest{row}" for row in range(len(actual))], list(classes))
    return gallery_selection.model_galleries(requested, worst, split, probabilities)


def test_the_outcomes_of_a_class_are_shown_with_the_most_confident_first():
    # Row:       0  1  2  3  4  5  6  7
    actual = [0, 0, 0, 0, 1, 1, 2, 2]
    predicted = [0, 1, 0, 2, 0, 1, 0, 2]
    probability = [0.6, 0.7, 0.9, 0.8, 0.5, 1.0, 0.994, 0.4]
    true_positives, false_negatives, false_positives, mistakes = galleries(actual, predicted, probability)
    assert (true_positives.name, true_positives.rows) == ("true_positives", [2, 0])
    assert true_positives.captions == [
        ("true: glass", "predicted: glass, 90%"),
        ("true: glass", "predicted: glass, 60%"),
    ]
    assert (false_negatives.name, false_negatives.rows) == ("false_negatives", [3, 1])
    assert [caption[1] for caption in false_negatives.captions] == ["predicted: paper, 80%", "predicted: metal, 70%"]
    assert (false_positives.name, false_positives.rows) == ("false_positives", [6, 4])
    assert false_positives.captions == [
        ("true: paper", "predicted: glass, 99%"),
        ("true: metal", "predicted: glass, 50%"),
    ]
    assert (mistakes.name, mistakes.rows) == ("mistakes", [6, 3, 1, 4])
    assert mistakes.captions[0] == ("true: paper", "predicted: glass, 99%")
    assert mistakes.files == ["photo_6.jpg", "photo_3.jpg", "photo_1.jpg", "photo_4.jpg"]
    assert [gallery.title for gallery in (true_positives, false_negatives, false_positives, mistakes)] == [
        "True positives: glass predicted as glass (2)",
        "False negatives: glass predicted as another class (2)",
        "False positives: other classes predicted as glass (2)",
        "Mistakes of all classes (4)",
    ]


def test_an_empty_gallery_has_a_sentence_as_its_title():
    empty = [*galleries([0, 1, 2], [0, 1, 2], 0.9)[1:], galleries([0, 1], [1, 1], 0.9)[0]]
    assert [(gallery.rows, gallery.captions, gallery.files) for gallery in empty] == [([], [], [])] * 4
    assert [gallery.title for gallery in empty] == [
        "No false negatives: no image of glass is predicted as another class.",
        "No false positives: no image of another class is predicted as glass.",
        "No mistakes: every image is predicted as its class.",
        "No true positives: no image of glass is predicted as glass.",
    ]


def test_at_most_18_images_are_shown_and_the_title_gives_the_total():
    true_positives = galleries([0] * 25, [0] * 25, np.linspace(0.5, 0.9, 25))[0]
    assert true_positives.rows == list(range(24, 6, -1))
    assert len(true_positives.captions) == len(true_positives.files) == 18
    assert true_positives.title == "True positives: glass predicted as glass (the 18 most confident of 25)"


def test_equally_confident_images_keep_their_order():
    assert galleries([0] * 4, [0] * 4, [0.5, 0.9, 0.5, 0.9])[0].rows == [1, 3, 0, 2]


def test_a_class_that_no_font_can_draw_is_numbered_and_a_note_says_where_its_name_is():
    names = ["a", "b", "\U000f0000"]
    first, second, _, mistakes = galleries([0, 0, 2], [0, 1, 1], [0.9, 0.8, 0.7], names, "a")
    assert mistakes.captions == [("true: a", "predicted: b, 80%"), ("true: #3", "predicted: b, 70%")]
    assert (first.notes, second.notes, mistakes.notes) == ([], [], [lettering.KEY])
    empty = galleries([0], [0], [0.9], names, "\U000f0000")[0]
    assert empty.title == "No true positives: no image of #3 is predicted as #3."
    assert empty.notes == [lettering.KEY]


@pytest.mark.parametrize("requested", ["worst", "glass", "paper"])
def test_the_worst_class_or_any_class_may_be_requested(requested):
    gallery_selection.check_class(requested, CLASSES)


def test_an_unknown_class_is_refused_with_a_list_of_the_classes():
    with pytest.raises(UserError, match=r"evaluate\.gallery_class is 'Glass'; allowed: worst, .*glass, metal, paper"):
        gallery_selection.check_class("Glass", CLASSES)


@pytest.mark.parametrize(("requested", "name"), [("worst", "metal"), ("metal", "metal"), ("glass", "glass")])
def test_the_galleries_of_a_model_show_the_requested_class_or_the_worst(requested, name):
    # An image of metal is taken for glass.
    shown = galleries([0, 1, 1], [0, 0, 1], [0.9, 0.8, 0.7], CLASSES[:2], requested, "metal")
    true_positives, false_negatives, false_positives, mistakes = shown
    assert true_positives.title == f"True positives: {name} predicted as {name} (1)"
    assert (false_negatives.rows, false_positives.rows) == (([1], []) if name == "metal" else ([], [1]))
    assert mistakes.rows == [1]
