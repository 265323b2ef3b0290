"""What all pictures share: their style, their size, and how they are saved."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Ignore the user's matplotlibrc: a picture must have the same bytes everywhere.
matplotlib.rcdefaults()
matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans"]
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
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).quantize(256).save(path, format="PNG", optimize=True)
