"""The picture of a confusion matrix."""

import numpy as np
import pytest

from pictures import STRANGE_NAMES, is_close_to, open_png
from transfer.plotting import confusion_matrix


def draw(path, classes, images=200):
    """Draw the matrix of random predictions."""
    actual, predicted = np.random.default_rng(1).integers(0, len(classes), (2, images))
    confusion_matrix.draw(actual, predicted, classes, "title $y$", path)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_classes_may_have_any_names(tmp_path):
    draw(tmp_path / "new" / "a.png", STRANGE_NAMES)
    open_png(tmp_path / "new" / "a.png", 1000)


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        draw(tmp_path / name / "a.png", STRANGE_NAMES[:5])
    assert (tmp_path / "first/a.png").read_bytes() == (tmp_path / "second/a.png").read_bytes()


def test_a_matrix_of_sixty_classes_has_a_bounded_size(tmp_path):
    path = tmp_path / "a.png"
    draw(path, [f"class number {number}" for number in range(60)], images=6000)
    open_png(path, 2200)
    assert path.stat().st_size < 300_000


def test_a_matrix_is_dark_where_the_images_are(tmp_path):
    labels = np.repeat(np.arange(2), 50)
    confusion_matrix.draw(labels, labels, ["a", "b"], "right", tmp_path / "right.png")
    confusion_matrix.draw(labels, 1 - labels, ["a", "b"], "wrong", tmp_path / "wrong.png")
    right, wrong = open_png(tmp_path / "right.png", 500), open_png(tmp_path / "wrong.png", 500)
    # The darkest blue marks a whole class: on the diagonal, or beside it.
    for picture, slope in zip((right, wrong), (1, -1), strict=True):
        rows, columns = np.nonzero(is_close_to(picture, (8, 48, 107)))
        assert len(rows) > 5000
        assert np.sign(np.corrcoef(rows, columns)[0, 1]) == slope


def test_a_matrix_can_be_drawn_with_a_class_without_images(tmp_path):
    confusion_matrix.draw(np.array([0, 0]), np.array([0, 1]), ["a", "b", "none"], "title", tmp_path / "a.png")
    open_png(tmp_path / "a.png", 500)
