"""Image files as cameras, scanners and the web make them, and files that are not images."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from transfer.common import parallel
from transfer.dataset import decoding
from transfer.interface.errors import UserError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def write_png_header(path, width, height):
    """Write a black-and-white PNG that claims to have this size, but has hardly any pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b""))


def test_the_pixels_of_an_rgb_file_are_decoded_unchanged(tmp_path, photograph):
    pixels = photograph(tmp_path / "a.png", (7, 5))
    image = decoding.decode(tmp_path / "a.png")
    assert image.pixels.dtype == np.uint8
    assert image.pixels.shape == (5, 7, 3)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert (image.mode, image.turned) == ("RGB", False)


@pytest.mark.parametrize(
    ("mode", "values", "name", "expected"),
    [
        ("L", [0, 100, 255], "a.png", [(0, 0, 0), (100, 100, 100), (255, 255, 255)]),
        ("1", [0, 255, 0], "a.png", [(0, 0, 0), (255, 255, 255), (0, 0, 0)]),
        ("LA", [(10, 255), (200, 128), (30, 0)], "a.png", [(10, 10, 10), (200, 200, 200), (30, 30, 30)]),
        ("RGBA", [(1, 2, 3, 255), (4, 5, 6, 128), (7, 8, 9, 0)], "a.png", [(1, 2, 3), (4, 5, 6), (7, 8, 9)]),
        (
            "CMYK",
            [(255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)],
            "a.tif",
            [(0, 255, 255), (255, 0, 0), (0, 0, 0)],
        ),
        ("I;16", [0, 32768, 65535], "a.png", [(0, 0, 0), (128, 128, 128), (255, 255, 255)]),
        ("I;16", [255, 256, 12850], "a.tif", [(0, 0, 0), (1, 1, 1), (50, 50, 50)]),
    ],
)
def test_every_mode_becomes_8_bit_rgb(tmp_path, mode, values, name, expected):
    original = Image.new(mode, (3, 1))
    for column, value in enumerate(values):
        original.putpixel((column, 0), value)
    original.save(tmp_path / name)
    image = decoding.decode(tmp_path / name)
    assert image.mode == mode
    assert image.pixels.dtype == np.uint8
    assert image.pixels[0].tolist() == [list(pixel) for pixel in expected]


@pytest.mark.parametrize("transparent", [None, 1, bytes([255, 0, 128])])
def test_a_palette_image_has_its_colours_whatever_is_transparent(tmp_path, recwarn, transparent):
    original = Image.new("P", (3, 1))
    original.putpalette([*RED, *GREEN, *BLUE])
    original.putdata([0, 1, 2])
    original.save(tmp_path / "a.png", **({} if transparent is None else {"transparency": transparent}))
    image = decoding.decode(tmp_path / "a.png")
    assert image.mode == "P"
    assert image.pixels[0].tolist() == [list(RED), list(GREEN), list(BLUE)]
    assert len(recwarn) == 0


