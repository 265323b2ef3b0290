"""The picture of a gallery: its images, and their heat maps."""

import numpy as np

from pictures import STRANGE_NAMES, is_close_to, noise, open_png, plain
from transfer.plotting import gallery
from transfer.plotting.gallery_selection import Gallery


def draw(images, captions, title, path, heat=0.0):
    """Draw a gallery of all these images, with a uniform heat map for each."""
    files = [f"{number}.jpg" for number in range(len(images))]
    selection = Gallery("name", title, list(range(len(images))), [(caption, "b") for caption in captions], files, [])
    gallery.draw(images, selection, np.full((len(images), 3, 3), heat), path)


def test_captions_and_titles_may_be_any_text(tmp_path):
    draw(noise(8), STRANGE_NAMES, "$\\x$", tmp_path / "a.png")
    open_png(tmp_path / "a.png", 1400)


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        draw(noise(8), list("abcdefgh"), "title", tmp_path / name / "a.png")
    assert (tmp_path / "first/a.png").read_bytes() == (tmp_path / "second/a.png").read_bytes()


def test_every_image_of_a_gallery_is_in_the_picture(tmp_path):
    # Seven images make two rows. Each has a colour of its own.
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250), (250, 0, 250), (120, 60, 0)]
    draw(np.stack([plain(colour) for colour in colours]), list("abcdefg"), "title", tmp_path / "a.png")
    picture = open_png(tmp_path / "a.png", 1400)
    for colour in colours:
        assert is_close_to(picture, colour).sum() > 20_000


def test_a_heat_map_is_dark_without_evidence_and_bright_with_the_most_evidence(tmp_path):
    grey = plain((128, 128, 128))[None]
    for name, heat in (("cold", 0.0), ("warm", 1.0)):
        draw(grey, [""], "title", tmp_path / f"{name}.png", heat)
    cold, warm = (open_png(tmp_path / f"{name}.png", 1400) for name in ("cold", "warm"))
    # 45 % of the grey, and 55 % of the colours at the ends of the colour map, near black and light yellow.
    for picture, end in ((cold, (0, 0, 4)), (warm, (252, 255, 164))):
        colour = 0.45 * 128 + 0.55 * np.array(end)
        assert is_close_to(picture, colour).sum() > 20_000


def test_a_gallery_shows_the_rows_that_it_names(tmp_path):
    images = np.zeros((3, 24, 24, 3), np.uint8)
    images[1] = (250, 0, 0)
    gallery.draw(
        images, Gallery("name", "title", [1], [("a", "b")], ["a.jpg"], []), np.zeros((1, 3, 3)), tmp_path / "a.png"
    )
    assert is_close_to(open_png(tmp_path / "a.png", 1400), (250, 0, 0)).sum() > 20_000


def test_a_heat_map_has_no_bands():
    grey = np.full((96, 96, 3), 128, np.uint8)
    overlaid = gallery.overlay(grey, np.tile(np.linspace(0, 1, 4), (4, 1))).astype(int)
    # From one column to the next, the colours change by little and hardly ever not at all.
    steps = np.abs(np.diff(overlaid[48], axis=0)).sum(axis=1)
    assert steps.max() < 20 and (steps[15:80] > 0).mean() > 0.9


def test_an_empty_gallery_is_a_small_picture_of_one_sentence(tmp_path):
    draw(noise(0), [], "No false positives: no image of another class is predicted as paper.", tmp_path / "empty.png")
    picture = open_png(tmp_path / "empty.png", 600)
    assert picture.shape[0] < 120
    assert (picture.min(axis=2) < 100).sum() > 200
    assert (picture.max(axis=2) - picture.min(axis=2) < 12).all()
