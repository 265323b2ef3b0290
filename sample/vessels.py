"""Objects of glass, of metal and of plastic."""

from __future__ import annotations

import numpy as np

from sample import shapes, surfaces
from sample.scene import Field, Frame, Part, Piece, Surface, bumped, draw_colour, scatter


def _bottle_profile(rng: np.random.Generator, shoulder: float, neck: float) -> Field:
    """The half-widths of a bottle from its mouth to its foot, in 64 steps."""
    steps = np.linspace(0, 1, 64)
    body = rng.uniform(0.28, 0.42)
    rise = 1 / (1 + np.exp(-(steps - shoulder) * rng.uniform(18, 40)))
    foot = np.minimum(1, 0.75 + (1 - steps) * 10)
    return ((neck + (body - neck) * rise) * foot).astype(np.float32)


def glass_bottle(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0, 0.25)
    profile = _bottle_profile(rng, rng.uniform(0.25, 0.45), rng.uniform(0.09, 0.14))
    body, material = shapes.solid_of_revolution(frame, profile, 1.0, tilt), surfaces.glass(rng, draw_colour(rng, 0.2))
    parts = [(body, material)]
    lip = shapes.solid_of_revolution(frame.moved(0, -0.95), [profile[0] * 1.3] * 2, 0.05, tilt)
    parts.append((lip, material))
    if rng.random() < 0.45:
        parts.append(sticker(rng, body, frame, 0.1, 0.7))
    return parts


def sticker(rng: np.random.Generator, body: Piece, frame: Frame, low: float, high: float) -> Part:
    """A paper or foil label around a body."""
    cover = body.cover * (body.v > low) * (body.v < high)
    piece = Piece(cover, body.normal, body.u, (body.v - low) / (high - low) * 2 - 1)
    return piece, Surface(surfaces.label(rng, piece, draw_colour(rng)), gloss=rng.uniform(0, 0.2))


def glass_jar(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.15, 0.6), rng.uniform(0.42, 0.6), rng.uniform(0.5, 0.75)
    profile = radius * np.concatenate([[0.82, 0.82, 0.84], np.full(24, 1.0), [0.97, 0.9]])
    body, material = (
        shapes.solid_of_revolution(frame, profile, length, tilt),
        surfaces.glass(rng, draw_colour(rng, 0.35)),
    )
    foot = shapes.disc(frame, length, radius * 0.85, tilt)
    mouth = shapes.disc(frame, -length, radius * 0.82, tilt)
    hollow = np.clip(np.hypot(mouth.u, mouth.v) * 6 - 4.6, 0, 1).astype(np.float32)
    parts: list[Part] = [(foot, material), (body, material), (bumped(mouth, hollow, 3.0), material)]
    if rng.random() < 0.3:
        parts.append(sticker(rng, body, frame, -0.5 * length, 0.6 * length))
    return parts


def glass_shards(frame: Frame, rng: np.random.Generator) -> list[Part]:
    material, parts = surfaces.glass(rng, draw_colour(rng, 0.25)), []
    for _ in range(rng.integers(3, 6)):
        part = scatter(frame, rng, 0.55, 0.4, 0.7)
        piece, distance = shapes.polygon(part, rng, int(rng.integers(3, 6)))
        bevel = np.clip(distance, 0, 0.09) - 0.3 * part.u**2
        parts.append((bumped(piece, bevel, rng.uniform(12, 30)), material))
    return parts


def metal_can(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.2, 0.65), rng.uniform(0.38, 0.52), rng.uniform(0.5, 0.8)
    profile = radius * np.concatenate([[0.88, 0.9, 0.96], np.full(26, 1.0), [0.96, 0.9]])
    body = shapes.solid_of_revolution(frame, profile, length, tilt)
    colour, material = draw_colour(rng), surfaces.metal(rng, draw_colour(rng, 0.7))
    dented = rng.random() < 0.4
    if rng.random() < 0.5:
        ribs = surfaces.waves(body.v, rng.uniform(4, 8)) * (np.abs(body.v) < 0.65 * length)
        side, cover = bumped(body, ribs, rng.uniform(2, 5)), surfaces.metal(rng, colour)
    else:
        side = body
        cover = Surface(surfaces.label(rng, body, colour), gloss=0.4, shininess=40, reflectance=rng.uniform(0.35, 0.6))
    if dented:
        side = shapes.crumpled(side, frame, rng, 4, 0.7, rng.uniform(8, 18))
    top = shapes.disc(frame, -length, radius * 0.88, tilt)
    return [(side, cover), (ridged(top, rng), material), *_tab(frame, rng, -length, radius, tilt)]


def ridged(piece: Piece, rng: np.random.Generator) -> Piece:
    """The piece with pressed rings, as on a lid."""
    distance = np.hypot(piece.u, piece.v)
    height = surfaces.waves(distance, rng.uniform(2.5, 5)) * (distance > 0.35)
    return bumped(piece, height.astype(np.float32), rng.uniform(2, 5))


