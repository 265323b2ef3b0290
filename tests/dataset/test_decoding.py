"""Image files as cameras, scanners and the web make them, and files that are not images."""

import struct
import time
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from transfer.common import parallel
from transfer.common.opencv import cv2
from transfer.dataset import decoding
from transfer.interface.errors import UserError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


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
        ("LA", [(10, 255), (205, 51), (30, 0)], "a.png", [(10, 10, 10), (245, 245, 245), (255, 255, 255)]),
        ("RGBA", [(1, 2, 3, 255), (5, 105, 205, 51), (7, 8, 9, 0)], "a.png", [(1, 2, 3), (205, 225, 245), (255,) * 3]),
        (
            "CMYK",
            [(255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)],
            "a.tif",
            [(0, 255, 255), (255, 0, 0), (0, 0, 0)],
        ),
        ("I;16", [0, 32768, 65535], "a.png", [(0, 0, 0), (128, 128, 128), (255, 255, 255)]),
        ("I;16", [255, 256, 12850], "a.tif", [(4, 4, 4), (4, 4, 4), (200, 200, 200)]),
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


@pytest.mark.parametrize(
    ("transparent", "green", "blue"),
    [(None, GREEN, BLUE), (1, WHITE, BLUE), (bytes([255, 0, 51]), WHITE, (204, 204, 255))],
)
def test_what_is_transparent_in_a_palette_image_is_white(tmp_path, recwarn, transparent, green, blue):
    original = Image.new("P", (3, 1))
    original.putpalette([*RED, *GREEN, *BLUE])
    original.putdata([0, 1, 2])
    original.save(tmp_path / "a.png", **({} if transparent is None else {"transparency": transparent}))
    image = decoding.decode(tmp_path / "a.png")
    assert image.mode == "P"
    assert image.pixels[0].tolist() == [list(RED), list(green), list(blue)]
    assert len(recwarn) == 0


def test_a_cmyk_jpeg_is_decoded_to_its_colours(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    image = decoding.decode(tmp_path / "a.jpg")
    assert image.mode == "CMYK"
    assert np.abs(image.pixels.astype(int) - np.array(RED)).max() <= 4


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


@pytest.mark.parametrize("name", ["A.PNG", "two words.png", "déjà vu ß 日本.png", "a#b%20c.png"])
def test_a_name_may_have_capitals_spaces_and_accents(tmp_path, photograph, name):
    pixels = photograph(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / name)
    np.testing.assert_array_equal(decoding.decode(tmp_path / name).pixels, pixels)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.tif", "a.png", "a.avif"])
def test_the_first_frame_of_an_animation_is_decoded_and_the_others_are_reported(tmp_path, name):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    exact = {"a.webp": {"lossless": True}, "a.avif": {"quality": 100}}.get(name, {})
    first.save(tmp_path / name, save_all=True, append_images=[second], **exact)
    image = decoding.decode(tmp_path / name)
    assert np.abs(image.pixels.astype(int) - np.array(RED)).max() <= 2
    assert image.oddities == ("more_frames",)
    first.save(tmp_path / name, **exact)
    assert decoding.decode(tmp_path / name).oddities == ()


def test_a_preview_in_a_tiff_is_no_page(tmp_path):
    def save(*pages):
        pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
        return decoding.decode(tmp_path / "a.tif")

    page, preview = Image.new("RGB", (16, 16), RED), Image.new("RGB", (4, 4), RED)
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    assert save(page, preview).oddities == ()
    assert save(page, preview, page).oddities == ("more_frames",)
    # A chain of pages that leads nowhere
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) * 2 // 3])
    assert (decoding.decode(tmp_path / "a.tif").pixels == RED).all()


