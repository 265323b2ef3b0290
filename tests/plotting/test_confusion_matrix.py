"""The picture of a confusion matrix."""

import numpy as np
import pytest

from pictures import STRANGE_NAMES, is_close_to, open_png
from transfer.plotting import confusion_matrix


def draw(path, classes, images=200):
    """Draw the matrix of random predictions."""
    actual, predicted = np.random.default_rng(1).integers(0, len(classes), (2, images))
    confusion_matrix.draw(actual, predicted, classes, "title $y$", path)


def test_classes_may_have_any_names(tmp_path):
    draw(tmp_path / "new" / "a.png", STRANGE_NAMES)
    open_png(tmp_path / "new" / "a.png", 1000)


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        draw(tmp_path / name / "a.png", STRANGE_NAMES[:5])
    assert (tmp_path / "first/a.png").read_bytes() == (tmp_path / "second/a.png").read_bytes()


@pytest.mark.parametrize("count", [2, 6, 30, 31, 200, 1000])
def test_a_matrix_of_any_number_of_classes_has_a_bounded_size(tmp_path, count):
    path = tmp_path / "a.png"
    draw(path, [f"{number:03}.Plantae_Magnoliopsida_northern_blue-winged_warbler" for number in range(count)], 6000)
    open_png(path, 2000)
    assert path.stat().st_size < 500_000


def test_up_to_thirty_classes_are_all_shown():
    assert confusion_matrix.most_mistaken(np.eye(30, dtype=int)) == list(range(30))
    assert confusion_matrix.most_mistaken(np.eye(31, dtype=int)) == list(range(20))


def test_of_more_classes_those_with_the_most_mistakes_are_shown_in_their_order():
    counts = np.eye(200, dtype=int) * 50
    # Mistakes count for both classes. Class 150 is in three, 7 and 8 in two, 90 in one; of the others, the first ones.
    counts[150, 7] = 2
    counts[8, 150] = 1
    counts[8, 90] = 1
    assert confusion_matrix.most_mistaken(counts) == [*range(18), 90, 150]


def test_the_classes_that_are_not_shown_are_summed_up():
    counts = np.arange(16).reshape(4, 4)
    # By hand, of classes 0 to 3 with 1 and 3 shown: rows 1 and 3, then 0 and 2; columns alike.
    assert confusion_matrix.summed_up(counts, [1, 3]).tolist() == [[5, 7, 10], [13, 15, 26], [10, 14, 20]]


def test_the_title_says_what_a_matrix_of_many_classes_leaves_out(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(confusion_matrix.Sheet, "write", lambda self, lines, *place: written.append(" ".join(lines)))
    draw(tmp_path / "a.png", [f"class {number}" for number in range(200)])
    assert written[0] == "title $y$. Shown: the 20 of 200 classes with the most mistakes"
    assert written[1].startswith("The last row and column are the sums of the 180 other classes.")
    written.clear()
    draw(tmp_path / "a.png", [f"class {number}" for number in range(30)])
    assert written == ["title $y$", ""]


def test_a_matrix_is_dark_where_the_images_are(tmp_path):
    labels = np.repeat(np.arange(2), 50)
    confusion_matrix.draw(labels, labels, ["a", "b"], "right", tmp_path / "right.png")
    confusion_matrix.draw(labels, 1 - labels, ["a", "b"], "wrong", tmp_path / "wrong.png")
    right, wrong = open_png(tmp_path / "right.png", 600), open_png(tmp_path / "wrong.png", 600)
    # The darkest blue marks a whole class: on the diagonal, or beside it.
    for picture, slope in zip((right, wrong), (1, -1), strict=True):
        rows, columns = np.nonzero(is_close_to(picture, (8, 48, 107)))
        assert len(rows) > 5000
        assert np.sign(np.corrcoef(rows, columns)[0, 1]) == slope


def test_a_matrix_can_be_drawn_with_a_class_without_images(tmp_path):
    confusion_matrix.draw(np.array([0, 0]), np.array([0, 1]), ["a", "b", "none"], "title", tmp_path / "a.png")
    open_png(tmp_path / "a.png", 700)
