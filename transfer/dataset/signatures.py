"""What a file holds, by its first bytes: the formats that are read, and those that are not, by name.

Sources of the signatures: the formats' specifications, and the list of the program `file` (its folder magic/Magdir).
"""

import re
from dataclasses import dataclass
from pathlib import Path

HEAD = 4096
TAIL = 18


@dataclass(frozen=True)
class Kind:
    """What a file holds.

    Attributes:
        name: what a sentence calls it, with its article.
        is_image: whether it is a picture, of a format that is read or not.
        is_read: whether `decoding` reads the format.
        advice: what to do about a file that is not read.
    """

    name: str
    is_image: bool = False
    is_read: bool = False
    advice: str = "remove or replace it"

    @property
    def sentence(self) -> str:
        """Why a file of this kind is not used, and what to do; follows the path."""
        reason = "a format that is not read" if self.is_image else "not an image"
        return f"is {self.name}, {reason}: {self.advice}."


def _unread(name: str) -> Kind:
    return Kind(name, is_image=True, advice="convert it to JPEG or PNG")


UNKNOWN, EMPTY = Kind("a file of unknown kind"), Kind("empty")
JPEG, PNG, GIF, BMP, TIFF, WEBP, AVIF, HEIC = (
    Kind(name, is_image=True, is_read=True)
    for name in (
        *("a JPEG image", "a PNG image", "a GIF image", "a BMP image", "a TIFF image", "a WebP image"),
        *("an AVIF image", "a HEIC image"),
    )
)
JPEG_2000, JPEG_XL, JPEG_XR = _unread("a JPEG 2000 image"), _unread("a JPEG XL image"), _unread("a JPEG XR image")
NETPBM, TGA, PSD = _unread("a PPM, PGM or PBM image"), _unread("a TGA image"), _unread("a Photoshop image")
ICON, SVG, POSTSCRIPT = _unread("an icon"), _unread("an SVG drawing"), _unread("a PostScript drawing")
CAMERA_RAW, EXR, HDR = _unread("a camera raw image"), _unread("an OpenEXR image"), _unread("a Radiance HDR image")
DDS, XCF, DICOM, FITS = (
    _unread("a DDS image"),
    _unread("a GIMP image"),
    _unread("a DICOM image"),
    _unread("a FITS image"),
)
QOI, MNG, METAFILE = _unread("a QOI image"), _unread("an MNG or JNG image"), _unread("a Windows metafile")
PCX, SGI, DJVU = _unread("a PCX image"), _unread("an SGI image"), _unread("a DjVu document")
VIDEO = Kind("a video", advice="save its frames as JPEG")
PDF = Kind("a PDF document", advice="save its pictures as JPEG or PNG")
PAGE = Kind("a web page", advice="download the image again")
ARCHIVE = Kind("an archive", advice="unpack it")
POINTER = Kind("a Git LFS pointer", advice="run `git lfs pull` where it comes from")