def _tab(frame: Frame, rng: np.random.Generator, dv: float, radius: float, tilt: float) -> list[Part]:
    """The pull tab of a lid; half of the lids have one."""
    if rng.random() < 0.5:
        return []
    flat = Frame(frame.u / radius, (frame.v - dv) / (radius * max(tilt, 0.15)), frame.angle)
    tab = shapes.ring(flat.moved(rng.uniform(-0.3, 0.3), 0.2), 0.28, 0.1)
    return [(tab, surfaces.metal(rng, draw_colour(rng, 0.6)))]


def metal_lid(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0.55, 1.0)
    radius = rng.uniform(0.5, 0.75)
    material = surfaces.metal(rng, draw_colour(rng, 0.5))
    rim = shapes.solid_of_revolution(frame, [radius, radius], 0.06, tilt)
    top = brushed_disc(shapes.disc(frame, -0.06, radius * 0.97, tilt), rng)
    return [(rim, material), (ridged(top, rng), material), *_tab(frame, rng, -0.06, radius, tilt)]


def brushed_disc(piece: Piece, rng: np.random.Generator) -> Piece:
    """The piece with circular grooves, as from a lathe: reflections become bow ties."""
    distance = np.hypot(piece.u, piece.v)
    return surfaces.brushed(Piece(piece.cover, piece.normal, piece.u, distance), rng, rng.uniform(0.5, 1.5))


def metal_foil(frame: Frame, rng: np.random.Generator) -> list[Part]:
    corners = int(rng.integers(9, 16))
    piece = shapes.blob(frame.moved(size=0.75), shapes.outline(rng, corners, 0.25), rng.uniform(0.1, 0.8))
    piece = shapes.crumpled(piece, frame, rng, 6, rng.uniform(0.2, 0.4), rng.uniform(22, 45))
    return [(piece, surfaces.metal(rng, draw_colour(rng, 0.6)))]


def plastic_bottle(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0, 0.25)
    profile = _bottle_profile(rng, rng.uniform(0.15, 0.35), rng.uniform(0.12, 0.18))
    body = shapes.solid_of_revolution(frame, profile, 0.95, tilt)
    material = surfaces.plastic(rng, draw_colour(rng, 0.4), rng.choice([0.0, 0.0, 0.3]))
    ribs = surfaces.waves(body.v, rng.uniform(2.5, 6)) * (np.abs(body.v - 0.3) < 0.45)
    side = bumped(body, ribs.astype(np.float32), rng.uniform(2, 7))
    side = shapes.crumpled(side, frame, rng, 3, 0.8, rng.uniform(0, 14))
    cap = shapes.solid_of_revolution(frame.moved(0, -0.92), [profile[0] * 1.25] * 2, 0.1, tilt)
    cap = bumped(cap, surfaces.waves(cap.u, 5), 3)
    parts: list[Part] = [(side, material), (cap, surfaces.plastic(rng, draw_colour(rng)))]
    if rng.random() < 0.5:
        parts.insert(1, sticker(rng, body, frame, -0.1, 0.45))
    return parts


def plastic_bag(frame: Frame, rng: np.random.Generator) -> list[Part]:
    corners = int(rng.integers(7, 12))
    piece = shapes.blob(frame.moved(size=0.8), shapes.outline(rng, corners, 0.22), rng.uniform(0.2, 0.7))
    # The folds meet at the knot, at the top of the bag.
    gather = np.arctan2(frame.u, frame.v + 1.1) * np.float32(rng.uniform(4, 9))
    folds = np.abs(surfaces.noise(rng, 7)) + np.abs(np.sin(gather + surfaces.noise(rng, 4)))
    piece = bumped(piece, folds, rng.uniform(3, 9))
    material = surfaces.plastic(rng, draw_colour(rng), rng.choice([0.0, 0.0, 0.3]))
    parts: list[Part] = [(piece, material)]
    for side in rng.choice([-0.3, 0.3], rng.integers(0, 3), replace=False):
        parts.insert(0, (shapes.ring(frame.moved(side, -0.75), 0.25, 0.07), material))
    return parts


def plastic_canister(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, width = draw_colour(rng), rng.uniform(0.4, 0.55)
    # A superellipse has the round edges of a moulded body.
    distance = ((np.abs(frame.u) / width) ** 4 + (np.abs(frame.v) / 0.7) ** 4) ** 0.25
    height = np.sqrt(np.clip(1 - distance**3, 0, 1))
    body = bumped(shapes.make_piece(frame, distance < 1, 0.0, 0.0), height, rng.uniform(15, 35))
    material = surfaces.plastic(rng, colour, rng.choice([0.0, 0.3]))
    neck = shapes.solid_of_revolution(frame.moved(rng.uniform(-0.2, 0.2), -0.76), [0.13, 0.13], 0.12, 0.1)
    cap = bumped(neck, surfaces.waves(neck.u, 4), 3)
    parts: list[Part] = [(body, material), (cap, surfaces.plastic(rng, draw_colour(rng)))]
    if rng.random() < 0.6:
        cover = body.cover * (np.abs(frame.u) < 0.7 * width) * (np.abs(frame.v - 0.1) < 0.35)
        sticker = Piece(cover, body.normal, frame.u / width, (frame.v - 0.1) / 0.35)
        parts.append((sticker, Surface(surfaces.label(rng, sticker, draw_colour(rng)), gloss=0.2)))
    return parts
