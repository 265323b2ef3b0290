"""The picture of pairs of similar images."""

import numpy as np
import pytest

from pictures import is_close_to, noise, open_png, plain
from transfer.plotting import pairs
from transfer.plotting.pairs import ImagePair


def draw(path, *colours_and_highlights):
    """The picture of pairs, each of two colours, highlighted or not."""
    image_pairs = [
        ImagePair(
            (plain(first), plain(second)), ("$\\x$, test", "é 日, train"), ("a.jpg", "b.jpg"), "cosine $1$", highlighted
        )
        for first, second, highlighted in colours_and_highlights
    ]
    pairs.draw("title $y$", image_pairs, path)
    return open_png(path, 1400)


def test_the_first_image_of_a_pair_is_on_the_left(tmp_path):
    # Four pairs make two rows.
    red, blue = (250, 0, 0), (0, 0, 250)
    picture = draw(tmp_path / "a.png", *[(red, blue, "")] * 3, (blue, red, ""))
    reds, blues = (np.argwhere(is_close_to(picture, colour)) for colour in (red, blue))
    assert len(reds) == pytest.approx(len(blues), rel=0.05) and len(reds) > 4 * 8000
    half = picture.shape[0] // 2
    third = picture.shape[1] // 3
    first = [points[(points[:, 0] < half) & (points[:, 1] < third)][:, 1].mean() for points in (reds, blues)]
    last = [points[points[:, 0] > half][:, 1].mean() for points in (reds, blues)]
    assert first[0] < first[1] and last[0] > last[1]


def test_only_a_highlighted_pair_has_a_coloured_background(tmp_path):
    grey = (90, 90, 90)
    background = [
        is_close_to(draw(tmp_path / "a.png", (grey, grey, highlighted)), (255, 217, 168)).sum()
        for highlighted in ("", "near-duplicate")
    ]
    assert background[0] == 0 and background[1] > 5000


def test_pairs_of_noise_are_a_small_file_with_the_same_bytes_each_time(tmp_path):
    images = noise(24, 128)
    image_pairs = [
        ImagePair((images[row], images[row + 12]), ("a", "b"), ("c", "d"), "e", "near" if row < 6 else "")
        for row in range(12)
    ]
    for name in ("first", "second"):
        pairs.draw("title", image_pairs, tmp_path / f"{name}.png")
    open_png(tmp_path / "first.png", 1400)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert (tmp_path / "first.png").stat().st_size < 1_000_000
