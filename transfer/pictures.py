"""The pictures that DVC shows: augmentation, the confusion matrix, images with what they were taken for, and pairs."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from transfer.galleries import Gallery, SideBySide

# Whatever the user's matplotlibrc says: a picture is the same bytes everywhere
matplotlib.rcdefaults()
matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans"]
# A class may be called anything, `$x$` included.
matplotlib.rcParams["text.parse_math"] = False
COLUMNS = 6
TILE = 1.5
DOTS_PER_INCH = 90
NUMBERED_CLASSES = 30


def augmentation(views: np.ndarray, title: str, path: Path) -> None:
    """Draw (views, size, size, 3): the first is the image itself, the others its augmented views."""
    columns = 4
    rows = -(-len(views) // columns)
    figure = Figure(figsize=(TILE * columns, 1.2 * TILE * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    for number, (axes, view) in enumerate(zip(figure.subplots(rows, columns, squeeze=False).flat, views, strict=False)):
        axes.imshow(view)
        axes.set_title("the image itself" if number == 0 else f"view {number}", fontsize=7)
    _finish(figure, path)


def confusion(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str], title: str, path: Path) -> None:
    """Draw how many images of each class (rows) were taken for each class (columns)."""
    # Not scikit-learn's: importing it would take prepare longer than all else that it imports
    counts = np.bincount(actual * len(classes) + predicted, minlength=len(classes) ** 2).reshape(len(classes), -1)
    side = float(np.clip(0.55 * len(classes) + 2.5, 5, 24))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(
        range(len(classes)),
        classes,
        rotation=90 if len(classes) > 8 else 45,
        ha="right" if len(classes) <= 8 else "center",
    )
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted class", ylabel="actual class", title=title)
    if len(classes) <= NUMBERED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                axes.text(
                    column,
                    row,
                    str(count),
                    ha="center",
                    va="center",
                    color="white" if shares[row, column] > 0.7 else "black",
                )
    _save(figure, path)


def gallery(images: np.ndarray, shown: Gallery, heat: np.ndarray, path: Path) -> None:
    """Draw images in rows, each under its caption and over itself with its heat map; says so where there is none.

    Args:
        images: (images, size, size, 3), 8-bit, of which the gallery shows some.
        heat: of those that it shows (shown, rows, columns), 0 to 1.
    """
    rows = max(-(-len(shown.rows) // COLUMNS), 1)
    figure = Figure(figsize=(TILE * COLUMNS, 2.2 * TILE * rows + 0.5), layout="constrained")
    figure.suptitle(shown.title)
    grid = figure.subplots(2 * rows, COLUMNS, squeeze=False)
    above, below = grid[::2].flat, grid[1::2].flat
    for image, warm, caption, plain, covered in zip(
        images[shown.rows], heat, shown.captions, above, below, strict=False
    ):
        plain.imshow(image)
        plain.set_title(caption, fontsize=7)
        covered.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        # Blurred as it is drawn: the map has a value for every few dozen pixels
        covered.imshow(
            warm,
            cmap="inferno",
            vmin=0,
            vmax=1,
            alpha=0.55,
            extent=covered.get_images()[0].get_extent(),
            interpolation="bicubic",
        )
    if shown.rows:
        figure.supxlabel(
            "Below each image: the brighter, the more spoke for the predicted class there (Grad-CAM)", fontsize=7
        )
    else:
        figure.text(0.5, 0.5, "none", ha="center", fontsize=9)
    _finish(figure, path)


def pairs(title: str, shown: Sequence[SideBySide], path: Path) -> None:
    """Draw pairs of images, those that stand out on a ground of their own."""
    columns = COLUMNS // 2
    rows = max(-(-len(shown) // columns), 1)
    figure = Figure(figsize=(TILE * COLUMNS, 1.25 * TILE * rows + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=9)
    for place, pair in zip(figure.subfigures(rows, columns, squeeze=False).flat, shown, strict=False):
        place.set_facecolor("#ffd9a8" if pair.stands_out else "none")
        place.suptitle(pair.title, fontsize=7)
        for axes, image, caption in zip(place.subplots(1, 2), pair.images, pair.captions, strict=True):
            axes.imshow(image)
            axes.set_title(caption, fontsize=7)
    _finish(figure, path)


def _finish(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.set_axis_off()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG of 256 colours: it lives in git, where photographs in full colour are three times as large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DOTS_PER_INCH)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).quantize(256).save(path, format="PNG", optimize=True)