def test_a_cmyk_jpeg_is_decoded_to_its_colours(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    image = decoding.decode(tmp_path / "a.jpg")
    assert image.mode == "CMYK"
    assert np.abs(image.pixels.astype(int) - np.array(RED)).max() <= 4


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_of_32_bits_are_refused_and_not_clipped(tmp_path, mode):
    Image.new(mode, (2, 2), 70000).save(tmp_path / "a.tif")
    with pytest.raises(
        UserError, match=r"a\.tif is broken \(mode .: neither 8 nor 16 bits a channel\): remove or replace it"
    ):
        decoding.decode(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: np.rot90(stored, 2)),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: np.rot90(stored, 2).transpose(1, 0, 2)),
        (8, lambda stored: np.rot90(stored, 1)),
    ],
    ids=range(1, 9),
)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_the_exif_orientation_is_applied(tmp_path, photograph, orientation, upright, suffix):
    stored = photograph(tmp_path / "stored.png", (5, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(stored).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    image = decoding.decode(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image.pixels, upright(stored))
    assert image.turned == (orientation != 1)


def test_the_exif_orientation_of_a_jpeg_is_applied(tmp_path):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    image = decoding.decode(tmp_path / "a.jpg")
    assert image.turned
    assert image.pixels.shape == (32, 16, 3)
    # After a clockwise turn, the left side is on top.
    assert image.pixels[:12, :, 0].min() > 240
    assert image.pixels[20:, :, 0].max() < 15


@pytest.mark.parametrize("orientation", [0, 9])
def test_an_undefined_orientation_is_ignored(tmp_path, photograph, orientation):
    stored = photograph(tmp_path / "stored.png", (5, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    image = decoding.decode(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, stored)
    assert not image.turned


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", True),
        ("A.JPG", True),
        ("b.Jpeg", True),
        ("c.PNG", True),
        ("d.webp", True),
        ("e.tiff", True),
        ("f.bmp", True),
        ("g.gif", True),
        ("h.heic", True),
        ("two words é ü.jpg", True),
        (".hidden.jpg", False),
        ("._a.jpg", False),
        (".DS_Store", False),
        ("Thumbs.db", False),
        ("notes.txt", False),
        ("jpg", False),
        ("a.jpg.txt", False),
        ("a.svg", False),
    ],
)
def test_the_name_of_a_file_decides_whether_it_counts_as_an_image(tmp_path, name, expected):
    assert decoding.is_image(tmp_path / name) is expected


@pytest.mark.parametrize("name", ["A.PNG", "two words.png", "déjà vu ß 日本.png", "a#b%20c.png"])
def test_a_name_may_have_capitals_spaces_and_accents(tmp_path, photograph, name):
    pixels = photograph(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / name)
    np.testing.assert_array_equal(decoding.decode(tmp_path / name).pixels, pixels)


def test_the_first_frame_of_an_animation_is_decoded(tmp_path):
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    for name in ("a.gif", "a.webp", "a.tif"):
        first.save(
            tmp_path / name, save_all=True, append_images=[second], **({"lossless": True} if "web" in name else {})
        )
        assert (decoding.decode(tmp_path / name).pixels == RED).all()


def test_the_first_photograph_of_a_phones_file_of_two_is_decoded(tmp_path):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
    assert np.abs(decoding.decode(tmp_path / "a.jpg").pixels.astype(int) - np.array(RED)).max() <= 4


def test_the_content_decides_the_format_and_not_the_suffix(tmp_path, photograph):
    pixels = photograph(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(decoding.decode(tmp_path / "a.jpg").pixels, pixels)


def refusal(path):
    """The error for a file that is refused: one line that begins with its path, which is left out here."""
    with pytest.raises(UserError) as raised:
        decoding.decode(path)
    assert str(raised.value).startswith(f"{path} ")
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path} ")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_half_a_file_is_refused(tmp_path, photograph, suffix):
    path = tmp_path / f"a.{suffix}"
    photograph(path, (40, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path).endswith(": remove or replace it.")


def test_a_truncated_jpeg_is_reported_as_broken(tmp_path, photograph):
    photograph(tmp_path / "a.jpg", (40, 40))
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    assert refusal(tmp_path / "a.jpg").startswith("is broken (")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert refusal(tmp_path / "a.jpg") == "is empty: remove or replace it."


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("404 Not Found")
    assert refusal(tmp_path / "a.jpg") == "is not a readable image: remove or replace it."


def test_a_heic_file_is_refused_by_its_suffix(tmp_path):
    for name in ("a.heic", "a.HEIF"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
        assert refusal(tmp_path / name) == "is in HEIC format, which cannot be read: convert it to JPEG."


@pytest.mark.parametrize("side", [20_000, 10_000])
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, side):
    write_png_header(tmp_path / "a.png", side, side)
    assert refusal(tmp_path / "a.png") == "has more than 89 million pixels: make it smaller."


def test_a_large_photograph_does_not_have_too_many_pixels(tmp_path):
    write_png_header(tmp_path / "a.png", 9000, 9000)
    assert "broken" in refusal(tmp_path / "a.png")


def test_a_format_that_runs_a_program_is_not_opened_under_another_suffix(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "EPS"
    assert refusal(tmp_path / "a.png").startswith("is not a readable image")


def test_an_unlisted_format_is_not_opened_under_another_suffix(tmp_path):
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 2, 8, 3)
    (tmp_path / "a.png").write_bytes(header + struct.pack(">IIIH", 0, 0, 0, 0) + bytes(12))
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PSD"
    assert refusal(tmp_path / "a.png").startswith("is not a readable image")


def test_the_digest_depends_on_the_pixels_and_not_on_the_file(tmp_path, photograph):
    pixels = photograph(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "b.bmp")
    digest = decoding.pixel_digest(decoding.decode(tmp_path / "a.png").pixels)
    assert digest == decoding.pixel_digest(decoding.decode(tmp_path / "b.bmp").pixels)
    assert len(digest) == 16
    assert int(digest, 16) >= 0


def test_a_changed_pixel_or_another_shape_changes_the_digest():
    pixels = np.zeros((4, 6, 3), np.uint8)
    changed = pixels.copy()
    changed[3, 5, 2] = 1
    images = pixels, changed, np.zeros((6, 4, 3), np.uint8)
    assert len({decoding.pixel_digest(image) for image in images}) == 3


def test_the_digest_does_not_depend_on_the_memory_layout_of_the_pixels():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    assert decoding.pixel_digest(np.asfortranarray(pixels)) == decoding.pixel_digest(pixels)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (MemoryError(), MemoryError, ""),
        (OSError(5, "Input/output error"), UserError, "cannot be read (Input/output error): check its disk."),
        # The error of a decoder that seeks to a position that a broken file names.
        (OSError(22, "Invalid argument"), UserError, "is broken ([Errno 22] Invalid argument): remove or replace it."),
        (OSError("image file is truncated"), UserError, "is broken (image file is truncated): remove or replace it."),
    ],
)
def test_an_error_of_the_machine_is_not_blamed_on_the_file(tmp_path, photograph, monkeypatch, error, expected, message):
    photograph(tmp_path / "a.png")

    def fail(image):
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(expected) as raised:
        decoding.decode(tmp_path / "a.png")
    assert str(raised.value) == (f"{tmp_path}/a.png {message}" if message else "")


def test_large_images_are_decoded_one_at_a_time(tmp_path, photograph, monkeypatch):
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        photograph(path, seed=number)
    active, numbers_active = [], []
    load = PngImagePlugin.PngImageFile.load

    def load_slowly(image):
        active.append(image)
        time.sleep(0.01)
        numbers_active.append(len(active))
        active.pop()
        return load(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load_slowly)
    monkeypatch.setattr(decoding, "LARGE", 1)
    list(parallel.ordered_map(decoding.decode, paths, threads=4))
    assert max(numbers_active) == 1
    numbers_active.clear()
    monkeypatch.setattr(decoding, "LARGE", 20_000_000)
    list(parallel.ordered_map(decoding.decode, paths, threads=4))
    assert max(numbers_active) > 1
