"""Image files as they come from cameras, scanners and the web, and files that are none."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from transfer.interface.errors import UserError

from transfer.common import parallel
from transfer.dataset import decoding
from transfer.dataset import resizing

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def png_of_size(path, width, height):
    """Write the beginning of a black-and-white PNG that says how large it is, and hardly any pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b""))


def test_the_pixels_of_an_rgb_file_are_those_that_were_drawn(tmp_path, photograph):
    drawn = photograph(tmp_path / "a.png", (7, 5))
    photo = decoding.decode(tmp_path / "a.png")
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape == (5, 7, 3)
    np.testing.assert_array_equal(photo.pixels, drawn)
    assert (photo.mode, photo.turned) == ("RGB", False)


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
    image = Image.new(mode, (3, 1))
    for column, value in enumerate(values):
        image.putpixel((column, 0), value)
    image.save(tmp_path / name)
    photo = decoding.decode(tmp_path / name)
    assert photo.mode == mode
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels[0].tolist() == [list(pixel) for pixel in expected]


@pytest.mark.parametrize("transparent", [None, 1, bytes([255, 0, 128])])
def test_a_palette_becomes_its_colours_whatever_is_transparent(tmp_path, recwarn, transparent):
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    image.save(tmp_path / "a.png", **({} if transparent is None else {"transparency": transparent}))
    photo = decoding.decode(tmp_path / "a.png")
    assert photo.mode == "P"
    assert photo.pixels[0].tolist() == [list(RED), list(GREEN), list(BLUE)]
    assert len(recwarn) == 0


