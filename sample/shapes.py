"""Geometry: where each shape is visible in its frame, and the normals of its surface there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sample.scene import Field, Frame, Piece, bumped, make_piece, noise


def solid_of_revolution(frame: Frame, profile: Sequence[float] | Field, length: float, tilt: float) -> Piece:
    """A solid of revolution along v, from -length to length, with half-widths `profile` at even steps.

    `tilt`, 0 to 0.8, is how far the bottom leans towards the viewer, so that circles become ellipses. The piece's `u`
    runs from -1 to 1 across the visible side, its `v` along the axis.
    """
    widths = np.asarray(profile, np.float32)
    curve = np.sqrt(np.maximum(widths.max() ** 2 - frame.u**2, 0)) * np.float32(tilt)
    along = frame.v - curve
    steps = np.linspace(-length, length, len(widths), dtype=np.float32)
    width = np.interp(along, steps, widths).astype(np.float32)
    slope = np.interp(along, steps, np.gradient(widths, steps)).astype(np.float32)
    across = frame.u / np.maximum(width, 1e-3)
    inside = (np.abs(across) < 1) & (np.abs(along) < length)
    lean = np.clip(slope, -1.5, 1.5) * np.sqrt(np.maximum(1 - across**2, 0))
    scale = 1 / np.sqrt(1 + lean**2)
    piece = make_piece(frame, inside, across * scale, -lean * scale + 0.3 * tilt)
    return Piece(piece.cover, piece.normal, across, along)


def disc(frame: Frame, dv: float, radius: float, tilt: float) -> Piece:
    """A flat disc centred at (0, dv), an ellipse `tilt` times as high as wide; its `u` and `v` are in radii."""
    u, v = frame.u / radius, (frame.v - dv) / (radius * max(tilt, 0.05))
    piece = make_piece(frame, u**2 + v**2 < 1, 0.0, -0.7 * (1 - min(tilt, 1.0)))
    return Piece(piece.cover, piece.normal, u, v)


def ball(frame: Frame, radius: float = 1.0, flat: float = 1.0) -> Piece:
    """A ball, or a dome with less slope if `flat` is below 1."""
    u, v = frame.u / radius, frame.v / radius
    piece = make_piece(frame, u**2 + v**2 < 1, flat * u, flat * v)
    return Piece(piece.cover, piece.normal, u, v)


def ring(frame: Frame, radius: float, thickness: float) -> Piece:
    """A flat torus. Its `u` runs across the tube, its `v` around the ring, in radians."""
    distance = np.hypot(frame.u, frame.v) + 1e-6
    across = (distance - radius) / thickness
    piece = make_piece(frame, np.abs(across) < 1, across * frame.u / distance, across * frame.v / distance)
    return Piece(piece.cover, piece.normal, across, np.arctan2(frame.v, frame.u))


def rotation_matrix(rng: np.random.Generator, most: float = 0.9) -> NDArray[np.float64]:
    """A rotation in space: about the line of sight by any angle, then a tilt by 0.3 to `most` radians."""
    spin, tip = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, most)
    about_z = np.array([[np.cos(spin), -np.sin(spin), 0], [np.sin(spin), np.cos(spin), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tip), -np.sin(tip)], [0, np.sin(tip), np.cos(tip)]])
    return about_x @ about_z


def panel(frame: Frame, corner: NDArray[np.float64], side_a: NDArray[np.float64], side_b: NDArray[np.float64]) -> Piece:
    """A parallelogram in space, given by points (x, y, z); its `u` and `v` run from 0 to 1 along its sides."""
    determinant = side_a[0] * side_b[1] - side_a[1] * side_b[0]
    if abs(determinant) < 1e-3:
        determinant = 1e-3
    x, y = frame.u - np.float32(corner[0]), frame.v - np.float32(corner[1])
    a = (x * np.float32(side_b[1]) - y * np.float32(side_b[0])) / np.float32(determinant)
    b = (y * np.float32(side_a[0]) - x * np.float32(side_a[1])) / np.float32(determinant)
    normal = np.cross(side_a, side_b)
    normal /= np.linalg.norm(normal) * (1 if normal[2] >= 0 else -1)
    inside = (a > 0) & (a < 1) & (b > 0) & (b < 1)
    piece = make_piece(frame, inside, float(normal[0]), float(normal[1]))
    return Piece(piece.cover, piece.normal, a, b)


def cuboid(frame: Frame, size: Sequence[float] | Field, rotation: NDArray[np.float64]) -> list[Piece]:
    """The three visible faces of a box with half-edges `size`, rotated by the matrix `rotation`."""
    axes = [rotation[:, k] * size[k] for k in range(3)]
    faces = []
    for k in range(3):
        out = axes[k] if axes[k][2] >= 0 else -axes[k]
        a, b = axes[(k + 1) % 3], axes[(k + 2) % 3]
        faces.append(panel(frame, out - a - b, 2 * a, 2 * b))
    return faces


def outline(rng: np.random.Generator, corners: int, rough: float) -> Field:
    """The radii, at even angles, of a closed line around a centre: about 1, uneven by up to `rough`."""
    radii = 1 + rough * rng.uniform(-1, 1, corners)
    return np.append(radii, radii[0]).astype(np.float32)


def blob(frame: Frame, radii: Field, dome: float) -> Piece:
    """A lump within the line `radii` (see `outline`): flat if `dome` is 0, round if it is 1."""
    angles = np.linspace(-np.pi, np.pi, len(radii), dtype=np.float32)
    limit = np.interp(np.arctan2(frame.v, frame.u), angles, radii).astype(np.float32)
    distance = np.hypot(frame.u, frame.v) / limit
    slope = np.float32(dome) * np.minimum(distance, 1) ** 2 / np.maximum(distance, 1e-3)
    return make_piece(frame, distance < 1, slope * frame.u / limit, slope * frame.v / limit)


def polygon(frame: Frame, rng: np.random.Generator, corners: int) -> tuple[Piece, Field]:
    """A flat convex piece with straight edges, and the distance of each point to the nearest edge."""
    angles = np.arange(corners) * 2 * np.pi / corners + rng.uniform(-0.5, 0.5, corners)
    reaches = rng.uniform(0.35, 1.0, corners)
    distance = np.full_like(frame.u, np.inf)
    for angle, reach in zip(angles, reaches, strict=True):
        across = frame.u * np.float32(np.cos(angle)) + frame.v * np.float32(np.sin(angle))
        distance = np.minimum(distance, np.float32(reach) - across)
    return make_piece(frame, (distance > 0) & (np.hypot(frame.u, frame.v) < 1.3), 0.0, 0.0), distance


def rectangle(frame: Frame, width: float, height: float, jagged: Field | float = 0.0) -> Piece:
    """A flat sheet of a half-width and a half-height; `jagged`, in the same unit, is cut off from its four edges."""
    inside = (np.abs(frame.u) < width - jagged) & (np.abs(frame.v) < height - jagged)
    piece = make_piece(frame, inside, 0.0, 0.0)
    return Piece(piece.cover, piece.normal, frame.u / width, frame.v / height)


def star(frame: Frame, points: int, depth: float) -> Piece:
    """A flat star with `points` rounded arms; `depth`, 0 to 1, is how far the gaps reach in."""
    limit = 1 - depth * (0.5 - 0.5 * np.cos(points * np.arctan2(frame.v, frame.u)))
    return make_piece(frame, np.hypot(frame.u, frame.v) < limit, 0.0, 0.0)


def creases(frame: Frame, rng: np.random.Generator, folds: int, size: float) -> Field:
    """The height of crumpled material, 0 to about 1: plane facets between sharp creases about `size` apart."""
    height = np.zeros_like(frame.u)
    drift = noise(rng, 5) * np.float32(0.3 * size)
    for _ in range(folds):
        angle, wave = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.6, 1.8)
        # Each fold follows the sheet as the earlier folds have bent it, so that creases meet at irregular angles.
        across = frame.u * np.float32(np.cos(angle)) + frame.v * np.float32(np.sin(angle))
        across = across + drift * np.float32(rng.uniform(-1, 1)) + np.float32(0.4 * size) * height
        height += np.abs((across / np.float32(wave) + np.float32(rng.random())) % 1 - np.float32(0.5))
    return height / np.float32(folds) * 2


def crumpled(piece: Piece, frame: Frame, rng: np.random.Generator, folds: int, size: float, depth: float) -> Piece:
    """The piece with creases. `depth` is the relief, in pixels of the image before it is reduced."""
    return bumped(piece, creases(frame, rng, folds, size), depth)
