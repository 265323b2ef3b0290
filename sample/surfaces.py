"""The materials of the rendered objects, and the patterns on them."""

from __future__ import annotations

import numpy as np

from sample.scene import Field, Piece, Surface, bumped, draw_colour, noise


def blend(first: Field, second: Field, share: Field) -> Field:
    """A colour for each pixel: `first` where `share` is 0, `second` where it is 1."""
    return first + share[..., None] * (second - first)


def fibre(rng: np.random.Generator, colour: Field, strength: float) -> Field:
    """A colour with the grain of paper and board."""
    grain = 0.6 * noise(rng, 90) + 0.4 * noise(rng, 25)
    return np.clip(colour * (1 + np.float32(strength) * grain)[..., None], 0, 1)


def stripes(coordinate: Field, count: float, phase: float = 0.0, share: float = 0.5) -> Field:
    """`count` stripes for each unit of `coordinate`: 1 on the first `share` of each stripe, 0 on the rest."""
    return ((coordinate * np.float32(count) + np.float32(phase)) % 1 < share).astype(np.float32)


def waves(coordinate: Field, count: float) -> Field:
    """A sine, 0 to 1, with `count` waves for each unit: flutes, ribs and grooves."""
    return 0.5 + 0.5 * np.sin(coordinate * np.float32(2 * np.pi * count))


def print_lines(piece: Piece, rng: np.random.Generator, rows: float, columns: int = 1) -> Field:
    """The ink of printed text, 0 to 1: lines of words of different lengths along u, in columns, inside a margin."""
    line = np.floor(piece.v * np.float32(rows)).astype(np.int64)
    words = rng.random((64, 48))
    words[:, ::7] = 0
    position = np.floor(piece.u * 16).astype(np.int64) + 24
    ink = words[line % 64, np.clip(position, 0, 47)] > 0.22
    ink &= (piece.v * rows) % 1 < 0.5
    ink &= (np.abs(piece.u) < 0.82) & (np.abs(piece.v) < 0.85)
    if columns > 1:
        ink &= (piece.u * columns / 2 + 0.5 * columns) % 1 > 0.12
    return ink.astype(np.float32)


def label(rng: np.random.Generator, piece: Piece, colour: Field) -> Field:
    """A printed design: a ground colour, and a band and a patch of two other colours."""
    second, third = draw_colour(rng), draw_colour(rng)
    low = rng.uniform(-0.6, 0.3)
    band = (piece.v > low) & (piece.v < low + rng.uniform(0.1, 0.4))
    patch = (np.abs(piece.u - rng.uniform(-0.4, 0.4)) < 0.25) & (np.abs(piece.v - low) < rng.uniform(0.1, 0.3))
    return blend(blend(colour, second, band.astype(np.float32)), third, patch.astype(np.float32))


def matte(rng: np.random.Generator, colour: Field, grain: float = 0.05) -> Surface:
    """Paper and board: no highlight."""
    return Surface(fibre(rng, colour, grain) if colour.ndim == 1 else colour)


def plastic(rng: np.random.Generator, colour: Field, transparency: float = 0.0) -> Surface:
    """Semi-gloss, sometimes translucent."""
    return Surface(
        colour,
        gloss=rng.uniform(0.25, 0.6),
        shininess=rng.uniform(12, 45),
        reflectance=rng.uniform(0.0, 0.06),
        transparency=transparency,
        refraction=rng.uniform(0, 4),
    )


def glass(rng: np.random.Generator, colour: Field) -> Surface:
    """Transparent, tinted and refracting, with small hard highlights."""
    return Surface(
        0.35 + 0.65 * colour,
        gloss=rng.uniform(0.7, 1.1),
        shininess=rng.uniform(80, 220),
        reflectance=rng.uniform(0.05, 0.12),
        transparency=rng.uniform(0.82, 0.95),
        refraction=rng.uniform(8, 22),
    )


def metal(rng: np.random.Generator, colour: Field) -> Surface:
    """A tinted mirror."""
    return Surface(
        colour, gloss=rng.uniform(0.2, 0.6), shininess=rng.uniform(25, 80), reflectance=rng.uniform(0.55, 0.9)
    )


def brushed(piece: Piece, rng: np.random.Generator, strength: float = 0.5) -> Piece:
    """The piece with fine grooves along u, across which reflections are stretched."""
    grooves = rng.standard_normal(512, dtype=np.float32)
    return bumped(piece, grooves[np.floor(piece.v * 60).astype(np.int64) % 512], strength * 0.12)
