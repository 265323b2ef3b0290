"""Rendering one image from one generator of random numbers: of a class of waste, or of an invented category."""

from __future__ import annotations

import numpy as np

from sample import figures, scene, waste
from sample.scene import Pixels

CLASSES = tuple(waste.KINDS)


def render_waste(name: str, rng: np.random.Generator) -> Pixels:
    """An image `(128, 160, 3)`, 8-bit RGB, of an object of the class `name`."""
    kinds = waste.KINDS[name]
    kind = kinds[rng.integers(len(kinds))]
    setting, image = scene.draw_scene(rng), scene.draw_ground(rng)
    parts = kind(scene.draw_frame(rng, 0.8, 1.05), rng)
    scene.paint(image, parts, setting, rng.uniform(4, 16))
    return scene.photograph(image, rng, blur=0.6, noise=0.015)


def render_figure(category: int, rng: np.random.Generator) -> Pixels:
    """An image `(128, 160, 3)`, 8-bit RGB, of an invented object of this category, with more blur and noise."""
    setting, image = scene.draw_scene(rng), scene.draw_ground(rng)
    parts = figures.figure(category, scene.draw_frame(rng), rng)
    scene.paint(image, parts, setting, rng.uniform(4, 16))
    return scene.photograph(image, rng)
