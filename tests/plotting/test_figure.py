"""The style of all pictures, and tiles."""

import warnings

import numpy as np
import pytest
from PIL import Image

from pictures import is_close_to, noise, open_png, plain
from runs import run_python
from transfer.plotting import confusion_matrix
from transfer.plotting import figure as figures
from transfer.plotting.figure import Tile, draw_tiles

LONG = "012.Plantae_Tracheophyta_Magnoliopsida_Asterales_northern_blue-winged_warbler"


def test_the_matplotlibrc_of_a_user_changes_nothing(tmp_path):
    script = (
        "import numpy as np; from pathlib import Path; from transfer.plotting import confusion_matrix\n"
        "confusion_matrix.draw(np.array([0, 1]), np.array([1, 1]), ['a', 'b'], 'title', Path('a.png'))\n"
    )
    user_style = "font.size: 20\naxes.facecolor: red\nfont.sans-serif: Nimbus\n"
    for name, style in (("default", ""), ("user", user_style)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matplotlibrc").write_text(style)
        done = run_python(tmp_path / name, "-c", script)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "user/a.png").read_bytes() == (tmp_path / "default/a.png").read_bytes()


def test_a_home_that_is_read_only_or_missing_is_no_reason_to_warn(tmp_path, monkeypatch):
    # Nobody may write into /sys, not even root.
    monkeypatch.setenv("HOME", "/sys")
    for variable in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    done = run_python(tmp_path, "-c", "import transfer.plotting.gallery, matplotlib; print(matplotlib.get_cachedir())")
    assert (done.returncode, done.stderr) == (0, "") and not done.stdout.startswith("/sys")


@pytest.mark.parametrize("name", ["日本", "\N{BOTTLE WITH POPPING CORK}", "\U000f0000", "é", "שלום", "कांच", "a\u3000b"])
def test_no_letter_is_a_reason_for_a_warning(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        confusion_matrix.draw(np.array([0, 1]), np.array([1, 1]), ["a", name], name, tmp_path / "a.png")
        draw_tiles(name, [Tile([name], [plain((0, 0, 0))], name)], tmp_path / "b.png", [name])


def test_a_picture_has_at_least_150_dots_per_inch(tmp_path):
    draw_tiles("title", [Tile(["a"], list(noise(1)))], tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert min(picture.info["dpi"]) >= 150


def test_a_picture_of_moderate_size_has_all_colours(tmp_path):
    colours = np.arange(64 * 64 * 3).reshape(64, 64, 3) // 3 % 4096
    image = np.stack([colours[..., 0] // 64 * 4, colours[..., 0] % 64 * 4, np.full((64, 64), 90)], axis=2)
    draw_tiles("title", [Tile([], [image.astype(np.uint8)])], tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGB" and len(picture.getcolors(100_000)) > 4000


def test_a_large_picture_has_256_colours_and_no_bands():
    # A smooth area beside noise, which leaves few colours for it
    smooth = np.tile(np.linspace(60, 140, 200)[None, :, None] * np.array([1.0, 0.9, 0.8]), (200, 1, 1))
    random = np.random.default_rng(1).integers(0, 256, (200, 1800, 3))
    picture = Image.fromarray(np.concatenate([smooth, random], axis=1).astype(np.uint8))
    reduced = figures.dithered(picture)
    assert len(reduced.getcolors()) <= 256
    # Without dithering, most columns are the same as their neighbours. With it, each has a mixture of its own.
    equal = [
        (np.diff(np.asarray(image.convert("RGB"))[:, 20:180].mean(axis=0), axis=0) == 0).all(axis=1).mean()
        for image in (reduced, picture.quantize(256))
    ]
    assert equal[0] < 0.2 and equal[1] > 0.6, equal


@pytest.mark.parametrize("darkest", [240, 248, 252])
def test_dithering_keeps_white_beside_colours_that_are_nearly_white(darkest):
    random = np.random.default_rng(1)
    picture = np.full((100, 300, 3), 255, np.uint8)
    picture[:50, 200:] = random.integers(0, 256, (50, 100, 3))
    picture[50:, 200:] = random.integers(darkest, 256, (50, 100, 3))
    result = np.asarray(figures.dithered(Image.fromarray(picture)).convert("RGB"))
    assert (result[:, :199] == 255).all()


def test_the_largest_gallery_of_noise_has_a_bounded_size_and_the_same_bytes_each_time(tmp_path):
    # Eighteen tiles of noise, twice each, as in the largest gallery
    tiles = [Tile(["true: a", "predicted: b, 50%"], [image, image], "a.jpg") for image in noise(18, 128)]
    for name in ("first", "second"):
        draw_tiles("title", tiles, tmp_path / f"{name}.png", ["note"])
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert (tmp_path / "first.png").stat().st_size < 1_300_000  # noise cannot be compressed; photographs take half
    with Image.open(tmp_path / "first.png") as picture:
        assert picture.mode == "P"
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels[:15] == 255).all() and (pixels[:, :10] == 255).all() and (pixels[-10:] == 255).all()


def tiles_of(picture, colour):
    """The number of rectangles of a colour, by the columns that they fill."""
    columns = is_close_to(picture, colour).any(axis=0)
    return int((np.diff(columns.astype(int)) == 1).sum())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
def test_there_are_as_many_columns_as_tiles(tmp_path, count):
    draw_tiles("title", [Tile(["a"], [plain((250, 0, 0))])] * count, tmp_path / "a.png")
    picture = open_png(tmp_path / "a.png", 1400)
    assert tiles_of(picture, (250, 0, 0)) == count
    # No room for tiles that do not exist: an image is 180 dots wide.
    assert picture.shape[1] <= max(count * 215 + 40, 550)
    assert picture.shape[0] < 320


def test_seven_tiles_make_two_rows_of_at_most_six(tmp_path):
    draw_tiles("title", [Tile(["a"], [plain((250, 0, 0))])] * 7, tmp_path / "a.png")
    picture = open_png(tmp_path / "a.png", 1400)
    rows = is_close_to(picture, (250, 0, 0)).any(axis=1)
    assert (np.diff(rows.astype(int)) == 1).sum() == 2
    assert is_close_to(picture, (250, 0, 0)).sum() == pytest.approx(7 * 180 * 180, rel=0.03)


def ink(picture):
    """Where there is text: dark grey or black."""
    return (picture.max(axis=2) < 140) & (picture.max(axis=2) - picture.min(axis=2) < 12)


def test_texts_are_shortened_and_leave_gaps_between_the_tiles(tmp_path):
    white = plain((255, 255, 255))
    tiles = [Tile([f"true: {LONG}", f"predicted: {LONG}, 100%"], [white], f"{LONG}{LONG}.jpg")] * 6
    draw_tiles(LONG * 5, tiles, tmp_path / "a.png", [LONG * 5])
    picture = open_png(tmp_path / "a.png", 1400)
    text = ink(picture)
    assert not text[:, :12].any() and not text[:, -4:].any()
    # From the second to the last line of text above the images, a few empty columns are between any two tiles.
    lines = text[150:230]
    empty = ~lines.any(axis=0)
    starts = [18 + place * 210 for place in range(1, 6)]
    assert all(empty[start : start + 15].sum() >= 3 for start in starts)


def test_without_tiles_the_title_is_the_whole_picture(tmp_path):
    draw_tiles("No mistakes: every image is predicted as its class.", [], tmp_path / "a.png")
    picture = open_png(tmp_path / "a.png", 600)
    assert picture.shape[0] < 120
    assert ink(picture).sum() > 200
    assert (picture.max(axis=2) - picture.min(axis=2) < 12).all()
