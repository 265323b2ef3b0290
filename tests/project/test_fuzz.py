"""Files damaged at random: their readers return a valid result or raise one clear sentence, and print nothing."""

import io
import math
import os
import shutil
import warnings

import numpy as np
import pillow_heif
import pytest
import yaml
from dvc.utils.serialize import load_yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fuzzing import NUMBERS, damaged_files, fuzzed
from runs import SAMPLE_PARAMS
from transfer import params_file
from transfer.common.opencv import cv2
from transfer.dataset import checks, decoding, listing, resizing, signatures
from transfer.interface.errors import UserError
from transfer.interface.schema import FITS

pytestmark = pytest.mark.filterwarnings("default")
COMMITTED = SAMPLE_PARAMS.read_bytes()
# As editors on other systems save the same text.
SAVED = [COMMITTED, COMMITTED.replace(b"\n", b"\r\n"), *(COMMITTED.decode().encode(f"utf-{n}") for n in ("8-sig", 16))]
KEYS = [("seed",), ("data", "split"), ("data", "split", "train"), ("backbone", "name"), ("backbone", "weights")]
KEYS += [("augment", "views"), ("train_tl",), ("train_tl", "learning_rate"), ("train_tl", "early_stopping", "patience")]
KEYS += [("finetune", "frozen_layers"), ("finetune", "schedule"), ("evaluate", "gallery_class"), ("new",)]
# Pieces of YAML that have a meaning, alone or in a wrong place.
PIECES = [
    *("!!int", "!!float", "!!bool", "!!null", "!!str", "!!binary", "!!timestamp", "!!map", "!!seq", "!!set", "!!omap"),
    *("!!pairs", "!!python/name:os.system", "!own", "&a", "*a", "<<:", "? ", ": ", "- ", "{", "}", "[", "]", "|", ">"),
    *("---\n", "...\n", "%YAML 1.2\n", "\n", "\t", "#", "'", '"', "\\ud800", "1_0", "0x" + "f" * 5000, "9" * 5000),
    *("1e999", ".nan", "-.inf", "1:30", "2001-02-30", "2001-12-14T21:59:43.10-05:00", "=", "~", "yes", "\ufeff", "\0"),
    *("010", "0o17", "0b1", "+1", "1_000", "on", "No", "08", "2e-05", "1e3", "%YAML 1.1\n---\n", "0.1_5", "\r", "\x85"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def encode(mode, kind, **options):
    """The bytes of a file with a small image of a mode."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    image = Image.fromarray(noise)
    if kind == "HEIF":
        file = io.BytesIO()
        pillow_heif.from_pillow(image.convert(mode)).save(file, **options)
        return file.getvalue()
    image = Image.new(mode, image.size, 700) if mode in ("I;16", "I", "F") else image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif_of_turned_image():
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    return exif


def encode_wide(suffix, kind, channels):
    """The bytes of a file with a small image of more than 8 bits a channel."""
    values = np.random.default_rng(0).integers(0, 4096, (9, 11, channels)).astype(kind)
    return cv2.imencode(suffix, values)[1].tobytes()


# A file of each of these formats is refused by its name.
UNREAD_IMAGES = [encode("RGB", kind) for kind in ("JPEG2000", "TGA", "PPM", "ICO", "EPS", "PDF", "DDS")]
VALID_IMAGES = [
    *UNREAD_IMAGES,
    *(encode(mode, kind) for mode in ("RGB", "RGBA") for kind in ("HEIF", "AVIF")),
    *(encode("RGB", kind, exif=exif_of_turned_image().tobytes()) for kind in ("HEIF", "AVIF")),
    *(encode_wide(suffix, np.uint16, channels) for suffix in (".png", ".tif") for channels in (1, 3, 4)),
    *(encode_wide(".tif", np.float32, channels) for channels in (1, 3)),
    encode("RGB", "JPEG")[:-60],
    *(encode(mode, "PNG", transparency=value) for mode, value in (("RGB", (1, 2, 3)), ("L", 7), ("I;16", 700))),
    *(encode(mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
    encode("RGB", "JPEG", progressive=True, exif=exif_of_turned_image()),
    *(encode(mode, "PNG") for mode in ("RGB", "RGBA", "P", "L", "LA", "1", "I;16")),
    encode("P", "PNG", transparency=1, exif=exif_of_turned_image()),
    encode("P", "GIF"),
    encode("P", "GIF", save_all=True, append_images=[Image.new("P", (11, 9))], transparency=0),
    *(encode(mode, "WEBP") for mode in ("RGB", "RGBA")),
    encode("RGB", "WEBP", lossless=True, exif=exif_of_turned_image()),
    *(encode(mode, "BMP") for mode in ("RGB", "P", "L", "1")),
    *(encode(mode, "TIFF") for mode in ("RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "LAB", "YCbCr", "I;16", "I", "F")),
    *(encode("RGB", "TIFF", compression=name) for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
    *(encode("1", "TIFF", compression=name) for name in ("group3", "group4")),
    encode("RGB", "TIFF", exif=exif_of_turned_image()),
]

# Names of files and folders with and without a meaning.
NAMES = st.sampled_from(
    [
        *("a.jpg", "b.JPEG", "photo", "c.jpg?w=640", "d.jpg ", "e.heic", "f.dng", "g.jp2", "notes.txt", ".hidden.jpg"),
        *(".DS_Store", "._a.jpg", "Thumbs.db", "h.png:Zone.Identifier", "@eaDir", ".NET", "__MACOSX", "deep", "i.tif"),
    ]
)


@st.composite
def changed_params(draw):
    """The committed parameters with some values replaced, removed and added."""
    values = yaml.safe_load(COMMITTED)
    for *sections, last in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
        section = values
        for name in sections:
            section = section.get(name) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section[last] = draw(VALUES)
            if draw(st.integers(0, 4)) == 0:
                del section[last]
    return yaml.safe_dump(values, allow_unicode=draw(st.booleans())).encode("utf-8", "surrogatepass")


def check_load(path, content):
    """Check that loading parameters returns valid ones or raises a sentence."""
    path.write_bytes(content)
    try:
        params = params_file.load(path)
    except UserError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 20_000
    else:
        assert params.model_dump() == load_yaml(path), "DVC reads other values"
        assert sum(params.data.split.model_dump().values()) == pytest.approx(1)
        assert all(math.isfinite(recipe.weight_decay) for recipe in (params.train_tl, params.finetune))


@fuzzed
@given(content=damaged_files(SAVED, SAVED, [piece.encode("utf-8", "surrogatepass") for piece in PIECES]))
def test_parameters_of_any_text_are_loaded_or_rejected(tmp_path, content):
    check_load(tmp_path / "params.yaml", content)


@fuzzed
@given(content=changed_params())
def test_parameters_of_any_values_are_loaded_or_rejected(tmp_path, content):
    check_load(tmp_path / "params.yaml", content)


@fuzzed
@given(
    content=damaged_files(VALID_IMAGES, VALID_IMAGES, NUMBERS),
    size=st.sampled_from([1, 32, 33]),
    fit=st.sampled_from(FITS),
    antialias=st.booleans(),
)
def test_an_image_of_any_bytes_is_decoded_or_rejected_and_nothing_is_printed(
    tmp_path, monkeypatch, capfd, caplog, content, size, fit, antialias
):
    # The limit has a test of its own. Here, a low one saves the seconds that a header with a false size would cost.
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1_000_000)
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        decoding.silence_pillow()
        try:
            pixels = decoding.decode(path).pixels
        except UserError as error:
            assert str(error).startswith(f"{path} ") and "\n" not in str(error)
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            square = resizing.to_square(pixels, size, fit, antialias)
            assert square.dtype == np.uint8 and square.shape == (size, size, 3)
    assert [str(warning.message) for warning in caught_warnings] == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@fuzzed
@given(
    files=st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=3).map(tuple),
        damaged_files(VALID_IMAGES, VALID_IMAGES, NUMBERS) | st.binary(max_size=40),
        min_size=1,
        max_size=6,
    ),
    links=st.lists(st.tuples(NAMES, st.sampled_from([".", "..", "deep", "a.jpg", "gone"])), max_size=2),
)
def test_every_file_that_goes_in_is_an_image_or_is_reported(tmp_path, files, links):
    # As in a program; pytest sets the filters of warnings anew for each test.
    decoding.silence_pillow()
    folder = tmp_path / "class"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for names, content in files.items():
        path = folder.joinpath(*names)
        # A name that is a file already cannot be a folder, too.
        if not any(parent.is_file() for parent in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name, target in links:
        if not (folder / name).exists() and not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    images, skipped = listing.list_images(folder)
    reported = {other.path for other in skipped}
    for path in folder.rglob("*"):
        if path.is_file() or path.is_symlink():
            # Files that two links lead to are listed once.
            same = [image for image in images if os.path.realpath(image) == os.path.realpath(path)]
            assert path in images or reported & {path, *path.parents} or (path.is_dir() and path.is_symlink()) or same
    assert not reported & set(images)
    sentences = checks.skipped_sentences(skipped)
    assert sum(int(sentence.split()[0]) for sentence in sentences) == len(skipped)
    for path in images:
        try:
            assert len(decoding.decode(path).digest) == 16
        except UserError as error:
            assert str(error).startswith(f"{path} ")


@pytest.mark.parametrize("content", UNREAD_IMAGES, ids=lambda content: content[:12].hex())
def test_the_formats_that_are_not_read_are_recognized(tmp_path, content):
    (tmp_path / "photo.jpg").write_bytes(content)
    kind = signatures.identify(tmp_path / "photo.jpg")
    assert not kind.is_read
    with pytest.raises(UserError, match=kind.name):
        decoding.decode(tmp_path / "photo.jpg")
