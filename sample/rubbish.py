"""Objects of mixed materials: the class trash."""

from __future__ import annotations

import numpy as np

from sample import shapes, surfaces
from sample.scene import Frame, Part, Surface, bumped, draw_colour, scatter
from sample.vessels import ridged


def trash_wrapper(frame: Frame, rng: np.random.Generator) -> list[Part]:
    width, height = rng.uniform(0.7, 0.95), rng.uniform(0.3, 0.5)
    teeth = 0.05 * np.abs((frame.v * np.float32(rng.uniform(8, 14))) % 1 - 0.5) * 2
    sheet = shapes.rectangle(frame, width, height, teeth.astype(np.float32))
    crimp = surfaces.waves(sheet.u, 14) * (np.abs(sheet.u) > 0.82)
    belly = np.clip(1 - sheet.u**2, 0, 1) * np.clip(1 - sheet.v**2, 0, 1)
    piece = bumped(bumped(sheet, crimp.astype(np.float32), 2.5), belly, rng.uniform(10, 30))
    piece = shapes.crumpled(piece, frame, rng, 5, rng.uniform(0.3, 0.6), rng.uniform(6, 22))
    texture = surfaces.label(rng, piece, draw_colour(rng))
    return [(piece, Surface(texture, gloss=0.5, shininess=30, reflectance=rng.uniform(0.05, 0.35)))]


def trash_bits(frame: Frame, rng: np.random.Generator) -> list[Part]:
    parts: list[Part] = []
    for _ in range(rng.integers(4, 9)):
        part = scatter(frame, rng, 0.7, 0.18, 0.4)
        colour, kind = draw_colour(rng), rng.integers(4)
        if kind == 0:
            piece = shapes.solid_of_revolution(part, [0.18, 0.18], 1.0, 0.1)
            material = surfaces.plastic(rng, surfaces.blend(colour, draw_colour(rng), surfaces.stripes(piece.v, 3)))
        elif kind == 1:
            piece = shapes.blob(part, shapes.outline(rng, 9, 0.3), 0.6)
            piece = shapes.crumpled(piece, part, rng, 4, 0.6, 15)
            material = Surface(surfaces.fibre(rng, colour, 0.08))
        elif kind == 2:
            piece, material = shapes.ring(part, 0.7, 0.2), surfaces.plastic(rng, colour)
        else:
            piece = shapes.crumpled(shapes.rectangle(part, 0.9, 0.7), part, rng, 4, 0.7, 12)
            material = Surface(surfaces.label(rng, piece, colour), gloss=0.3, reflectance=rng.uniform(0, 0.4))
        parts.append((piece, material))
    return parts


def trash_takeaway(frame: Frame, rng: np.random.Generator) -> list[Part]:
    """A cup of coated paper with a lid of another colour, and sometimes a straw through it."""
    tilt, radius, length = rng.uniform(0.2, 0.5), rng.uniform(0.38, 0.48), rng.uniform(0.5, 0.65)
    body = shapes.solid_of_revolution(frame, np.linspace(radius, radius * 0.7, 16), length, tilt)
    coating = Surface(surfaces.label(rng, body, draw_colour(rng)), gloss=rng.uniform(0, 0.2))
    lid = surfaces.plastic(rng, draw_colour(rng))
    rim = shapes.solid_of_revolution(frame.moved(0, -length), [radius * 1.08] * 2, 0.06, tilt)
    top = shapes.disc(frame, -length - 0.06, radius * 1.05, tilt)
    body = shapes.crumpled(body, frame, rng, 4, 0.6, rng.uniform(0, 18))
    parts: list[Part] = [(body, coating), (rim, lid), (ridged(top, rng), lid)]
    if rng.random() < 0.7:
        straw = shapes.solid_of_revolution(
            frame.moved(0.05, -length - 0.35, rng.uniform(-0.4, 0.4)), [0.04, 0.04], 0.38, 0.0
        )
        twist = surfaces.stripes(straw.v + 0.05 * straw.u, 8)
        parts.append((straw, surfaces.plastic(rng, surfaces.blend(draw_colour(rng), draw_colour(rng), twist))))
    return parts


def trash_foam_tray(frame: Frame, rng: np.random.Generator) -> list[Part]:
    """A foam tray with scraps of film and food on it."""
    width, height = rng.uniform(0.65, 0.85), rng.uniform(0.45, 0.6)
    depth = np.minimum(width - np.abs(frame.u), height - np.abs(frame.v))
    bowl = -np.clip(depth, 0, 0.22) + 0.01 * surfaces.waves(frame.u, 6) * (depth > 0.22)
    tray = bumped(shapes.rectangle(frame, width, height), bowl.astype(np.float32), rng.uniform(30, 60))
    parts: list[Part] = [(tray, Surface(surfaces.fibre(rng, draw_colour(rng, 0.6), 0.07)))]
    for _ in range(rng.integers(2, 5)):
        part = scatter(frame, rng, 0.4, 0.15, 0.35)
        scrap = shapes.blob(part, shapes.outline(rng, 8, 0.35), 0.7)
        scrap = shapes.crumpled(scrap, part, rng, 3, 0.7, 12)
        colour = surfaces.fibre(rng, draw_colour(rng, 0.15), 0.15)
        parts.append((scrap, Surface(colour, gloss=rng.uniform(0, 0.5), transparency=rng.choice([0.0, 0.0, 0.5]))))
    return parts
