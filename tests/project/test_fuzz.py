"""Files damaged at random: what reads them gives something whole or says one clear sentence, and nothing else."""

import io
import math
import warnings

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from transfer.interface.errors import UserError

from runs import ROOT
from transfer import params_file
from transfer.dataset import decoding
from transfer.dataset import resizing

pytestmark = pytest.mark.filterwarnings("default")
# `make fuzz` asks for more
fuzzed = settings(
    max_examples=max(300, settings.default.max_examples),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

COMMITTED = (ROOT / "params.yaml").read_bytes()
KEYS = [("seed",), ("data", "split"), ("data", "split", "train"), ("backbone", "name"), ("backbone", "weights")]
KEYS += [("augment", "views"), ("train_tl",), ("train_tl", "learning_rate"), ("train_tl", "early_stopping", "patience")]
KEYS += [("finetune", "frozen_layers"), ("finetune", "schedule"), ("evaluate", "gallery_class"), ("new",)]
# Pieces of YAML that mean something, alone or in a wrong place
PIECES = [
    *("!!int", "!!float", "!!bool", "!!null", "!!str", "!!binary", "!!timestamp", "!!map", "!!seq", "!!set", "!!omap"),
    *("!!pairs", "!!python/name:os.system", "!own", "&a", "*a", "<<:", "? ", ": ", "- ", "{", "}", "[", "]", "|", ">"),
    *("---\n", "...\n", "%YAML 1.2\n", "\n", "\t", "#", "'", '"', "\\ud800", "1_0", "0x" + "f" * 5000, "9" * 5000),
    *("1e999", ".nan", "-.inf", "1:30", "2001-02-30", "2001-12-14T21:59:43.10-05:00", "=", "~", "yes", "\ufeff", "\0"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def encoded(mode, kind, **options):
    """A small image of a mode as the bytes of a file."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    image = Image.fromarray(noise)
    image = Image.new(mode, image.size, 700) if mode in ("I;16", "I", "F") else image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    return exif


WHOLE = [
    *(encoded(mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
    encoded("RGB", "JPEG", progressive=True, exif=turned()),
    *(encoded(mode, "PNG") for mode in ("RGB", "RGBA", "P", "L", "LA", "1", "I;16")),
    encoded("P", "PNG", transparency=1, exif=turned()),
    encoded("P", "GIF"),
    encoded("P", "GIF", save_all=True, append_images=[Image.new("P", (11, 9))], transparency=0),
    *(encoded(mode, "WEBP") for mode in ("RGB", "RGBA")),
    encoded("RGB", "WEBP", lossless=True, exif=turned()),
    *(encoded(mode, "BMP") for mode in ("RGB", "P", "L", "1")),
    *(encoded(mode, "TIFF") for mode in ("RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "LAB", "YCbCr", "I;16", "I", "F")),
    *(encoded("RGB", "TIFF", compression=name) for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
    *(encoded("1", "TIFF", compression=name) for name in ("group3", "group4")),
    encoded("RGB", "TIFF", exif=turned()),
]
# What a length or an offset in a header may turn into
NUMBERS = [bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x80", b"\1\0", b"\0\1", b"\0\0\xff\xff"]


@st.composite
def damaged(draw, whole, others, pieces):
    """Bytes with a few things done to them: cut, changed, taken out, put in, spliced with those of another file."""
    content = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(0, 4))):
        # Headers are short, and come first
        place = draw(st.integers(0, min(64, len(content))) | st.integers(0, len(content)))
        match draw(st.integers(0, 6)):
            case 0:
                del content[place:]
            case 1:
                content[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2:
                del content[place : place + draw(st.integers(1, 16))]
            case 3:
                content[place:place] = draw(st.sampled_from(pieces) | st.binary(max_size=8))
            case 4:
                piece = draw(st.sampled_from(pieces))
                content[place : place + len(piece)] = piece
            case 5:
                other = draw(st.sampled_from(others))
                content[place:] = other[draw(st.integers(0, len(other))) :]
            case 6:
                content[place:place] = content[draw(st.integers(0, len(content))) :][:64]
    return bytes(content)


@st.composite
def changed_params(draw):
    """The committed parameters with values replaced, taken out and put in."""
    values = yaml.safe_load(COMMITTED)
    for *sections, last in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
        place = values
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = draw(VALUES)
            if draw(st.integers(0, 4)) == 0:
                del place[last]
    return yaml.safe_dump(values, allow_unicode=draw(st.booleans())).encode("utf-8", "surrogatepass")


def loads(path, content):
    """Load parameters that may only be whole or refused."""
    path.write_bytes(content)
    try:
        found = params_file.load(path)
    except UserError as fault:
        assert str(fault).startswith(str(path)) and len(str(fault)) < 20_000
    else:
        assert sum(found.data.split.model_dump().values()) == pytest.approx(1)
        assert all(math.isfinite(recipe.weight_decay) for recipe in (found.train_tl, found.finetune))


@fuzzed
@given(content=damaged([COMMITTED], [COMMITTED], [piece.encode("utf-8", "surrogatepass") for piece in PIECES]))
def test_parameters_of_any_text_are_read_or_refused(tmp_path, content):
    loads(tmp_path / "params.yaml", content)


@fuzzed
@given(content=changed_params())
def test_parameters_of_any_values_are_read_or_refused(tmp_path, content):
    loads(tmp_path / "params.yaml", content)


@fuzzed
@given(content=damaged(WHOLE, WHOLE, NUMBERS), size=st.sampled_from([1, 32, 33]))
def test_an_image_of_any_bytes_is_read_or_refused_and_nothing_is_printed(
    tmp_path, monkeypatch, capfd, caplog, content, size
):
    # The bound itself has its test: here it keeps a header that lies from taking seconds
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        decoding.silence_pillow()
        try:
            pixels = decoding.decode(path).pixels
        except UserError as fault:
            assert str(fault).startswith(f"{path} ") and "\n" not in str(fault)
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            square = resizing.to_square(pixels, size)
            assert square.dtype == np.uint8 and square.shape == (size, size, 3)
    assert [str(warning.message) for warning in warned] == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
