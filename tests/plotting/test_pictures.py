"""The pictures are PNG files of bounded size, the same each time, whatever the classes are called."""

import numpy as np
import pytest
from PIL import Image
from transfer.plotting.gallery_selection import Gallery
from transfer.plotting.pairs import ImagePair

from runs import run_python
from transfer.plotting import augmentation_preview
from transfer.plotting import confusion_matrix
from transfer.plotting import gallery
from transfer.plotting import pairs

STRANGE = ["$x$", "$\\x$", "[red]", "a_b^{", "%s {0}", "é 日", "<b>", "007"]


def noise(count, size=24):
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def opened(path, most):
    """The picture as RGB, once its format and its size are seen to be as they should."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert max(image.size) <= most
        return np.asarray(image.convert("RGB"))


def colours(picture):
    return {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}


def gallery(images, captions, title, path, heat=0.0):
    shown = Gallery("name", title, list(range(len(images))), list(captions))
    gallery.draw(images, shown, np.full((len(images), 3, 3), heat), path)


def pairs(path, *colours_and_marks):
    """A picture of pairs, each of two plain colours, marked or not."""
    shown = [
        ImagePair((plain(first), plain(second)), ("$\\x$, test", "é 日, train"), "cosine $1$", marked)
        for first, second, marked in colours_and_marks
    ]
    pairs.draw("title $y$", shown, path)
    return opened(path, 1000).astype(int)


def plain(colour):
    return np.broadcast_to(np.array(colour, np.uint8), (24, 24, 3))


def confusion(path, classes, images=200):
    chance = np.random.default_rng(1)
    actual, predicted = chance.integers(0, len(classes), (2, images))
    confusion_matrix.draw(actual, predicted, classes, "title $y$", path)
    return path


@pytest.mark.filterwarnings("ignore:Glyph")
def test_classes_may_be_called_anything(tmp_path):
    opened(confusion(tmp_path / "new" / "a.png", STRANGE), 1000)
    gallery(noise(8), STRANGE, "$\\x$", tmp_path / "b.png")
    augmentation_preview.draw(noise(3), "$\\x$", tmp_path / "c.png")
    opened(tmp_path / "b.png", 1000)
    opened(tmp_path / "c.png", 1000)


def test_the_same_pictures_are_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        confusion(tmp_path / name / "a.png", STRANGE[:5])
        gallery(noise(8), list("abcdefgh"), "title", tmp_path / name / "b.png")
        augmentation_preview.draw(noise(8), "title", tmp_path / name / "c.png")
    for name in ("a.png", "b.png", "c.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_matrix_of_sixty_classes_is_bounded(tmp_path):
    path = confusion(tmp_path / "a.png", [f"class number {number}" for number in range(60)], images=6000)
    opened(path, 2200)
    assert path.stat().st_size < 300_000


def test_a_matrix_is_dark_where_the_images_are(tmp_path):
    every = np.repeat(np.arange(2), 50)
    confusion_matrix.draw(every, every, ["a", "b"], "right", tmp_path / "right.png")
    confusion_matrix.draw(every, 1 - every, ["a", "b"], "wrong", tmp_path / "wrong.png")
    right, wrong = opened(tmp_path / "right.png", 500), opened(tmp_path / "wrong.png", 500)
    # The darkest blue marks the whole of a class: on the diagonal, or off it
    dark = [(picture.astype(int) - (8, 48, 107)).__abs__().max(axis=2) < 12 for picture in (right, wrong)]
    for squares, slope in zip(dark, (1, -1), strict=True):
        rows, columns = np.nonzero(squares)
        assert len(rows) > 5000
        assert np.sign(np.corrcoef(rows, columns)[0, 1]) == slope


def test_a_class_without_images_does_not_keep_the_matrix_from_being_drawn(tmp_path):
    confusion_matrix.draw(np.array([0, 0]), np.array([0, 1]), ["a", "b", "none"], "title", tmp_path / "a.png")
    opened(tmp_path / "a.png", 500)


def test_every_image_of_a_gallery_is_in_the_picture(tmp_path):
    # Seven images, so two rows: each of one colour, which no other has
    plain = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250], [250, 0, 250], [120, 60, 0]])
    images = np.broadcast_to(plain[:, None, None].astype(np.uint8), (7, 24, 24, 3))
    gallery(images, list("abcdefg"), "title", tmp_path / "a.png")
    picture = opened(tmp_path / "a.png", 1000).astype(int)
    for colour in plain:
        assert (np.abs(picture - colour).max(axis=2) < 12).sum() > 3000


def test_a_heat_map_is_dark_where_nothing_spoke_for_the_class_and_bright_where_most_did(tmp_path):
    grey = np.full((1, 24, 24, 3), 128, np.uint8)
    for name, heat in (("cold", 0.0), ("warm", 1.0)):
        gallery(grey, [""], "title", tmp_path / f"{name}.png", heat)
    cold, warm = (opened(tmp_path / f"{name}.png", 1000).astype(int) for name in ("cold", "warm"))
    # 45 % of the grey and 55 % of the colours at the two ends of the map, near black and a light yellow
    for picture, end in ((cold, (0, 0, 4)), (warm, (252, 255, 164))):
        colour = 0.45 * 128 + 0.55 * np.array(end)
        assert (np.abs(picture - colour).max(axis=2) < 12).sum() > 3000


def test_a_gallery_shows_the_rows_it_names(tmp_path):
    images = np.zeros((3, 24, 24, 3), np.uint8)
    images[1] = (250, 0, 0)
    gallery.draw(images, Gallery("name", "title", [1], ["a"]), np.zeros((1, 3, 3)), tmp_path / "a.png")
    assert (np.abs(opened(tmp_path / "a.png", 1000).astype(int) - (250, 0, 0)).max(axis=2) < 12).sum() > 3000


def test_a_gallery_of_eighteen_photographs_is_small(tmp_path):
    gallery(noise(18, 128), [str(number) for number in range(18)], "title", tmp_path / "a.png")
    opened(tmp_path / "a.png", 1000)
    # Noise is the worst of photographs, and each is there twice
    assert (tmp_path / "a.png").stat().st_size < 500_000


def test_an_empty_gallery_says_that_there_is_none(tmp_path):
    gallery(noise(0), [], "title", tmp_path / "empty.png")
    picture = opened(tmp_path / "empty.png", 1000)
    # Nothing but writing: below the title there is some, and no colour anywhere
    assert (picture[22:].min(axis=2) < 100).sum() > 20
    assert all(max(pixel) - min(pixel) < 12 for pixel in colours(picture))


@pytest.mark.parametrize("views", [1, 4, 5, 8])
def test_any_number_of_views_is_drawn(tmp_path, views):
    augmentation_preview.draw(noise(views), "title", tmp_path / "a.png")
    opened(tmp_path / "a.png", 1000)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_both_images_of_a_pair_are_drawn_the_first_on_the_left(tmp_path):
    # Four pairs, so two rows
    red, blue = (250, 0, 0), (0, 0, 250)
    picture = pairs(tmp_path / "a.png", *[(red, blue, False)] * 3, (blue, red, False))
    reds, blues = (np.argwhere(np.abs(picture - colour).max(axis=2) < 12) for colour in (red, blue))
    assert len(reds) == pytest.approx(len(blues), rel=0.05) and len(reds) > 4 * 8000
    half = picture.shape[0] // 2
    third = picture.shape[1] // 3
    first = [found[(found[:, 0] < half) & (found[:, 1] < third)][:, 1].mean() for found in (reds, blues)]
    last = [found[found[:, 0] > half][:, 1].mean() for found in (reds, blues)]
    assert first[0] < first[1] and last[0] > last[1]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_pair_that_stands_out_has_a_ground_of_its_own(tmp_path):
    grey = (90, 90, 90)
    ground = [
        (np.abs(pairs(tmp_path / "a.png", (grey, grey, marked)) - (255, 217, 168)).max(axis=2) < 12).sum()
        for marked in (False, True)
    ]
    assert ground[0] == 0 and ground[1] > 5000


def test_pairs_of_noise_are_a_small_picture_and_the_same_bytes_each_time(tmp_path):
    images = noise(24, 128)
    shown = [ImagePair((images[row], images[row + 12]), ("a", "b"), "c", row < 6) for row in range(12)]
    for name in ("first", "second"):
        pairs.draw("title", shown, tmp_path / f"{name}.png")
    opened(tmp_path / "first.png", 1000)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert (tmp_path / "first.png").stat().st_size < 500_000


def test_a_users_own_matplotlibrc_changes_nothing(tmp_path):
    script = "import numpy as np; from pathlib import Path; from transfer import pictures\n"
    script += "pictures.confusion(np.array([0, 1]), np.array([1, 1]), ['a', 'b'], 'title', Path('found.png'))\n"
    for name, settings in (("plain", ""), ("own", "font.size: 20\naxes.facecolor: red\nfont.sans-serif: Nimbus\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matplotlibrc").write_text(settings)
        done = run_python(tmp_path / name, "-c", script)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "own/found.png").read_bytes() == (tmp_path / "plain/found.png").read_bytes()
