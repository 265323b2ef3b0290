"""An image of any mode as a person sees it."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin, TiffTags

from transfer.common.opencv import cv2
from transfer.dataset import decoding, pixels

RAMP = np.array([[0, 1, 2, 3]])


def decode_grey(path):
    """The grey values of an image of one row, and its oddities."""
    image = decoding.decode(path)
    assert (image.pixels == image.pixels[:, :, :1]).all()
    return image.pixels[0, :, 0].tolist(), image.oddities


def with_chunk(content, name, data):
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return content[:33] + chunk + content[33:]


@pytest.mark.parametrize(
    ("largest", "limit"),
    [(255, 255), (256, 1023), (1023, 1023), (4095, 4095), (4096, 16383), (16384, 65535), (65535, 65535)],
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_the_range_of_16_bits_is_the_smallest_that_holds_all_values(tmp_path, largest, limit, suffix):
    Image.fromarray(np.array([[0, largest // 2, largest]], np.uint16)).save(tmp_path / f"a.{suffix}")
    values, oddities = decode_grey(tmp_path / f"a.{suffix}")
    expected = [0, largest // 2 * 255 / limit, largest * 255 / limit]
    assert values == pytest.approx(expected, abs=0.51)
    assert oddities == ("scaled_depth",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 51, 102]], np.float32), [0, 51, 102]),
        (np.array([[-10, 0, 10]], np.float32), [0, 128, 255]),
        (np.array([[100, 200, 300]], np.float32), [0, 128, 255]),
        (np.array([[0, np.nan, 1]], np.float32), [0, 0, 255]),
        (np.array([[0, np.inf, 1]], np.float32), [0, 255, 255]),
        (np.array([[-3e38, 0, 3e38]], np.float32), [0, 128, 255]),
        (np.array([[7, 7, 7]], np.float32), [7, 7, 7]),
        (np.array([[0, 2**23, 2**24 - 1]], np.int32), [0, 128, 255]),
        (np.array([[-100, 0, 100]], np.int32), [0, 128, 255]),
    ],
)
def test_floats_and_32_bits_are_scaled(tmp_path, values, expected):
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert decode_grey(tmp_path / "a.tif") == (expected, ("scaled_depth",))


def test_an_image_without_a_finite_value_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no value is a finite number"):
        pixels.to_rgb(Image.fromarray(np.full((2, 2), np.nan, np.float32)))


@pytest.mark.parametrize(
    ("tags", "expected", "oddities"),
    [
        ({281: 3000}, [0, 85, 170, 255], ()),
        ({341: 6000}, [0, 43, 85, 128], ()),
        ({340: 0, 341: 3000}, [0, 85, 170, 255], ()),
        # A range that the values exceed, or that is empty, is not believed: 12 bits.
        ({281: 255}, [0, 62, 125, 187], ("scaled_depth",)),
        ({281: 0}, [0, 62, 125, 187], ("scaled_depth",)),
        ({262: 0}, [255, 193, 130, 68], ("scaled_depth",)),
    ],
    ids=str,
)
def test_a_tiff_states_its_range(tmp_path, tags, expected, oddities):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        info.tagtype[tag] = 3
        info[tag] = value
    Image.fromarray((RAMP * 1000).astype(np.uint16)).save(tmp_path / "a.tif", tiffinfo=info)
    assert decode_grey(tmp_path / "a.tif") == (expected, oddities)


def test_floats_of_any_bits_are_scaled_in_silence(tmp_path, recwarn):
    # The second is a NaN whose bits mark it as signalling.
    bits = np.array([[0, 0x7F800001, 0x3F800000]], np.uint32)
    Image.fromarray(bits.view(np.float32)).save(tmp_path / "a.tif")
    assert decode_grey(tmp_path / "a.tif") == ([0, 0, 255], ("scaled_depth",))
    assert recwarn.list == []


@pytest.mark.parametrize(
    ("largest", "values", "expected", "oddities"),
    [
        (np.inf, RAMP * 1000, [0, 62, 125, 187], ("scaled_depth",)),
        (np.nan, RAMP * 1000, [0, 62, 125, 187], ("scaled_depth",)),
        # Half of the smallest float is zero.
        (5e-324, RAMP * 0, [0, 0, 0, 0], ()),
    ],
)
def test_a_range_that_has_no_extent_is_not_divided_by(tmp_path, recwarn, largest, values, expected, oddities):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[pixels.SMAX_SAMPLE] = TiffTags.DOUBLE
    info[pixels.SMAX_SAMPLE] = largest
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / "a.tif", tiffinfo=info)
    assert decode_grey(tmp_path / "a.tif") == (expected, oddities)
    assert recwarn.list == []


@pytest.mark.parametrize(("factor", "expected"), [(1, [0, 62, 125, 187]), (16, [0, 62, 125, 187])])
def test_a_png_states_its_significant_bits(tmp_path, factor, expected):
    """Shifted up to 16 bits, as the specification asks for, and as they are."""
    Image.fromarray((RAMP * 1000 * factor).astype(np.uint16)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(with_chunk((tmp_path / "a.png").read_bytes(), b"sBIT", bytes([12])))
    assert decode_grey(tmp_path / "a.png") == (expected, ())


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_16_bits_are_scaled_like_grey(tmp_path, suffix):
    values = np.random.default_rng(1).integers(0, 4096, (5, 7, 3)).astype(np.uint16)
    values[0, 0] = 4095
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), values[:, :, ::-1])
    image = decoding.decode(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image.pixels, np.floor(values * (255 / 4095) + 0.5))
    np.testing.assert_array_equal(image.content, values)
    assert image.oddities == ("scaled_depth",)


def test_transparent_colours_of_16_bits_are_white(tmp_path):
    values = np.zeros((1, 3, 4), np.uint16)
    values[0, :, 3] = 65535, 0, 13107
    cv2.imwrite(str(tmp_path / "a.png"), values)
    assert decode_grey(tmp_path / "a.png")[0] == [0, 255, 204]
    # One value, or one colour, that is transparent.
    Image.fromarray(np.array([[5, 700, 1023]], np.uint16)).save(tmp_path / "b.png", transparency=5)
    assert decode_grey(tmp_path / "b.png")[0] == [255, 174, 255]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_that_differ_in_the_last_bit_are_different(tmp_path, suffix, channels):
    values = np.full((4, 4, channels), 40_000, np.uint16)
    digests = set()
    for number in range(3):
        values[1, 2] = 40_000 + number
        cv2.imwrite(str(tmp_path / f"{number}.{suffix}"), values)
        digests.add(decoding.decode(tmp_path / f"{number}.{suffix}").digest)
    assert len(digests) == 3


def test_a_digest_of_16_bits_does_not_depend_on_the_format(tmp_path):
    values = np.random.default_rng(1).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    for name in ("a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), values)
    Image.frombytes("I;16B", (7, 5), values[:, :, 0].astype(">u2").tobytes()).save(tmp_path / "b.tif")
    Image.fromarray(values[:, :, 0]).save(tmp_path / "b.png")
    for name in ("a", "b"):
        images = [decoding.decode(tmp_path / f"{name}.{suffix}") for suffix in ("png", "tif")]
        assert images[0].digest == images[1].digest


def test_drawings_on_a_transparent_ground_are_seen_or_reported(tmp_path):
    digests = set()
    for name, colour, oddities in (("a", 0, ()), ("b", 255, ("invisible",)), ("c", 255, ("invisible",))):
        values = np.zeros((8, 8, 4), np.uint8)
        values[:, :, :3] = colour
        values[2:6, 2 : 5 + (name == "c"), 3] = 255
        Image.fromarray(values).save(tmp_path / f"{name}.png")
        image = decoding.decode(tmp_path / f"{name}.png")
        assert image.oddities == oddities
        assert (image.pixels[3, 3] == colour).all() and (image.pixels[0, 0] == 255).all()
        digests.add(image.digest)
    assert len(digests) == 3


def test_a_colour_that_is_fully_transparent_makes_no_difference(tmp_path):
    values = np.zeros((4, 4, 4), np.uint8)
    values[1, 1, 3] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    values[0, 0] = (9, 9, 9, 0)
    Image.fromarray(values).save(tmp_path / "b.png")
    assert decoding.decode(tmp_path / "a.png").digest == decoding.decode(tmp_path / "b.png").digest


def test_a_transparent_channel_that_hides_nothing_changes_nothing(tmp_path, photograph):
    values = photograph(tmp_path / "a.png")
    Image.fromarray(np.dstack([values, np.full(values.shape[:2], 255, np.uint8)])).save(tmp_path / "b.png")
    images = [decoding.decode(tmp_path / name) for name in ("a.png", "b.png")]
    np.testing.assert_array_equal(images[1].pixels, values)
    assert images[0].digest == images[1].digest == decoding.pixel_digest(values)


@pytest.mark.parametrize(("bits", "transparent", "expected"), [(1, 0, [255, 255]), (2, 1, [0, 255]), (4, 5, [0, 255])])
def test_a_transparent_grey_of_few_bits_is_white(tmp_path, bits, transparent, expected):
    """Two pixels: black, and the grey 1/3; of one bit, both black."""
    row = bytes([0, {1: 0b00000000, 2: 0b00010000, 4: 0b00000101}[bits]])

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0))
    content = chunk(b"tRNS", struct.pack(">H", transparent)) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + content)
    assert decode_grey(tmp_path / "a.png")[0] == expected


def test_lab_is_converted_to_its_colours(tmp_path):
    original = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.profileToProfile(original, *profiles, outputMode="LAB").save(tmp_path / "a.tif")
    image = decoding.decode(tmp_path / "a.tif")
    assert np.abs(image.pixels.astype(int) - np.asarray(original)).mean() < 2


@pytest.mark.parametrize("orientation", [3, 6])
def test_wide_images_are_turned_too(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = np.arange(6, dtype=np.uint16).reshape(2, 3)
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    image = decoding.decode(tmp_path / "a.png")
    upright = np.rot90(values, 2 if orientation == 3 else -1)
    np.testing.assert_array_equal(image.pixels[:, :, 0], upright)
    np.testing.assert_array_equal(image.content, upright)
