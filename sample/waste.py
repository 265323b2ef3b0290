"""The six classes of waste, each as a few kinds of objects: what a part is shaped like and made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample import shapes, surfaces
from sample.scene import Field, Frame, Part, Piece, Surface, bumped, draw_colour, strewn

Kind = Callable[[Frame, np.random.Generator], list[Part]]
BLACK = np.array([0.08, 0.08, 0.09], np.float32)


def _board(rng: np.random.Generator, piece: Piece, colour: Field) -> Part:
    """A face of corrugated board: the flutes show through faintly."""
    flutes = surfaces.waves(piece.v if rng.random() < 0.5 else piece.u, rng.uniform(8, 14))
    lit = bumped(piece, flutes, rng.uniform(0.1, 0.35))
    return lit, surfaces.matte(rng, colour, 0.05)


def _cut_edge(frame: Frame, rng: np.random.Generator, width: float, height: float, colour: Field) -> Part:
    """The open edge of corrugated board along the bottom of a sheet: a zigzag between two liners."""
    edge = shapes.rectangle(frame.moved(0, height), width, 0.055)
    zigzag = np.abs((frame.u * np.float32(rng.uniform(7, 11))) % 1 - 0.5) * 4 - 1
    dark = np.clip(1 - 2.2 * np.abs(edge.v - 0.7 * zigzag), 0, 1) * (np.abs(edge.v) < 0.8)
    return edge, Surface(surfaces.blend(colour * np.float32(0.4), colour, dark.astype(np.float32)))


def cardboard_box(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, turn = draw_colour(rng), shapes.turn_matrix(rng)
    faces = shapes.cuboid(frame, rng.uniform([0.45, 0.4, 0.2], [0.75, 0.65, 0.55]), turn)
    parts = [_board(rng, face, colour) for face in faces]
    if rng.random() < 0.7:
        lid = faces[2]
        tape = lid.cover * (np.abs(lid.v - 0.5) < rng.uniform(0.05, 0.1))
        shade = np.clip(colour * rng.uniform(0.7, 1.3), 0, 1)
        parts.append((Piece(tape, lid.normal, lid.u, lid.v), Surface(shade, gloss=0.25, shininess=15)))
    return parts


def cardboard_open_box(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, turn = draw_colour(rng), shapes.turn_matrix(rng, 0.7)
    x, y, z = (turn[:, k] * s for k, s in enumerate(rng.uniform([0.4, 0.35, 0.25], [0.6, 0.5, 0.4])))
    z = z if z[2] >= 0 else -z
    parts: list[Part] = [
        _board(rng, shapes.panel(frame, -x - y - z, 2 * x, 2 * y), colour * np.float32(0.55))
    ]
    walls = [(x, y), (-x, y), (y, x), (-y, x)]
    # Walls that face away show their inside and are painted first, so that the near ones hide them.
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
    sheet = bumped(bumped(sheet, flutes, rng.uniform(0.3, 1.6)), np.minimum(fold, 0.08), 25)
    return [(sheet, surfaces.matte(rng, colour, 0.06)), _cut_edge(frame, rng, width, height, colour)]


def cardboard_tube(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, tilt = draw_colour(rng), rng.uniform(0.3, 0.7)
    radius, length = rng.uniform(0.28, 0.45), rng.uniform(0.5, 0.8)
    body = shapes.turned(frame, [radius, radius], length, tilt)
    seam = surfaces.stripes(body.v + 0.4 * body.u, rng.uniform(1.2, 2), rng.random(), 0.06)
    skin = surfaces.blend(surfaces.fibre(rng, colour, 0.06), colour * np.float32(0.6), seam)
    rim = shapes.disc(frame, -length, radius, tilt)
    hole = shapes.disc(frame, -length, radius * 0.86, tilt)
    inside = surfaces.blend(colour * np.float32(0.2), colour * np.float32(0.6), np.clip(hole.v + 0.5, 0, 1))
    return [(body, Surface(skin)), (rim, surfaces.matte(rng, colour)), (hole, Surface(inside))]


def _bottle(rng: np.random.Generator, shoulder: float, neck: float) -> Field:
    """Half-widths from the mouth to the foot of a bottle, 64 steps."""
    steps = np.linspace(0, 1, 64)
    body = rng.uniform(0.28, 0.42)
    rise = 1 / (1 + np.exp(-(steps - shoulder) * rng.uniform(18, 40)))
    foot = np.minimum(1, 0.75 + (1 - steps) * 10)
    return ((neck + (body - neck) * rise) * foot).astype(np.float32)


def glass_bottle(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0, 0.25)
    profile = _bottle(rng, rng.uniform(0.25, 0.45), rng.uniform(0.09, 0.14))
    body, matter = shapes.turned(frame, profile, 1.0, tilt), surfaces.glass(rng, draw_colour(rng, 0.2))
    parts = [(body, matter)]
    lip = shapes.turned(frame.moved(0, -0.95), [profile[0] * 1.3] * 2, 0.05, tilt)
    parts.append((lip, matter))
    if rng.random() < 0.45:
        parts.append(_band(rng, body, frame, 0.1, 0.7))
    return parts


def _band(rng: np.random.Generator, body: Piece, frame: Frame, low: float, high: float) -> Part:
    """A paper or foil label around a body."""
    cover = body.cover * (body.v > low) * (body.v < high)
    piece = Piece(cover, body.normal, body.u, (body.v - low) / (high - low) * 2 - 1)
    return piece, Surface(surfaces.label(rng, piece, draw_colour(rng)), gloss=rng.uniform(0, 0.2))


def glass_jar(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.15, 0.6), rng.uniform(0.42, 0.6), rng.uniform(0.5, 0.75)
    profile = radius * np.concatenate([[0.82, 0.82, 0.84], np.full(24, 1.0), [0.97, 0.9]])
    body, matter = shapes.turned(frame, profile, length, tilt), surfaces.glass(rng, draw_colour(rng, 0.35))
    foot = shapes.disc(frame, length, radius * 0.85, tilt)
    mouth = shapes.disc(frame, -length, radius * 0.82, tilt)
    hollow = np.clip(np.hypot(mouth.u, mouth.v) * 6 - 4.6, 0, 1).astype(np.float32)
    parts: list[Part] = [(foot, matter), (body, matter), (bumped(mouth, hollow, 3.0), matter)]
    if rng.random() < 0.3:
        parts.append(_band(rng, body, frame, -0.5 * length, 0.6 * length))
    return parts


def glass_tumbler(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.2, 0.6), rng.uniform(0.45, 0.6), rng.uniform(0.5, 0.8)
    narrow = rng.uniform(0.65, 0.95)
    body = shapes.turned(frame, np.linspace(radius, radius * narrow, 16), length, tilt)
    facets = surfaces.waves(np.arcsin(np.clip(body.u, -1, 1)), rng.uniform(1.5, 3.5))
    matter = surfaces.glass(rng, draw_colour(rng, 0.4))
    mouth = shapes.disc(frame, -length, radius, tilt)
    rim = np.clip(np.hypot(mouth.u, mouth.v) * 8 - 7, 0, 1).astype(np.float32)
    return [
        (shapes.disc(frame, length * 0.85, radius * narrow * 0.9, tilt), matter),
        (bumped(body, facets, rng.uniform(0, 3)), matter),
        (bumped(mouth, rim, 4.0), matter),
    ]


def glass_shards(frame: Frame, rng: np.random.Generator) -> list[Part]:
    matter, parts = surfaces.glass(rng, draw_colour(rng, 0.25)), []
    for _ in range(rng.integers(3, 6)):
        part = strewn(frame, rng, 0.55, 0.4, 0.7)
        piece, distance = shapes.polygon(part, rng, int(rng.integers(3, 6)))
        bevel = np.clip(distance, 0, 0.09) - 0.3 * part.u**2
        parts.append((bumped(piece, bevel, rng.uniform(12, 30)), matter))
    return parts


def metal_can(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.2, 0.65), rng.uniform(0.38, 0.52), rng.uniform(0.5, 0.8)
    profile = radius * np.concatenate([[0.88, 0.9, 0.96], np.full(26, 1.0), [0.96, 0.9]])
    body = shapes.turned(frame, profile, length, tilt)
    skin, matter = draw_colour(rng), surfaces.metal(rng, draw_colour(rng, 0.7))
    dented = rng.random() < 0.4
    if rng.random() < 0.5:
        ribs = surfaces.waves(body.v, rng.uniform(4, 8)) * (np.abs(body.v) < 0.65 * length)
        side, cover = bumped(body, ribs, rng.uniform(2, 5)), surfaces.metal(rng, skin)
    else:
        side = body
        cover = Surface(
            surfaces.label(rng, body, skin), gloss=0.4, shininess=40, mirror=rng.uniform(0.35, 0.6)
        )
    if dented:
        side = shapes.crumpled(side, frame, rng, 4, 0.7, rng.uniform(8, 18))
    top = shapes.disc(frame, -length, radius * 0.88, tilt)
    return [(side, cover), (_ridged(top, rng), matter), *_tab(frame, rng, -length, radius, tilt)]


def _ridged(piece: Piece, rng: np.random.Generator) -> Piece:
    """A lid with pressed rings."""
    distance = np.hypot(piece.u, piece.v)
    height = surfaces.waves(distance, rng.uniform(2.5, 5)) * (distance > 0.35)
    return bumped(piece, height.astype(np.float32), rng.uniform(2, 5))


def _tab(frame: Frame, rng: np.random.Generator, dv: float, radius: float, tilt: float) -> list[Part]:
    """The pull tab of a lid, on every second one."""
    if rng.random() < 0.5:
        return []
    flat = Frame(frame.u / radius, (frame.v - dv) / (radius * max(tilt, 0.15)), frame.angle)
    tab = shapes.ring(flat.moved(rng.uniform(-0.3, 0.3), 0.2), 0.28, 0.1)
    return [(tab, surfaces.metal(rng, draw_colour(rng, 0.6)))]


def metal_lid(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0.55, 1.0)
    radius = rng.uniform(0.5, 0.75)
    matter = surfaces.metal(rng, draw_colour(rng, 0.5))
    rim = shapes.turned(frame, [radius, radius], 0.06, tilt)
    top = brushed_disc(shapes.disc(frame, -0.06, radius * 0.97, tilt), rng)
    return [(rim, matter), (_ridged(top, rng), matter), *_tab(frame, rng, -0.06, radius, tilt)]


def brushed_disc(piece: Piece, rng: np.random.Generator) -> Piece:
    """Grooves around the centre, as a lathe leaves them: reflections become a bow tie."""
    distance = np.hypot(piece.u, piece.v)
    return surfaces.brushed(Piece(piece.cover, piece.normal, piece.u, distance), rng, rng.uniform(0.5, 1.5))


def metal_foil(frame: Frame, rng: np.random.Generator) -> list[Part]:
    corners = int(rng.integers(9, 16))
    piece = shapes.blob(frame.moved(size=0.75), shapes.outline(rng, corners, 0.25), rng.uniform(0.1, 0.8))
    piece = shapes.crumpled(piece, frame, rng, 6, rng.uniform(0.2, 0.4), rng.uniform(22, 45))
    return [(piece, surfaces.metal(rng, draw_colour(rng, 0.6)))]


def metal_tray(frame: Frame, rng: np.random.Generator) -> list[Part]:
    width, height = rng.uniform(0.6, 0.85), rng.uniform(0.4, 0.6)
    tray = shapes.rectangle(frame, width, height)
    depth = np.minimum(width - np.abs(frame.u), height - np.abs(frame.v))
    bowl = -np.clip(depth - 0.08, 0, 0.2) + 0.02 * surfaces.waves(frame.u + frame.v, 9) * (depth < 0.08)
    piece = shapes.crumpled(bumped(tray, bowl.astype(np.float32), 60), frame, rng, 4, 0.6, rng.uniform(3, 12))
    return [(piece, surfaces.metal(rng, draw_colour(rng, 0.6)))]


def _printed(rng: np.random.Generator, piece: Piece, colour: Field) -> Field:
    """Paper with text, ruled lines or nothing on it."""
    kind, ink = rng.random(), draw_colour(rng, 0.05, 0.5)
    skin = surfaces.fibre(rng, colour, 0.02)
    if kind < 0.6:
        lines = surfaces.print_lines(piece, rng, rng.uniform(6, 12), int(rng.integers(1, 4)))
        return surfaces.blend(skin, ink, 0.75 * lines)
    if kind < 0.8:
        return surfaces.blend(skin, ink, 0.5 * surfaces.stripes(piece.v, rng.uniform(5, 9), 0, 0.12))
    return skin


def paper_sheet(frame: Frame, rng: np.random.Generator) -> list[Part]:
    parts, colour = [], draw_colour(rng, 0.55)
    for _ in range(rng.integers(1, 4)):
        part = frame.moved(rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15), rng.uniform(-0.4, 0.4))
        sheet = shapes.rectangle(part, rng.uniform(0.5, 0.6), rng.uniform(0.68, 0.8))
        skin = Surface(_printed(rng, sheet, colour))
        parts.append((shapes.crumpled(sheet, part, rng, 3, rng.uniform(0.7, 1.5), rng.uniform(2, 16)), skin))
    return parts


def paper_ball(frame: Frame, rng: np.random.Generator) -> list[Part]:
    piece = shapes.blob(frame.moved(size=0.65), shapes.outline(rng, 13, 0.15), rng.uniform(0.4, 0.9))
    skin = _printed(rng, piece, draw_colour(rng, 0.55))
    return [
        (shapes.crumpled(piece, frame, rng, 6, rng.uniform(0.25, 0.5), rng.uniform(18, 34)), Surface(skin))
    ]


def paper_torn(frame: Frame, rng: np.random.Generator) -> list[Part]:
    parts: list[Part] = []
    for _ in range(rng.integers(2, 5)):
        part = strewn(frame, rng, 0.4, 0.5, 0.75)
        torn = 0.08 * np.abs(surfaces.noise(rng, 30))
        sheet = shapes.rectangle(part, rng.uniform(0.5, 0.9), rng.uniform(0.4, 0.8), torn)
        skin = _printed(rng, sheet, draw_colour(rng, 0.55))
        parts.append((shapes.crumpled(sheet, part, rng, 3, 0.8, rng.uniform(3, 12)), Surface(skin)))
    return parts


def paper_envelope(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, width, height = draw_colour(rng, 0.5), rng.uniform(0.75, 0.95), rng.uniform(0.45, 0.6)
    sheet = shapes.rectangle(frame, width, height)
    inward = 1 - np.abs(sheet.u)
    flap = sheet.v + 1 - inward * rng.uniform(0.9, 1.3)
    seams = (np.abs(flap) < 0.04) | ((np.abs(1 - sheet.v - 0.85 * inward) < 0.03) & (flap > 0))
    shade = 1 - 0.3 * seams - 0.05 * (flap > 0)
    skin = surfaces.fibre(rng, colour, 0.02) * shade[..., None].astype(np.float32)
    return [(shapes.crumpled(sheet, frame, rng, 3, 1.0, rng.uniform(1, 8)), Surface(skin))]


def plastic_bottle(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt = rng.uniform(0, 0.25)
    profile = _bottle(rng, rng.uniform(0.15, 0.35), rng.uniform(0.12, 0.18))
    body = shapes.turned(frame, profile, 0.95, tilt)
    matter = surfaces.plastic(rng, draw_colour(rng, 0.4), rng.choice([0.0, 0.55, 0.75]))
    ribs = surfaces.waves(body.v, rng.uniform(2.5, 6)) * (np.abs(body.v - 0.3) < 0.45)
    side = bumped(body, ribs.astype(np.float32), rng.uniform(2, 7))
    side = shapes.crumpled(side, frame, rng, 3, 0.8, rng.uniform(0, 14))
    cap = shapes.turned(frame.moved(0, -0.92), [profile[0] * 1.25] * 2, 0.1, tilt)
    cap = bumped(cap, surfaces.waves(cap.u, 5), 3)
    parts: list[Part] = [(side, matter), (cap, surfaces.plastic(rng, draw_colour(rng)))]
    if rng.random() < 0.5:
        parts.insert(1, _band(rng, body, frame, -0.1, 0.45))
    return parts


def plastic_bag(frame: Frame, rng: np.random.Generator) -> list[Part]:
    corners = int(rng.integers(7, 12))
    piece = shapes.blob(frame.moved(size=0.8), shapes.outline(rng, corners, 0.22), rng.uniform(0.2, 0.7))
    # Folds run together at the knot, at the top of the bag.
    gather = np.arctan2(frame.u, frame.v + 1.1) * np.float32(rng.uniform(4, 9))
    folds = np.abs(surfaces.noise(rng, 7)) + np.abs(np.sin(gather + surfaces.noise(rng, 4)))
    piece = bumped(piece, folds, rng.uniform(3, 9))
    matter = surfaces.plastic(rng, draw_colour(rng), rng.choice([0.0, 0.3, 0.6]))
    parts: list[Part] = [(piece, matter)]
    for side in rng.choice([-0.3, 0.3], rng.integers(0, 3), replace=False):
        parts.insert(0, (shapes.ring(frame.moved(side, -0.75), 0.25, 0.07), matter))
    return parts


def plastic_cup(frame: Frame, rng: np.random.Generator) -> list[Part]:
    tilt, radius, length = rng.uniform(0.25, 0.6), rng.uniform(0.42, 0.55), rng.uniform(0.5, 0.7)
    body = shapes.turned(frame, np.linspace(radius, radius * rng.uniform(0.6, 0.8), 16), length, tilt)
    matter = surfaces.plastic(rng, draw_colour(rng), rng.choice([0.0, 0.3, 0.6]))
    body = bumped(body, surfaces.waves(body.v, rng.uniform(3, 7)), rng.uniform(0, 5))
    mouth = shapes.disc(frame, -length, radius, tilt)
    hole = shapes.disc(frame, -length, radius * 0.92, tilt)
    dip = -0.5 * (hole.u**2 + hole.v**2)
    inside = Surface(matter.albedo * np.float32(0.75), gloss=0.2, shininess=20, clear=matter.clear)
    return [(body, matter), (mouth, matter), (bumped(hole, -dip, 30), inside)]


def plastic_canister(frame: Frame, rng: np.random.Generator) -> list[Part]:
    colour, width = draw_colour(rng), rng.uniform(0.4, 0.55)
    # A superellipse: a moulded body with round edges.
    distance = ((np.abs(frame.u) / width) ** 4 + (np.abs(frame.v) / 0.7) ** 4) ** 0.25
    height = np.sqrt(np.clip(1 - distance**3, 0, 1))
    body = bumped(shapes.make_piece(frame, distance < 1, 0.0, 0.0), height, rng.uniform(15, 35))
    matter = surfaces.plastic(rng, colour, rng.choice([0.0, 0.3]))
    neck = shapes.turned(frame.moved(rng.uniform(-0.2, 0.2), -0.76), [0.13, 0.13], 0.12, 0.1)
    cap = bumped(neck, surfaces.waves(neck.u, 4), 3)
    parts: list[Part] = [(body, matter), (cap, surfaces.plastic(rng, draw_colour(rng)))]
    if rng.random() < 0.6:
        cover = body.cover * (np.abs(frame.u) < 0.7 * width) * (np.abs(frame.v - 0.1) < 0.35)
        sticker = Piece(cover, body.normal, frame.u / width, (frame.v - 0.1) / 0.35)
        parts.append((sticker, Surface(surfaces.label(rng, sticker, draw_colour(rng)), gloss=0.2)))
    return parts


def trash_wrapper(frame: Frame, rng: np.random.Generator) -> list[Part]:
    width, height = rng.uniform(0.7, 0.95), rng.uniform(0.3, 0.5)
    teeth = 0.05 * np.abs((frame.v * np.float32(rng.uniform(8, 14))) % 1 - 0.5) * 2
    sheet = shapes.rectangle(frame, width, height, teeth.astype(np.float32))
    crimp = surfaces.waves(sheet.u, 14) * (np.abs(sheet.u) > 0.82)
    belly = np.clip(1 - sheet.u**2, 0, 1) * np.clip(1 - sheet.v**2, 0, 1)
    piece = bumped(bumped(sheet, crimp.astype(np.float32), 2.5), belly, rng.uniform(10, 30))
    piece = shapes.crumpled(piece, frame, rng, 5, rng.uniform(0.3, 0.6), rng.uniform(6, 22))
    skin = surfaces.label(rng, piece, draw_colour(rng))
    return [(piece, Surface(skin, gloss=0.5, shininess=30, mirror=rng.uniform(0.05, 0.35)))]


def trash_bits(frame: Frame, rng: np.random.Generator) -> list[Part]:
    parts: list[Part] = []
    for _ in range(rng.integers(4, 9)):
        part = strewn(frame, rng, 0.7, 0.18, 0.4)
        colour, kind = draw_colour(rng), rng.integers(4)
        if kind == 0:
            piece = shapes.turned(part, [0.18, 0.18], 1.0, 0.1)
            matter = surfaces.plastic(
                rng, surfaces.blend(colour, draw_colour(rng), surfaces.stripes(piece.v, 3))
            )
        elif kind == 1:
            piece = shapes.blob(part, shapes.outline(rng, 9, 0.3), 0.6)
            piece = shapes.crumpled(piece, part, rng, 4, 0.6, 15)
            matter = Surface(surfaces.fibre(rng, colour, 0.08))
        elif kind == 2:
            piece, matter = shapes.ring(part, 0.7, 0.2), surfaces.plastic(rng, colour)
        else:
            piece = shapes.crumpled(shapes.rectangle(part, 0.9, 0.7), part, rng, 4, 0.7, 12)
            matter = Surface(surfaces.label(rng, piece, colour), gloss=0.3, mirror=rng.uniform(0, 0.4))
        parts.append((piece, matter))
    return parts


def trash_takeaway(frame: Frame, rng: np.random.Generator) -> list[Part]:
    """A cup of coated paper with its lid of another colour and a straw through it."""
    tilt, radius, length = rng.uniform(0.2, 0.5), rng.uniform(0.38, 0.48), rng.uniform(0.5, 0.65)
    body = shapes.turned(frame, np.linspace(radius, radius * 0.7, 16), length, tilt)
    skin = Surface(surfaces.label(rng, body, draw_colour(rng)), gloss=rng.uniform(0, 0.2))
    lid = surfaces.plastic(rng, draw_colour(rng))
    rim = shapes.turned(frame.moved(0, -length), [radius * 1.08] * 2, 0.06, tilt)
    top = shapes.disc(frame, -length - 0.06, radius * 1.05, tilt)
    body = shapes.crumpled(body, frame, rng, 4, 0.6, rng.uniform(0, 18))
    parts: list[Part] = [(body, skin), (rim, lid), (_ridged(top, rng), lid)]
    if rng.random() < 0.7:
        straw = shapes.turned(
            frame.moved(0.05, -length - 0.35, rng.uniform(-0.4, 0.4)), [0.04, 0.04], 0.38, 0.0
        )
        twist = surfaces.stripes(straw.v + 0.05 * straw.u, 8)
        parts.append(
            (straw, surfaces.plastic(rng, surfaces.blend(draw_colour(rng), draw_colour(rng), twist)))
        )
    return parts


def trash_foam_tray(frame: Frame, rng: np.random.Generator) -> list[Part]:
    """A foam tray with scraps of film and food stuck to it."""
    width, height = rng.uniform(0.65, 0.85), rng.uniform(0.45, 0.6)
    depth = np.minimum(width - np.abs(frame.u), height - np.abs(frame.v))
    bowl = -np.clip(depth, 0, 0.22) + 0.01 * surfaces.waves(frame.u, 6) * (depth > 0.22)
    tray = bumped(shapes.rectangle(frame, width, height), bowl.astype(np.float32), rng.uniform(30, 60))
    parts: list[Part] = [(tray, Surface(surfaces.fibre(rng, draw_colour(rng, 0.6), 0.07)))]
    for _ in range(rng.integers(2, 5)):
        part = strewn(frame, rng, 0.4, 0.15, 0.35)
        scrap = shapes.blob(part, shapes.outline(rng, 8, 0.35), 0.7)
        scrap = shapes.crumpled(scrap, part, rng, 3, 0.7, 12)
        colour = surfaces.fibre(rng, draw_colour(rng, 0.15), 0.15)
        parts.append((scrap, Surface(colour, gloss=rng.uniform(0, 0.5), clear=rng.choice([0.0, 0.0, 0.5]))))
    return parts


KINDS: dict[str, tuple[Kind, ...]] = {
    "cardboard": (cardboard_box, cardboard_open_box, cardboard_sheet, cardboard_tube),
    "glass": (glass_bottle, glass_jar, glass_tumbler, glass_shards),
    "metal": (metal_can, metal_lid, metal_foil, metal_tray),
    "paper": (paper_sheet, paper_ball, paper_torn, paper_envelope),
    "plastic": (plastic_bottle, plastic_bag, plastic_cup, plastic_canister),
    "trash": (trash_wrapper, trash_bits, trash_takeaway, trash_foam_tray),
}
