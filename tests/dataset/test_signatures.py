"""What a file holds, by its first bytes and by its name."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from transfer.dataset import decoding, signatures

FORMATS = {
    "JPEG": signatures.JPEG,
    "PNG": signatures.PNG,
    "GIF": signatures.GIF,
    "BMP": signatures.BMP,
    "TIFF": signatures.TIFF,
    "WEBP": signatures.WEBP,
    "AVIF": signatures.AVIF,
    "HEIF": signatures.HEIC,
    "JPEG2000": signatures.JPEG_2000,
    "PPM": signatures.NETPBM,
    "TGA": signatures.TGA,
    "ICO": signatures.ICON,
    "EPS": signatures.POSTSCRIPT,
    "PDF": signatures.PDF,
    "DDS": signatures.DDS,
}


def write(kind):
    """The bytes of a small image as Pillow writes them."""
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8))
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file)
    else:
        image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["photo.jpg", "photo", "photo.jpg?w=640", "a.png ", "notes.txt"])
def test_the_content_says_what_a_file_holds(tmp_path, kind, name):
    (tmp_path / name).write_bytes(write(kind))
    assert signatures.identify(tmp_path / name) is FORMATS[kind]


@pytest.mark.parametrize("kind", [kind for kind, held in FORMATS.items() if held.is_read])
def test_every_format_that_is_read_can_be_decoded(tmp_path, kind):
    (tmp_path / "photo").write_bytes(write(kind))
    assert decoding.decode(tmp_path / "photo").pixels.shape == (40, 40, 3)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.tga", b"\0\0\2" + bytes(9) + b"\x08\0\x08\0\x18\0" + bytes(192), signatures.TGA),
        ("a.jpg", b"\0\0\2" + bytes(9) + b"\x08\0\x08\0\x18\0" + bytes(192), signatures.TGA),
        ("a.cur", b"\0\0\2\0\1\0" + bytes(16), signatures.ICON),
        ("a.NEF", b"MM\0*\0\0\0\x08", signatures.CAMERA_RAW),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0", signatures.CAMERA_RAW),
        ("a.tif", b"II*\0\x10\0\0\0CR\2\0", signatures.CAMERA_RAW),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1", signatures.CAMERA_RAW),
        ("a.raf", b"FUJIFILMCCD-RAW 0201", signatures.CAMERA_RAW),
        ("a.jxl", b"\xff\x0a\xfa\x1f", signatures.JPEG_XL),
        ("a.png", b"\0\0\0\x0cJXL \r\n\x87\n", signatures.JPEG_XL),
        ("a.jpg", b"\0\0\0\x20ftypisom\0\0\2\0", signatures.VIDEO),
        ("a.mov", b"\0\0\0\x14ftypqt  \0\0\0\0", signatures.VIDEO),
        ("a.jpg", b"RIFF\0\0\0\0AVI LIST", signatures.VIDEO),
        ("a.webm", b"\x1aE\xdf\xa3\x01", signatures.VIDEO),
        ("a.jpg", b"<!DOCTYPE html><title>403 Forbidden</title>", signatures.PAGE),
        ("a.png", b"\xef\xbb\xbf\r\n <HTML lang='en'>", signatures.PAGE),
        ("a.png", b"<?xml version='1.0'?>\n<svg xmlns='x'/>", signatures.SVG),
        ("a.svg", b"<!-- made by a program --><svg/>", signatures.SVG),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", signatures.POINTER),
        ("a.jpg", b"PK\x03\x04\x14\0", signatures.ARCHIVE),
        ("a.jpg", b"\x1f\x8b\x08\0", signatures.ARCHIVE),
        ("a.psd", b"8BPS\0\1", signatures.PSD),
        ("a.dcm", bytes(128) + b"DICM", signatures.DICOM),
        ("a.pgm", b"P5 4 4 255\n" + bytes(16), signatures.NETPBM),
        ("a.jpg", b"", signatures.EMPTY),
        ("a.txt", b"BM is how this text begins, and it is long enough", signatures.UNKNOWN),
        ("a.csv", b"path,class\n1.jpg,glass\n", signatures.UNKNOWN),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", signatures.UNKNOWN),
    ],
)
def test_other_contents_are_recognized(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert signatures.identify(tmp_path / name) is kind


def test_a_jpeg_under_the_name_of_a_raw_image_is_a_jpeg(tmp_path):
    (tmp_path / "a.dng").write_bytes(write("JPEG"))
    assert signatures.identify(tmp_path / "a.dng") is signatures.JPEG


def test_the_sentence_says_what_to_do():
    assert signatures.JPEG_XL.sentence == "is a JPEG XL image, a format that is not read: convert it to JPEG or PNG."
    assert signatures.ARCHIVE.sentence == "is an archive, not an image: unpack it."


@pytest.mark.parametrize(
    ("marker", "bits", "name"),
    [(0xC0, 8, None), (0xC1, 12, "a JPEG image of 12 bits"), (0xC3, 8, "a lossless JPEG image"), (0xC2, 8, None)],
)
def test_the_frame_of_a_jpeg_says_whether_it_is_read(marker, bits, name):
    comment = b"\xff\xfe\0\x04\xff\xc3"
    content = b"\xff\xd8" + comment + bytes([0xFF, marker, 0, 17, bits]) + bytes(15)
    kind = signatures.unread_jpeg(content)
    assert (kind and kind.name) == name
