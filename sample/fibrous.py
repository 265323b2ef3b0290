"""Objects of cardboard and of paper."""

from __future__ import annotations

import numpy as np

from sample import shapes, surfaces
from sample.scene import Field, Frame, Part, Piece, Surface, bumped, draw_colour


def _board(rng: np.random.Generator, piece: Piece, colour: Field) -> Part:
    """A face of corrugated board, through which the flutes are faintly visible."""
    flutes = surfaces.waves(piece.v if rng.random() < 0.5 else piece.u, rng.uniform(8, 14))
    lit = bumped(piece, flutes, rng.uniform(0.4, 1.2))
    return lit, surfaces.matte(rng, colour, 0.05)


def _cut_edge(frame: Frame, rng: np.random.Generator, width: float, height: float, colour: Field) -> Part:
    """The cut edge of corrugated board along the bottom of a sheet: a zigzag between two liners."""
    edge = shapes.rectangle(frame.moved(0, height), width, 0.055)
    zigzag = np.abs((frame.u * np.float32(rng.uniform(7, 11))) % 1 - 0.5) * 4 - 1
    dark = np.clip(1 - 2.2 * np.abs(edge.v - 0.7 * zigzag), 0, 1) * (np.abs(edge.v) < 0.8)
    return edge, Surface(surfaces.blend(colour * np.float32(0.4), colour, dark.astype(np.float32)))


def cardboard_box(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, rotation = draw_colour(rng), shapes.rotation_matrix(rng)
    faces = shapes.cuboid(frame, rng.uniform([0.45, 0.4, 0.2], [0.75, 0.65, 0.55]), rotation)
    parts = [_board(rng, face, colour) for face in faces]
    if rng.random() < 0.7:
        lid = faces[2]
        tape = lid.cover * (np.abs(lid.v - 0.5) < rng.uniform(0.05, 0.1))
        shade = np.clip(colour * rng.uniform(0.7, 1.3), 0, 1)
        parts.append((Piece(tape, lid.normal, lid.u, lid.v), Surface(shade, gloss=0.25, shininess=15)))
    return parts


def cardboard_open_box(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, rotation = draw_colour(rng), shapes.rotation_matrix(rng, 0.7)
    x, y, z = (rotation[:, k] * s for k, s in enumerate(rng.uniform([0.4, 0.35, 0.25], [0.6, 0.5, 0.4])))
    z = z if z[2] >= 0 else -z
    parts: list[Part] = [_board(rng, shapes.panel(frame, -x - y - z, 2 * x, 2 * y), colour * np.float32(0.55))]
    walls = [(x, y), (-x, y), (y, x), (-y, x)]
    # The walls that face away show their inside. They are painted first, so that the near walls hide them.
    for out, along in sorted(walls, key=lambda wall: wall[0][2]):
        shade = np.float32(1.0 if out[2] > 0 else 0.65)
        parts.append(_board(rng, shapes.panel(frame, out - along - z, 2 * along, 2 * z), colour * shade))
    for out, along in walls:
        flap = out * rng.uniform(0.5, 0.95) + z * rng.uniform(-0.4, 0.5)
        parts.append(_board(rng, shapes.panel(frame, out - along + z, 2 * along, flap), colour))
    return parts


def cardboard_sheet(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour = draw_colour(rng)
    width, height = rng.uniform(0.6, 0.95), rng.uniform(0.45, 0.75)
    torn = 0.05 * np.abs(surfaces.noise(rng, 24)) * (frame.v < height - 0.1)
    sheet = shapes.rectangle(frame, width, height, torn)
    flutes = surfaces.waves(frame.u, rng.uniform(6, 10))
    fold = np.abs(frame.v - rng.uniform(-0.3, 0.3))
    sheet = bumped(bumped(sheet, flutes, rng.uniform(0.8, 2.0)), np.minimum(fold, 0.08), 25)
    return [(sheet, surfaces.matte(rng, colour, 0.06)), _cut_edge(frame, rng, width, height, colour)]


def _printed(rng: np.random.Generator, piece: Piece, colour: Field) -> Field:
    """The colours of paper with text, with ruled lines, or blank."""
    kind, ink = rng.random(), draw_colour(rng, 0.05, 0.5)
    texture = surfaces.fibre(rng, colour, 0.02)
    if kind < 0.75:
        lines = surfaces.print_lines(piece, rng, rng.uniform(6, 12), int(rng.integers(1, 4)))
        return surfaces.blend(texture, ink, 0.75 * lines)
    if kind < 0.9:
        return surfaces.blend(texture, ink, 0.5 * surfaces.stripes(piece.v, rng.uniform(5, 9), 0, 0.12))
    return texture


def paper_sheet(frame: Frame, rng: np.random.Generator) -> list[Part]:
    parts, colour = [], draw_colour(rng, 0.55)
    for _ in range(rng.integers(1, 4)):
        part = frame.moved(rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15), rng.uniform(-0.4, 0.4))
        sheet = shapes.rectangle(part, rng.uniform(0.5, 0.6), rng.uniform(0.68, 0.8))
        surface = Surface(_printed(rng, sheet, colour))
        parts.append((shapes.crumpled(sheet, part, rng, 3, rng.uniform(0.7, 1.5), rng.uniform(2, 16)), surface))
    return parts


def paper_ball(frame: Frame, rng: np.random.Generator) -> list[Part]:
    piece = shapes.blob(frame.moved(size=0.65), shapes.outline(rng, 13, 0.15), rng.uniform(0.4, 0.9))
    texture = _printed(rng, piece, draw_colour(rng, 0.55))
    return [(shapes.crumpled(piece, frame, rng, 6, rng.uniform(0.25, 0.5), rng.uniform(18, 34)), Surface(texture))]


def paper_envelope(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, width, height = draw_colour(rng, 0.5), rng.uniform(0.75, 0.95), rng.uniform(0.45, 0.6)
    sheet = shapes.rectangle(frame, width, height)
    inward = 1 - np.abs(sheet.u)
    flap = sheet.v + 1 - inward * rng.uniform(0.9, 1.3)
    seams = (np.abs(flap) < 0.04) | ((np.abs(1 - sheet.v - 0.85 * inward) < 0.03) & (flap > 0))
    shade = 1 - 0.3 * seams - 0.05 * (flap > 0)
    texture = surfaces.fibre(rng, colour, 0.02) * shade[..., None].astype(np.float32)
    return [(shapes.crumpled(sheet, frame, rng, 3, 1.0, rng.uniform(1, 8)), Surface(texture))]
