"""Invented objects for pretraining. Each shape in each material is one category; none of them is waste."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample import shapes, surfaces
from sample.scene import Frame, Part, Piece, Surface, bumped, draw_colour

Shape = Callable[[Frame, np.random.Generator], list[Piece]]
Material = Callable[[Frame, Piece, np.random.Generator], Part]


def _ring(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    return [shapes.ring(frame, 0.6, rng.uniform(0.15, 0.3))]


def _balls(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    second = frame.moved(rng.uniform(0.4, 0.7), 0.0)
    return [
        shapes.ball(frame.moved(-0.3), rng.uniform(0.45, 0.65)),
        shapes.ball(second, rng.uniform(0.2, 0.4)),
    ]


def _star(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    piece = shapes.star(frame, int(rng.integers(4, 8)), rng.uniform(0.3, 0.6))
    return [bumped(piece, np.hypot(frame.u, frame.v), rng.uniform(0, 60))]


def _cross(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    thin = rng.uniform(0.15, 0.3)
    across = frame.moved(rng.uniform(-0.3, 0.3), 0, np.pi / 2 + rng.uniform(-0.3, 0.3))
    return [shapes.rectangle(frame, 0.9, thin), shapes.rectangle(across, 0.8, thin)]


def _skittle(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    steps = np.linspace(0, 1, 40)
    wave = 0.3 + rng.uniform(0.08, 0.16) * np.sin(steps * rng.uniform(6, 14) + rng.uniform(0, 6))
    return [shapes.solid_of_revolution(frame, wave.astype(np.float32), 0.85, rng.uniform(0, 0.5))]


def _steps(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    rotation, pieces = shapes.rotation_matrix(rng), []
    for shrink, lift in ((1.0, 0.0), (0.65, 0.3)):
        up = rotation[:, 2] * (lift if rotation[2, 2] >= 0 else -lift)
        part = frame.moved(float(up[0]), float(up[1]))
        pieces += shapes.cuboid(part, [0.6 * shrink, 0.5 * shrink, 0.15], rotation)
    return pieces


def _drum(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    tilt, radius, length = rng.uniform(0.3, 0.8), rng.uniform(0.4, 0.7), rng.uniform(0.15, 0.6)
    foot = radius * rng.uniform(0.3, 1.0)
    body = shapes.solid_of_revolution(frame, np.linspace(radius, foot, 16), length, tilt)
    return [body, shapes.disc(frame, -length, radius, tilt)]


def _lump(frame: Frame, rng: np.random.Generator) -> list[Piece]:
    return [shapes.blob(frame.moved(size=0.75), shapes.outline(rng, 10, 0.25), rng.uniform(0.3, 0.9))]


def _fluted(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    lit = bumped(piece, surfaces.waves(frame.u, rng.uniform(5, 10)), rng.uniform(0.5, 2.5))
    return lit, surfaces.matte(rng, draw_colour(rng), 0.06)


def _inked(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    page = Piece(piece.cover, piece.normal, frame.u, frame.v)
    lines = surfaces.print_lines(page, rng, rng.uniform(5, 10), int(rng.integers(1, 4)))
    texture = surfaces.blend(
        surfaces.fibre(rng, draw_colour(rng, 0.5), 0.02), draw_colour(rng, 0.05, 0.5), 0.75 * lines
    )
    return shapes.crumpled(piece, frame, rng, 3, rng.uniform(0.5, 1.2), rng.uniform(0, 14)), Surface(texture)


def _mirrored(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    lit = surfaces.brushed(piece, rng, rng.uniform(0, 1.5))
    return lit, surfaces.metal(rng, draw_colour(rng, 0.5))


def _glassy(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    return piece, surfaces.glass(rng, draw_colour(rng, 0.25))


def _moulded(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    ribs = bumped(piece, surfaces.waves(frame.v, rng.uniform(2, 5)), rng.uniform(0, 6))
    return ribs, surfaces.plastic(rng, draw_colour(rng), rng.choice([0.0, 0.0, 0.5]))


def _creased(frame: Frame, piece: Piece, rng: np.random.Generator) -> Part:
    lit = shapes.crumpled(piece, frame, rng, 6, rng.uniform(0.25, 0.6), rng.uniform(12, 32))
    texture = surfaces.label(rng, Piece(piece.cover, piece.normal, frame.u, frame.v), draw_colour(rng))
    return lit, Surface(texture, gloss=rng.uniform(0, 0.4), shininess=25, reflectance=rng.choice([0.0, 0.5]))


SHAPES: tuple[Shape, ...] = (_ring, _balls, _star, _cross, _skittle, _steps, _drum, _lump)
MATERIALS: tuple[Material, ...] = (_fluted, _inked, _mirrored, _glassy, _moulded, _creased)
CATEGORIES = len(SHAPES) * len(MATERIALS)


def figure(category: int, frame: Frame, rng: np.random.Generator) -> list[Part]:
    """The parts of an object of this category, 0 to `CATEGORIES` - 1. All parts have the same material."""
    shape, material = SHAPES[category // len(MATERIALS)], MATERIALS[category % len(MATERIALS)]
    return [material(frame, piece, rng) for piece in shape(frame, rng)]