def test_the_first_photograph_of_a_phones_file_of_two_is_decoded(tmp_path):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
    decoded = decoding.decode(tmp_path / "a.jpg")
    assert np.abs(decoded.pixels.astype(int) - np.array(RED)).max() <= 4
    assert decoded.oddities == ()


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


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif", "webp"])
def test_half_a_file_is_refused(tmp_path, photograph, suffix):
    path = tmp_path / f"a.{suffix}"
    photograph(path, (40, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path).endswith(": remove or replace it.")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_a_jpeg_that_ends_early_is_used_and_reported(tmp_path, options):
    rng = np.random.default_rng(1)
    original = np.kron(rng.integers(0, 256, (12, 12, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    Image.fromarray(original).save(tmp_path / "a.jpg", quality=95, **options)
    whole = decoding.decode(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: 3 * len(content) // 5])
    image = decoding.decode(tmp_path / "a.jpg")
    assert whole.oddities == ()
    assert image.oddities[0] == "truncated"
    # The lower part of the picture is missing; that of a progressive file is just blurred.
    assert ("grey_part" in image.oddities) == (options != {"progressive": True})
    assert image.digest != whole.digest
    assert image.pixels.shape == whole.pixels.shape
    if not options:
        np.testing.assert_array_equal(image.pixels[:60], whole.pixels[:60])


def test_a_jpeg_that_ends_before_its_first_row_is_broken(tmp_path, photograph):
    photograph(tmp_path / "a.jpg", (40, 40))
    content = (tmp_path / "a.jpg").read_bytes()
    scan = content.index(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(content[: scan + 14])
    assert refusal(tmp_path / "a.jpg").startswith("is broken (")


@pytest.mark.parametrize(("rows", "is_odd"), [(0, False), (8, False), (16, True), (80, True)])
def test_a_jpeg_with_a_grey_lower_part_is_reported(tmp_path, rows, is_odd):
    original = np.full((120, 64, 3), 128, np.uint8)
    original[: 120 - rows] = np.random.default_rng(1).integers(0, 100, (120 - rows, 64, 3), np.uint8)
    Image.fromarray(original).save(tmp_path / "a.jpg", quality=95, subsampling=0)
    assert decoding.decode(tmp_path / "a.jpg").oddities == (("grey_part",) if is_odd else ())
    # A PNG never ends in grey because a part is missing.
    Image.fromarray(original).save(tmp_path / "a.png")
    assert decoding.decode(tmp_path / "a.png").oddities == ()


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert refusal(tmp_path / "a.jpg") == "is empty: remove or replace it."


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("404 Not Found")
    assert refusal(tmp_path / "a.jpg") == "is not a readable image: remove or replace it."


def write_as(path, kind, pixels, **options):
    """Write an image, also as HEIC, without a plugin that would read it, too."""
    image = Image.fromarray(pixels)
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(path, quality=95, **options)
    else:
        image.save(path, format=kind, quality=95, **options)


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a.avif"])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "JPEG"])
def test_heic_and_avif_are_read_under_any_name(tmp_path, name, kind):
    original = np.zeros((64, 96, 3), np.uint8)
    original[:, :48] = (200, 40, 60)
    write_as(tmp_path / name, kind, original)
    image = decoding.decode(tmp_path / name)
    assert image.pixels.shape == original.shape
    assert np.abs(image.pixels.astype(int) - original).mean() < 4


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_turned_heic_or_avif_is_upright_once(tmp_path, kind):
    original = np.zeros((64, 96, 3), np.uint8)
    original[:, :48] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    write_as(tmp_path / "a", kind, original, exif=exif.tobytes())
    image = decoding.decode(tmp_path / "a")
    assert image.pixels.shape == (96, 64, 3)
    # After a clockwise turn, the left side is on top.
    assert image.pixels[:40, :, 0].min() > 200 and image.pixels[56:, :, 0].max() < 50


BROKEN_EXIF = [b"", b"no EXIF", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff"]


@pytest.mark.parametrize("block", BROKEN_EXIF, ids=repr)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_make_an_image_broken(tmp_path, photograph, kind, block):
    pixels = photograph(tmp_path / "plain.png", (64, 48))
    # The encoder of AVIF checks the block: a valid one of the same length is replaced afterwards.
    valid = Image.Exif()
    valid[0x010E] = "x" * 100
    block = block.ljust(len(valid.tobytes()) - 6, b"\0") if kind == "AVIF" else block
    write_as(tmp_path / "a", kind, pixels, exif=valid.tobytes() if kind == "AVIF" else b"Exif\0\0" + block)
    if kind == "AVIF":
        content = (tmp_path / "a").read_bytes()
        assert valid.tobytes()[6:] in content
        (tmp_path / "a").write_bytes(content.replace(valid.tobytes()[6:], block))
    image = decoding.decode(tmp_path / "a")
    assert image.pixels.shape == pixels.shape and not image.turned


@pytest.mark.parametrize("place", [1, 0x7FFFFFF0])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_directory_of_exif_does_not_make_a_tiff_broken(tmp_path, photograph, place, compression):
    pixels = photograph(tmp_path / "plain.png", (64, 48))
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x8769] = place
    Image.fromarray(pixels).save(tmp_path / "a.tif", tiffinfo=tags, compression=compression)
    np.testing.assert_array_equal(decoding.decode(tmp_path / "a.tif").pixels, pixels)


def png_chunk(kind, content, checksum=None):
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"key\0\0" + zlib.compress(b"x" * 80_000_000)),
        png_chunk(b"tEXt", b"key\0text", checksum=1),
        png_chunk(b"iCCP", b"name\0\0no compressed data"),
        png_chunk(b"eXIf", b"II*\0"),
        png_chunk(b"pHYs", b"1"),
        png_chunk(b"tIME", b""),
    ],
    ids=lambda chunk: chunk[4:8].decode(),
)
def test_a_png_is_read_whatever_its_metadata_are(tmp_path, photograph, chunk):
    pixels = photograph(tmp_path / "a.png", (20, 10))
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    np.testing.assert_array_equal(decoding.decode(tmp_path / "a.png").pixels, pixels)


def test_a_file_of_another_format_is_refused_by_its_name_and_not_as_broken(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", format="JPEG2000")
    advice = "a format that is not read: convert it to JPEG or PNG."
    assert refusal(tmp_path / "a.jpg") == f"is a JPEG 2000 image, {advice}"
    (tmp_path / "b.png").write_text("<!DOCTYPE html><title>403</title>")
    assert refusal(tmp_path / "b.png") == "is a web page, not an image: download the image again."
    cv2.imwrite(str(tmp_path / "c.tif"), np.zeros((4, 4, 3), np.float32))
    assert refusal(tmp_path / "c.tif").startswith(
        "is a TIFF image of 3 samples of 32 bits (compression 1), which is not"
    )
    Image.new("RGB", (8, 8)).save(tmp_path / "d.jpg")
    twelve = (tmp_path / "d.jpg").read_bytes().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")
    (tmp_path / "d.jpg").write_bytes(twelve)
    assert refusal(tmp_path / "d.jpg") == f"is a JPEG image of 12 bits, {advice}"


def test_a_raw_image_is_not_read_as_its_thumbnail(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[decoding.DNG_VERSION] = b"\1\4\0\0"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.tif", tiffinfo=tags)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.nef", format="TIFF")
    for name in ("a.tif", "b.nef"):
        assert refusal(tmp_path / name).startswith("is a camera raw image, a format that is not read")


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
    assert refusal(tmp_path / "a.png").startswith("is a PostScript drawing, a format that is not read")


def test_an_unlisted_format_is_not_opened_under_another_suffix(tmp_path):
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 2, 8, 3)
    (tmp_path / "a.png").write_bytes(header + struct.pack(">IIIH", 0, 0, 0, 0) + bytes(12))
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PSD"
    assert refusal(tmp_path / "a.png").startswith("is a Photoshop image, a format that is not read")


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
