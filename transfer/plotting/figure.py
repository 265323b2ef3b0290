"""What all pictures share: their style, their size, and how they are saved."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

# Ignore the user's matplotlibrc: a picture must have the same bytes everywhere.
matplotlib.rcdefaults()
FONT = "DejaVu Sans"
matplotlib.rcParams["font.sans-serif"] = [FONT]
# A class may have any name, `$x$` included.
matplotlib.rcParams["text.parse_math"] = False
TILES_PER_ROW = 6
TILE = 1.5
DOTS_PER_INCH = 90


def save_tiles(figure: Figure, path: Path) -> None:
    """Save a picture that consists of images: no axes are drawn."""
    for axes in figure.axes:
        axes.set_axis_off()
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Save a picture as a PNG of 256 colours. Creates the folder.

    Pictures live in git, and photographs in full colour are three times as large.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DOTS_PER_INCH)
    _choose_fonts(figure)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).quantize(256).save(path, format="PNG", optimize=True)


def legible(text: str) -> str:
    """The text, with an escape such as `\\u65e5` in the place of each letter that no installed font has."""
    return "".join(
        letter if letter.isspace() or _font_with(letter) else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _choose_fonts(figure: Figure) -> None:
    """Draw letters that the font of all pictures lacks in another installed font, and the others as escapes."""
    for axes in figure.axes:
        # Gives the labels of the ticks their texts.
        axes.get_xticklabels(), axes.get_yticklabels()
    for text in figure.findobj(Text):
        written = text.get_text()
        if not written.isascii():
            others = {_font_with(letter) for letter in written} - {FONT, None}
            text.set_fontfamily([FONT, *sorted(filter(None, others))])
            text.set_text(legible(written))


@cache
def _font_with(letter: str) -> str | None:
    """The name of an installed font that has a letter, first of all the font of all pictures."""
    fonts = sorted(font_manager.fontManager.ttflist, key=lambda font: (font.name != FONT, font.name, font.fname))
    # The font of last resort has a box for every letter.
    names = (font.name for font in fonts if "Last Resort" not in font.name and ord(letter) in _letters(font.fname))
    return next(names, None)


@cache
def _letters(path: str) -> frozenset[int]:
    """The code points of the letters that a font has."""
    return frozenset(font_manager.get_font(path).get_charmap())