def test_a_cmyk_jpeg_has_its_colours(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    photo = decoding.decode(tmp_path / "a.jpg")
    assert photo.mode == "CMYK"
    assert np.abs(photo.pixels.astype(int) - np.array(RED)).max() <= 4


@pytest.mark.parametrize("mode", ["I", "F"])
def test_more_bits_than_can_be_scaled_are_refused_rather_than_clipped(tmp_path, mode):
    Image.new(mode, (2, 2), 70000).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif is broken \(mode .: neither 8 nor 16 bits"):
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
)
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_the_exif_orientation_is_applied(tmp_path, photograph, orientation, upright, ending):
    stored = photograph(tmp_path / "stored.png", (5, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(stored).save(tmp_path / f"a.{ending}", exif=exif, **options)
    photo = decoding.decode(tmp_path / f"a.{ending}")
    np.testing.assert_array_equal(photo.pixels, upright(stored))
    assert photo.turned == (orientation != 1)


def test_the_exif_orientation_of_a_jpeg_is_applied(tmp_path):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    photo = decoding.decode(tmp_path / "a.jpg")
    assert photo.turned
    assert photo.pixels.shape == (32, 16, 3)
    # Turned clockwise, what was left is on top
    assert photo.pixels[:12, :, 0].min() > 240
    assert photo.pixels[20:, :, 0].max() < 15


@pytest.mark.parametrize("orientation", [0, 9])
def test_an_orientation_that_there_is_not_turns_nothing(tmp_path, photograph, orientation):
    stored = photograph(tmp_path / "stored.png", (5, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    photo = decoding.decode(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, stored)
    assert not photo.turned


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
def test_a_name_says_whether_a_file_is_an_image(tmp_path, name, expected):
    assert decoding.is_image(tmp_path / name) is expected


@pytest.mark.parametrize("name", ["A.PNG", "two words.png", "déjà vu ß 日本.png", "a#b%20c.png"])
def test_a_name_may_have_capitals_spaces_and_accents(tmp_path, photograph, name):
    drawn = photograph(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / name)
    np.testing.assert_array_equal(decoding.decode(tmp_path / name).pixels, drawn)


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    for name in ("a.gif", "a.webp", "a.tif"):
        first.save(
            tmp_path / name, save_all=True, append_images=[second], **({"lossless": True} if "web" in name else {})
        )
        assert (decoding.decode(tmp_path / name).pixels == RED).all()


def test_of_a_phones_file_of_two_photographs_the_first_is_read(tmp_path):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
    assert np.abs(decoding.decode(tmp_path / "a.jpg").pixels.astype(int) - np.array(RED)).max() <= 4


def test_the_content_settles_the_format_not_the_ending(tmp_path, photograph):
    drawn = photograph(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(decoding.decode(tmp_path / "a.jpg").pixels, drawn)


def refused(path):
    """The sentence that a file is refused with: one line that names it."""
    with pytest.raises(UserError) as raised:
        decoding.decode(path)
    assert str(raised.value).startswith(f"{path} ")
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path} ")


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_half_a_file_is_refused(tmp_path, photograph, ending):
    path = tmp_path / f"a.{ending}"
    photograph(path, (40, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(path).endswith(": remove or replace it.")


def test_a_truncated_jpeg_is_called_broken(tmp_path, photograph):
    photograph(tmp_path / "a.jpg", (40, 40))
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    assert refused(tmp_path / "a.jpg").startswith("is broken (")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert refused(tmp_path / "a.jpg") == "is empty: remove or replace it."


def test_a_text_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("404 Not Found")
    assert refused(tmp_path / "a.jpg") == "is no image that can be read: remove or replace it."


def test_a_heic_file_is_refused_by_its_ending(tmp_path):
    for name in ("a.heic", "a.HEIF"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
        assert refused(tmp_path / name) == "is in HEIC format, which cannot be read: convert it to JPEG."


@pytest.mark.parametrize("side", [20_000, 10_000])
def test_an_image_of_too_many_pixels_is_refused_unread(tmp_path, side):
    png_of_size(tmp_path / "a.png", side, side)
    assert refused(tmp_path / "a.png") == "has more than 89 million pixels: make it smaller."


def test_a_large_photograph_is_not_too_many_pixels(tmp_path):
    png_of_size(tmp_path / "a.png", 9000, 9000)
    assert "broken" in refused(tmp_path / "a.png")


def test_a_format_that_runs_a_program_is_not_opened_under_another_ending(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "EPS"
    assert refused(tmp_path / "a.png").startswith("is no image that can be read")


def test_a_format_that_is_not_listed_is_not_opened_under_another_ending(tmp_path):
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 2, 8, 3)
    (tmp_path / "a.png").write_bytes(header + struct.pack(">IIIH", 0, 0, 0, 0) + bytes(12))
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PSD"
    assert refused(tmp_path / "a.png").startswith("is no image that can be read")


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(37, 53, 32), (64, 64, 32), (128, 96, 32), (19, 23, 32), (3, 201, 32), (32, 32, 32), (1, 1, 32), (33, 31, 45)],
)
def test_squaring_is_tensorflows_bilinear_resizing_without_antialiasing(height, width, size):
    from transfer.models.tensorflow import tf

    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    expected = tf.image.resize(pixels, (size, size), method="bilinear", antialias=False).numpy()
    found = resizing.to_square(pixels, size)
    assert found.dtype == np.uint8
    assert found.shape == (size, size, 3)
    assert np.abs(found - expected).max() <= 1


def test_squaring_blends_the_four_pixels_around():
    pixels = np.repeat(np.array([[0, 100], [200, 40]], np.uint8)[:, :, None], 3, axis=2)
    # Points at -1/4, 1/4, 3/4 and 5/4 between the two pixels: at the edge the pixel itself, then 3:1 and 1:3
    assert resizing.to_square(pixels, 4)[0, :, 0].tolist() == [0, 25, 75, 100]
    assert resizing.to_square(pixels, 4)[:, 0, 0].tolist() == [0, 50, 150, 200]


def test_the_digest_is_that_of_the_pixels_not_of_the_file(tmp_path, photograph):
    drawn = photograph(tmp_path / "a.png")
    Image.fromarray(drawn).save(tmp_path / "b.bmp")
    digest = decoding.pixel_digest(decoding.decode(tmp_path / "a.png").pixels)
    assert digest == decoding.pixel_digest(decoding.decode(tmp_path / "b.bmp").pixels)
    assert len(digest) == 16
    assert int(digest, 16) >= 0


def test_the_digest_is_another_for_one_changed_pixel_and_for_another_shape():
    pixels = np.zeros((4, 6, 3), np.uint8)
    changed = pixels.copy()
    changed[3, 5, 2] = 1
    digests = {decoding.pixel_digest(pixels), decoding.pixel_digest(changed), decoding.pixel_digest(np.zeros((6, 4, 3), np.uint8))}
    assert len(digests) == 3


def test_the_digest_does_not_depend_on_how_the_pixels_lie_in_memory():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    assert decoding.pixel_digest(np.asfortranarray(pixels)) == decoding.pixel_digest(pixels)


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        (MemoryError(), MemoryError, ""),
        (OSError(5, "Input/output error"), UserError, "cannot be read (Input/output error): check its disk."),
        # What a decoder meets that seeks by a broken file's numbers
        (OSError(22, "Invalid argument"), UserError, "is broken ([Errno 22] Invalid argument): remove or replace it."),
        (OSError("image file is truncated"), UserError, "is broken (image file is truncated): remove or replace it."),
    ],
)
def test_what_is_no_fault_of_the_file_is_not_laid_on_it(tmp_path, photograph, monkeypatch, error, raised, told):
    photograph(tmp_path / "a.png")

    def failing(image):
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", failing)
    with pytest.raises(raised) as found:
        decoding.decode(tmp_path / "a.png")
    assert str(found.value) == (f"{tmp_path}/a.png {told}" if told else "")


def test_large_images_are_decoded_one_at_a_time(tmp_path, photograph, monkeypatch):
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        photograph(path, seed=number)
    now, most = [], []
    really = PngImagePlugin.PngImageFile.load

    def load(image):
        now.append(1)
        time.sleep(0.01)
        most.append(len(now))
        now.pop()
        return really(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    monkeypatch.setattr(images, "LARGE", 1)
    list(parallel.ordered_map(decoding.decode, paths, threads=4))
    assert max(most) == 1
    most.clear()
    monkeypatch.setattr(images, "LARGE", 20_000_000)
    list(parallel.ordered_map(decoding.decode, paths, threads=4))
    assert max(most) > 1