# Where a signature begins, the signature, and what it means.
SIGNATURES = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (8, b"WEBP", WEBP),
    (0, b"FUJIFILMCCD-RAW", CAMERA_RAW),
    (0, b"IIU\0", CAMERA_RAW),
    (0, b"IIRO", CAMERA_RAW),
    (0, b"IIRS", CAMERA_RAW),
    (0, b"MMOR", CAMERA_RAW),
    (0, b"FOVb", CAMERA_RAW),
    (0, b"\0MRM", CAMERA_RAW),
    (8, b"CR\x02\0", CAMERA_RAW),
    (6, b"HEAPCCDR", CAMERA_RAW),
    (0, b"II*\0", TIFF),
    (0, b"MM\0*", TIFF),
    (0, b"II+\0", TIFF),
    (0, b"MM\0+", TIFF),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (0, b"\xff\x4f\xff\x51", JPEG_2000),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", JPEG_XL),
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"II\xbc\x01", JPEG_XR),
    (0, b"8BPS", PSD),
    (0, b"icns", ICON),
    (0, b"%!PS", POSTSCRIPT),
    (0, b"\xc5\xd0\xd3\xc6", POSTSCRIPT),
    (0, b"v/1\x01", EXR),
    (0, b"#?RADIANCE", HDR),
    (0, b"#?RGBE", HDR),
    (0, b"DDS ", DDS),
    (0, b"gimp xcf", XCF),
    (128, b"DICM", DICOM),
    (0, b"SIMPLE  =", FITS),
    (0, b"qoif", QOI),
    (0, b"\x8aMNG", MNG),
    (0, b"\x8bJNG", MNG),
    (0, b"\xd7\xcd\xc6\x9a", METAFILE),
    (40, b" EMF", METAFILE),
    (0, b"AT&TFORM", DJVU),
    (8, b"AVI ", VIDEO),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (0, b"0&\xb2u", VIDEO),
    (0, b"\0\0\1\xba", VIDEO),
    (0, b"\0\0\1\xb3", VIDEO),
    (0, b"FLV\1", VIDEO),
    (4, b"moov", VIDEO),
    (4, b"mdat", VIDEO),
    (4, b"wide", VIDEO),
    (0, b"%PDF", PDF),
    (0, b"version https://git-lfs.github.com/spec", POINTER),
    (0, b"PK\x03\x04", ARCHIVE),
    (0, b"\x1f\x8b", ARCHIVE),
    (0, b"Rar!", ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (0, b"\xfd7zXZ\0", ARCHIVE),
    (0, b"BZh", ARCHIVE),
    (0, b"(\xb5/\xfd", ARCHIVE),
    (257, b"ustar", ARCHIVE),
)
# ISO base media files: the brand says what is in them.
BRANDS = {b"avif": AVIF, b"avis": AVIF, b"crx ": CAMERA_RAW, b"jxl ": JPEG_XL, b"jp2 ": JPEG_2000}
BRANDS |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"), HEIC)
# The sizes that the second header of a BMP can have: the two letters `BM` alone also begin a text.
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
# A TGA without a colour map: true colour or grey, plain or run-length encoded.
TGA_HEADS = tuple(bytes([0, kind, 0, 0, 0, 0, 0]) for kind in (2, 3, 10, 11))
# Raw files of most cameras begin as a TIFF, and a TGA begins with nothing: the name says what they are.
RAW_SUFFIXES = frozenset(
    [
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".k25", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    ]
)
SUFFIXES = dict.fromkeys(RAW_SUFFIXES, CAMERA_RAW) | {".tga": TGA, ".svg": SVG, ".svgz": SVG, ".pcx": PCX, ".sgi": SGI}
SUFFIXES |= dict.fromkeys((".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"), JPEG_2000)
SUFFIXES |= dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm"), NETPBM)
SUFFIXES |= {".jxl": JPEG_XL, ".jxr": JPEG_XR, ".psd": PSD, ".psb": PSD, ".ico": ICON, ".cur": ICON, ".exr": EXR}
SUFFIXES |= {".hdr": HDR, ".dds": DDS, ".xcf": XCF, ".dcm": DICOM, ".fits": FITS, ".eps": POSTSCRIPT}


def identify(path: Path) -> Kind:
    """What an ordinary file holds. The content decides; only where it says nothing does the name.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, file.seek(0, 2) - TAIL))
        tail = file.read()
    suffix = path.suffix.lower()
    kind = EMPTY if not head else of_bytes(head, tail)
    if kind is UNKNOWN or (kind is TIFF and suffix in RAW_SUFFIXES):
        return SUFFIXES.get(suffix, kind)
    return kind


def of_bytes(head: bytes, tail: bytes = b"") -> Kind:
    """What a file holds, by its first and its last bytes.

    Args:
        head: at least 300 bytes, if the file has so many.
        tail: the last 18 bytes.
    """
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], VIDEO)
    for start, signature, kind in SIGNATURES:
        if head.startswith(signature, start):
            return kind
    # An icon or a cursor has at least one picture; these bytes of a TGA, which may begin in the same way, are 0.
    if head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and head[4:6] not in (b"", b"\0\0"):
        return ICON
    if tail == b"TRUEVISION-XFILE.\0" or (head[1:8] in TGA_HEADS and head[16:17] in (b"\x08", b"\x10", b"\x18", b" ")):
        return TGA
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return BMP
    if re.match(rb"P[1-7Ff][ \t\r\n#]", head):
        return NETPBM
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return PAGE
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return SVG
    return PAGE if text.startswith((b"<?xml", b"<!--")) and b"<html" in text else UNKNOWN


def unread_jpeg(content: bytes) -> Kind | None:
    """A JPEG of a kind that is not read: of another depth than 8 bits, or lossless."""
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker in (0xC3, 0xC7, 0xCB, 0xCF):
                return _unread("a lossless JPEG image")
            bits = content[position + 4]
            return _unread(f"a JPEG image of {bits} bits") if bits != 8 else None
        position += 1 if marker == 0xFF else 2 + length
    return None
