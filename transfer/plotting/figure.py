"""What all pictures share: their style, sheets of images and text, and how pictures are saved."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from transfer.plotting import lettering
from transfer.plotting.lettering import DOTS_PER_INCH, POINTS_PER_INCH

# Ignore the user's matplotlibrc: a picture must have the same bytes everywhere.
matplotlib.rcdefaults()
matplotlib.rcParams["font.sans-serif"] = [lettering.FONT]
# A class may have any name, `$x$` included.
matplotlib.rcParams["text.parse_math"] = False
# Pictures live in git. A picture whose file is larger than this gets 256 colours instead of all.
MOST_BYTES_IN_FULL_COLOUR = 1_000_000

# Lengths in inches, sizes of fonts in points
TILES_PER_ROW = 6
TILE, IMAGE, GAP, MARGIN = 1.4, 1.2, 0.06, 0.12
NARROWEST = 3.4
TITLE_SIZE, CAPTION_SIZE, NAME_SIZE = 10.0, 6.5, 6.0
LINE_HEIGHT = 1.3 / POINTS_PER_INCH


@dataclass(frozen=True)
class Tile:
    """Images one below another, with text around them.

    Attributes:
        captions: paragraphs above the images, each of at most two lines.
        images: arrays (size, size, 3), 8-bit.
        name: a line below the images.
        background: a colour.
    """

    captions: Sequence[str]
    images: Sequence[np.ndarray]
    name: str = ""
    background: str = "white"

    @property
    def lines(self) -> list[str]:
        """The lines of the captions."""
        return [line for text in self.captions for line in lettering.wrap(text, TILE - GAP, CAPTION_SIZE, most_lines=2)]


class Sheet:
    """A picture whose parts have places: lengths in inches, counted from the upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height))

    def write(self, lines: Sequence[str], left: float, top: float, size: float, colour: str = "black") -> float:
        """Write lines, and return where they end."""
        for line in lines:
            baseline = top + 0.78 * size * LINE_HEIGHT
            self.figure.text(left / self.width, 1 - baseline / self.height, line, fontsize=size, color=colour)
            top += size * LINE_HEIGHT
        return top

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in a rectangle."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place)

    def fill(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle."""
        corner = left / self.width, 1 - (top + height) / self.height
        self.figure.add_artist(
            Rectangle(corner, width / self.width, height / self.height, color=colour, linewidth=0, zorder=-1)
        )


def draw_tiles(
    title: str,
    tiles: Sequence[Tile],
    path: Path,
    notes: Sequence[str] = (),
    columns: int = TILES_PER_ROW,
    group: int = 1,
) -> None:
    """Draw tiles in rows, with a title above them and notes below. Without tiles, the title is the whole picture.

    Args:
        columns: the number of tiles in a row; the picture is narrower if there are fewer.
        group: how many neighbours in a row belong together; groups have a gap between them.
    """
    columns = min(columns, len(tiles))
    between = 2 * GAP if group > 1 else 0
    inside = max(columns * TILE + max(columns // group - 1, 0) * between, NARROWEST)
    heading = lettering.wrap(title, inside, TITLE_SIZE, most_lines=3)
    footing = [line for note in notes for line in lettering.wrap(note, inside, CAPTION_SIZE, most_lines=3)]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns or 1)]

    above = MARGIN + len(heading) * TITLE_SIZE * LINE_HEIGHT + GAP
    below = len(footing) * CAPTION_SIZE * LINE_HEIGHT + MARGIN
    sheet = Sheet(inside + 2 * MARGIN, above + sum(_row_height(row) + between for row in rows) + below)
    sheet.write(heading, MARGIN, MARGIN, TITLE_SIZE)
    top = above
    for row in rows:
        for place, tile in enumerate(row):
            _draw_tile(sheet, tile, MARGIN + place * TILE + place // group * between, top, row)
        top += _row_height(row) + between
    sheet.write(footing, MARGIN, top, CAPTION_SIZE)
    save(sheet.figure, path)


def _caption_height(row: Sequence[Tile]) -> float:
    return max(len(tile.lines) for tile in row) * CAPTION_SIZE * LINE_HEIGHT + GAP


def _row_height(row: Sequence[Tile]) -> float:
    images = max(len(tile.images) for tile in row) * (IMAGE + GAP)
    name = NAME_SIZE * LINE_HEIGHT if any(tile.name for tile in row) else 0
    return _caption_height(row) + images + name + GAP


def _draw_tile(sheet: Sheet, tile: Tile, left: float, top: float, row: Sequence[Tile]) -> None:
    """Draw a tile of a row. Images of a row are level, and captions end directly above them."""
    sheet.fill(left, top, TILE, _row_height(row), tile.background)
    left += (TILE - IMAGE) / 2
    top += _caption_height(row)
    sheet.write(tile.lines, left, top - len(tile.lines) * CAPTION_SIZE * LINE_HEIGHT - GAP / 4, CAPTION_SIZE)
    for image in tile.images:
        axes = sheet.axes(left, top, IMAGE, IMAGE)
        axes.set_axis_off()
        axes.imshow(image)
        top += IMAGE + GAP
    sheet.write(lettering.wrap(tile.name, IMAGE + GAP, NAME_SIZE), left, top - GAP / 2, NAME_SIZE, "#555555")


def save(figure: Figure, path: Path) -> None:
    """Save a picture as a PNG. Creates the folder.

    Photographs in full colour are three times as large as with 256 colours. A large picture therefore gets 256 colours,
    mixed by dithering: without it, smooth areas would have bands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DOTS_PER_INCH)
    for axes in figure.axes:
        # Gives the labels of the ticks their texts.
        axes.get_xticklabels(), axes.get_yticklabels()
    for text in figure.findobj(Text):
        lettering.choose_fonts(text)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    content = _png(picture)
    if len(content) > MOST_BYTES_IN_FULL_COLOUR:
        content = _png(dithered(picture))
    path.write_bytes(content)


def dithered(picture: Image.Image) -> Image.Image:
    """A picture with 256 colours, mixed by Floyd-Steinberg dithering. What is white stays white."""
    # This method leaves every object its shades. It is slow for many colours: 32 levels a channel, from black to white,
    # are enough here.
    coarse = picture.point([level // 8 * 255 // 31 for level in range(256)] * 3)
    palette = coarse.quantize(256, Image.Quantize.MAXCOVERAGE)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG", compress_level=6, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return content.getvalue()
