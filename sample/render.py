"""One rendered image from one generator of random numbers: of a class of waste, or of a made-up category."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample import figures, scene, waste
from sample.scene import Frame, Part, Pixels

CLASSES = tuple(waste.KINDS)


def render_waste(name: str, rng: np.random.Generator) -> Pixels:
    """An image `(128, 160, 3)`, 8-bit RGB, of a piece of waste of the class `name`."""
    kinds = waste.KINDS[name]
    return _render(kinds[rng.integers(len(kinds))], rng)


def render_figure(category: int, rng: np.random.Generator) -> Pixels:
    """An image `(128, 160, 3)`, 8-bit RGB, of a made-up object of the category."""
    return _render(lambda frame, rng: figures.figure(category, frame, rng), rng)


def _render(draw: Callable[[Frame, np.random.Generator], list[Part]], rng: np.random.Generator) -> Pixels:
    """Set the stage, set the object on it, take the picture."""
    setting, image = scene.draw_scene(rng), scene.draw_ground(rng)
    parts = draw(scene.draw_frame(rng), rng)
    scene.place(image, parts, setting, rng.uniform(4, 16))
    return scene.photograph(image, rng)
