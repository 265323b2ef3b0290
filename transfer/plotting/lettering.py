"""Text in pictures: which letters can be drawn, by which name a class is drawn, and how text is fitted to a width."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.ft2font import LoadFlags
from matplotlib.text import Text

# The font of all pictures, in matplotlib's own copy: another font is used only for letters that it lacks, so pictures
# have the same bytes on every machine.
FONT = "DejaVu Sans"
FONT_FILE = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
POINTS_PER_INCH = 72
DOTS_PER_INCH = 150
ELLIPSIS = "…"
# Lines are broken after a space, or if there is none, after a mark.
BREAKS = (" ", "_-.,/")
# Below a picture in which a class is drawn by its number
KEY = "# and a number stand for a class whose name no font of this machine can draw: see plots/evaluate/classes.csv."


def drawable_names(classes: Sequence[str]) -> list[str]:
    """The names by which classes are drawn, in their order.

    A name with letters that no installed font has is drawn as `#` and the number of its class, counted from 1, with
    what can be read of the name in parentheses.
    """
    names = []
    for number, name in enumerate(classes, 1):
        readable = " ".join(drawable(name, gap=" ").split())
        if drawable(name) == _plain_spaces(name):
            names.append(readable)
        else:
            names.append(f"#{number} ({readable})" if any(map(str.isalnum, readable)) else f"#{number}")
    return names


def notes(classes: Sequence[str]) -> list[str]:
    """What has to be said below a picture of these classes: where their names are, if numbers stand for some."""
    return [KEY] if any(drawable(name) != _plain_spaces(name) for name in classes) else []


def file_name(path: str, digest: str) -> str:
    """The name of an image file as it is drawn, or its digest in plots/ if no installed font has the letters."""
    name = Path(path).name
    return name if drawable(name) == _plain_spaces(name) else f"pixels {digest}"


def drawable(text: str, gap: str = ELLIPSIS) -> str:
    """The text, with `gap` in the place of letters that no installed font has. All white space becomes plain spaces."""
    parts: list[str] = []
    for letter in _plain_spaces(text):
        if letter == " " or font_with(letter):
            parts.append(letter)
        # A letter that is never visible, such as a joiner, leaves no gap.
        elif unicodedata.category(letter) != "Cf" and parts[-1:] != [gap]:
            parts.append(gap)
    return "".join(parts)


def choose_fonts(text: Text) -> None:
    """Draw letters that the font of all pictures lacks in other installed fonts, and a gap where none has them."""
    written = text.get_text()
    if not written.isascii():
        text.set_fontfamily(_families(written))
        text.set_text("\n".join(map(drawable, written.split("\n"))))


@cache
def width_of(text: str, size: float) -> float:
    """The width of a line in inches, at a font size in points."""
    properties = font_manager.FontProperties(family=_families(text), size=size)
    return _renderer().get_text_width_height_descent(text, properties, ismath=False)[0] / DOTS_PER_INCH


@cache
def wrap(text: str, width: float, size: float, most_lines: int = 1) -> Sequence[str]:
    """Break a text into lines that fit a width, with an ellipsis in its middle if it needs more lines than allowed.

    Args:
        width: in inches.
        size: of the font, in points.
        most_lines: the largest number of lines.
    """
    letters = list(_clusters(drawable(text)))
    broken = _break(letters, width, size)
    if len(broken) <= most_lines:
        return broken
    fewest, most = 0, len(letters) - 1
    while fewest < most:
        kept = (fewest + most + 1) // 2
        fewest, most = (
            (kept, most) if len(_break(_shortened(letters, kept), width, size)) <= most_lines else (fewest, kept - 1)
        )
    return _break(_shortened(letters, fewest), width, size)


def shorten_all(names: Sequence[str], width: float, size: float) -> list[str]:
    """Shorten each name to one line. Names that become equal get the number of their class, counted from 1."""
    short = [wrap(name, width, size)[0] for name in names]
    equal = Counter(short)
    return [
        wrap(f"#{number} {name}", width, size)[0] if equal[line] > 1 else line
        for number, (name, line) in enumerate(zip(names, short, strict=True), 1)
    ]


def _shortened(letters: list[str], kept: int) -> list[str]:
    """The first and the last letters around an ellipsis, `kept` in total."""
    return [*letters[: kept - kept // 2], ELLIPSIS, *letters[len(letters) - kept // 2 :]]


def _break(letters: list[str], width: float, size: float) -> Sequence[str]:
    """Lines that fit a width, each broken after a space or a mark if it can be, and anywhere otherwise."""
    lines: list[str] = []
    while letters:
        fits, beyond = 1, len(letters) + 1
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            fits, beyond = (
                (middle, beyond) if width_of("".join(letters[:middle]).rstrip(), size) <= width else (fits, middle)
            )
        if fits < len(letters):
            for marks in BREAKS:
                places = [place for place in range(fits // 3, fits) if letters[place] in marks]
                if places:
                    fits = places[-1] + 1
                    break
        lines.append("".join(letters[:fits]).strip())
        letters = letters[fits:]
    return tuple(lines) or ("",)


def _clusters(text: str) -> Iterator[str]:
    """The letters of a text, each with the marks that are drawn on it and what a joiner joins to it."""
    cluster = ""
    for letter in text:
        if cluster and not (unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf") or cluster[-1] == "\u200d"):
            yield cluster
            cluster = ""
        cluster += letter
    if cluster:
        yield cluster


def _plain_spaces(text: str) -> str:
    return "".join(" " if letter.isspace() else letter for letter in text)


def _families(text: str) -> list[str]:
    """The fonts to draw a text in, the font of all pictures first."""
    others = {font_with(letter) for letter in set(text)} - {FONT, None}
    return [FONT, *sorted(filter(None, others))]


@cache
def font_with(letter: str) -> str | None:
    """The name of an installed font that can draw a letter, preferably the font of all pictures."""
    if ord(letter) in _letters(str(FONT_FILE)):
        return FONT
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        # The font of last resort has a box for every letter.
        usable = font.name != FONT and "Last Resort" not in font.name and ord(letter) in _letters(font.fname)
        if usable and _is_visible(letter, font.fname):
            return font.name
    return None


@cache
def _letters(path: str) -> frozenset[int]:
    """The code points of the letters that a font has; none if matplotlib cannot draw it, as fonts made of images."""
    try:
        font = font_manager.get_font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(font.get_charmap()) if font.scalable else frozenset()


def _is_visible(letter: str, path: str) -> bool:
    """Whether a font has an outline for a letter: fonts of coloured emoji may have images only."""
    try:
        return any(font_manager.get_font(path).load_char(ord(letter), flags=LoadFlags.NO_BITMAP).bbox)
    except RuntimeError:
        return False


@cache
def _renderer() -> RendererAgg:
    """Measures text at the resolution of the pictures, because letters are placed on whole dots."""
    return RendererAgg(1, 1, DOTS_PER_INCH)
