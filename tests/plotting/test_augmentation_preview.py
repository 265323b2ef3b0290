"""The picture of an image and its augmented views."""

import pytest

from pictures import noise, open_png
from transfer.plotting import augmentation_preview


@pytest.mark.parametrize("views", [1, 4, 5, 8])
def test_any_number_of_views_can_be_drawn(tmp_path, views):
    augmentation_preview.draw(noise(views), "title", tmp_path / "a.png")
    open_png(tmp_path / "a.png", 1000)


def test_the_title_may_be_any_text(tmp_path):
    augmentation_preview.draw(noise(3), "$\\x$", tmp_path / "a.png")
    open_png(tmp_path / "a.png", 1000)


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        augmentation_preview.draw(noise(8), "title", tmp_path / name / "a.png")
    assert (tmp_path / "first/a.png").read_bytes() == (tmp_path / "second/a.png").read_bytes()
