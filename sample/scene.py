"""The scene of a rendered image: camera, light, ground, and the painting of lit pieces into it.

During rendering, images are float32 `(height, width, 3)`, RGB, 0 to 1, `OVERSAMPLE` times the final size. Fields are
float32 `(height, width)`. The axes of normals are those of the image: x right, y down, z towards the viewer.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 128, 160
OVERSAMPLE = 2
ROWS, COLUMNS = HEIGHT * OVERSAMPLE, WIDTH * OVERSAMPLE

Field = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """The coordinates of each pixel in the frame of an object: `u`, `v` in units of its size, `angle` in radians."""

    u: Field
    v: Field
    angle: float

    def moved(self, du: float = 0.0, dv: float = 0.0, rotation: float = 0.0, size: float = 1.0) -> Frame:
        """The frame of a part at (du, dv), rotated by `rotation` radians, `size` times as large."""
        c, s = np.float32(np.cos(rotation)), np.float32(np.sin(rotation))
        x, y = self.u - np.float32(du), self.v - np.float32(dv)
        return Frame((c * x + s * y) / np.float32(size), (c * y - s * x) / np.float32(size), self.angle + rotation)


@dataclass(frozen=True)
class Piece:
    """A visible piece of an object: `cover` is 1 where it is visible, `normal` a unit vector `(height, width, 3)`."""

    cover: Field
    normal: Field
    u: Field
    v: Field


@dataclass(frozen=True)
class Surface:
    """How a piece reacts to light; `albedo` is one colour `(3,)` or one for each pixel `(height, width, 3)`.

    `gloss` is the strength of the highlight and `shininess` its exponent. `reflectance` is the reflected share of the
    surroundings at normal incidence. `transparency` is the share of light that passes through, displaced by up to
    `refraction` pixels.
    """

    albedo: Field
    gloss: float = 0.0
    shininess: float = 20.0
    reflectance: float = 0.0
    transparency: float = 0.0
    refraction: float = 0.0


Part = tuple[Piece, Surface]


@dataclass(frozen=True)
class Scene:
    """What all parts of an image have in common: direction to the light, `ambient` 0 to 1, reflected surroundings."""

    light: Field
    ambient: float
    surroundings: Field


def make_piece(frame: Frame, inside: NDArray[np.bool_], nx: Field | float, ny: Field | float) -> Piece:
    """A piece that is visible where `inside` is true; (nx, ny), at most 1 long, are its normals in the frame's axes."""
    c, s = np.float32(np.cos(frame.angle)), np.float32(np.sin(frame.angle))
    normal = np.empty((*frame.u.shape, 3), np.float32)
    normal[..., 0] = c * nx - s * ny
    normal[..., 1] = s * nx + c * ny
    flat = normal[..., 0] ** 2 + normal[..., 1] ** 2
    normal[..., 2] = np.sqrt(np.maximum(1 - flat, 0.01))
    normal /= np.sqrt(flat + normal[..., 2] ** 2)[..., None]
    return Piece(inside.astype(np.float32), normal, frame.u, frame.v)


def bumped(piece: Piece, height: Field, strength: float) -> Piece:
    """The piece with relief. `height` is in any unit; its slope for each pixel, times `strength`, tilts the normals."""
    normal = piece.normal.copy()
    normal[..., 0] -= strength * cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    normal[..., 1] -= strength * cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    normal /= np.sqrt((normal**2).sum(axis=-1, keepdims=True))
    return replace(piece, normal=normal)


def resized(field: Field, rows: int, columns: int) -> Field:
    """A field or an image, smoothly resized."""
    return np.asarray(cv2.resize(field, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)


def noise(rng: np.random.Generator, cells: int) -> Field:
    """Smooth noise over the image: mean 0, standard deviation about 1, `cells` grains across its width."""
    rows = max(2, round(cells * ROWS / COLUMNS))
    grains = rng.standard_normal((rows, cells), dtype=np.float32)
    return resized(grains, ROWS, COLUMNS)


def draw_colour(rng: np.random.Generator, dark: float = 0.3, light: float = 0.95) -> Field:
    """A colour `(3,)` of any hue; almost half of the colours are nearly grey. All classes share this distribution."""
    saturation = rng.uniform(0, 0.2) if rng.random() < 0.45 else rng.uniform(0.2, 0.8)
    return np.array(colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(dark, light)), np.float32)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Light from a random direction, and a room with a horizon and windows that shiny surfaces reflect."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2)
    flat = np.cos(elevation)
    light = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], np.float32)
    room = rng.uniform(0.1, 0.75, (5, 5, 1)) * rng.uniform(0.85, 1.0, 3)
    surroundings = resized(room.astype(np.float32), 64, 64)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.integers(4, 48, 2)
        surroundings[y : y + rng.integers(5, 16), x : x + rng.integers(3, 12)] = rng.uniform(0.95, 1.4)
    band = int(rng.integers(8, 52))
    surroundings[band : band + rng.integers(3, 9)] *= 0.35
    cv2.GaussianBlur(surroundings, (0, 0), 1.0, dst=surroundings)
    return Scene(light, rng.uniform(0.3, 0.6), surroundings)


def draw_ground(rng: np.random.Generator) -> Field:
    """A light ground: tinted, unevenly lit, with grain, sometimes with boards or speckles."""
    tint = 1 - rng.uniform(0.02, 0.3) * rng.random(3)
    shade = rng.uniform(0.62, 0.92) + 0.05 * noise(rng, 3)
    kind = rng.random()
    if kind < 0.25:
        across = np.linspace(0, rng.uniform(2, 6), COLUMNS, dtype=np.float32) + rng.random()
        shade = shade - 0.12 * (across % 1 < 0.03) + 0.015 * cv2.resize(noise(rng, 40)[:2], (COLUMNS, ROWS))
    elif kind < 0.5:
        shade = shade - 0.06 * (noise(rng, COLUMNS // 3) > rng.uniform(1.2, 2.2))
    shade += 0.012 * noise(rng, COLUMNS // 2)
    return np.clip(shade[..., None] * tint, 0, 1).astype(np.float32)


def draw_frame(rng: np.random.Generator, smallest: float = 0.7, largest: float = 1.02) -> Frame:
    """The pose of an object: any rotation, an offset from the centre, slight perspective."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    x = (x - COLUMNS / 2) / (ROWS / 2)
    y = (y - ROWS / 2) / (ROWS / 2)
    depth = 1 + rng.uniform(-0.18, 0.18) * x + rng.uniform(-0.18, 0.18) * y
    origin = Frame(x / depth, y / depth, 0.0)
    return origin.moved(
        rng.uniform(-0.3, 0.3),
        rng.uniform(-0.15, 0.15),
        rng.uniform(0, 2 * np.pi),
        rng.uniform(smallest, largest),
    )


def scatter(frame: Frame, rng: np.random.Generator, reach: float, smallest: float, largest: float) -> Frame:
    """The frame of one of several fragments, at most `reach` from the centre along each axis, rotated at random."""
    du, dv = rng.uniform(-reach, reach, 2)
    return frame.moved(du, dv, rng.uniform(0, 2 * np.pi), rng.uniform(smallest, largest))


def paint(image: Field, parts: list[Part], scene: Scene, height: float) -> None:
    """Paint the parts into `image` in order, over the soft shadow that they cast from a height of `height` pixels."""
    cover = np.zeros(image.shape[:2], np.float32)
    for piece, surface in parts:
        np.maximum(cover, piece.cover * (1 - 0.6 * surface.transparency), out=cover)
    reach = height / max(float(scene.light[2]), 0.4)
    shift = np.array([[1, 0, -scene.light[0] * reach], [0, 1, -scene.light[1] * reach]], np.float32)
    near = cv2.GaussianBlur(cover, (0, 0), 3.0)
    far = cv2.blur(cv2.blur(cv2.warpAffine(cover, shift, (COLUMNS, ROWS)), (13, 13)), (13, 13))
    image *= (1 - (1 - scene.ambient) * np.maximum(0.75 * far, 0.6 * near))[..., None]
    for piece, surface in parts:
        _paint_piece(image, piece, surface, scene)


def _paint_piece(image: Field, piece: Piece, surface: Surface, scene: Scene) -> None:
    """Shade a piece and paint it over `image`."""
    left, top, width, height = cv2.boundingRect((piece.cover > 0).astype(np.uint8))
    if width == 0:
        return
    box = np.s_[top : top + height, left : left + width]
    normal, cover = piece.normal[box], piece.cover[box][..., None]
    albedo = surface.albedo if surface.albedo.ndim == 1 else surface.albedo[box]
    facing = np.maximum(normal @ scene.light, 0)
    colour = albedo * (scene.ambient + (1 - scene.ambient) * 1.15 * facing)[..., None]
    nz = normal[..., 2]
    if surface.transparency:
        rows, columns = np.mgrid[top : top + height, left : left + width].astype(np.float32)
        thick = 1 / np.maximum(nz, 0.2)
        refracted_x = columns - surface.refraction * normal[..., 0] * thick
        refracted_y = rows - surface.refraction * normal[..., 1] * thick
        behind = cv2.remap(image, refracted_x, refracted_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        # At the edge of a wall, light has the longest path through the glass. This gives the dark outline.
        through = behind * albedo ** np.minimum(0.35 * thick, 1.6)[..., None]
        colour += surface.transparency * (through - colour)
    if surface.reflectance:
        share = surface.reflectance + (1 - surface.reflectance) * 0.6 * (1 - nz) ** 3
        side = scene.surroundings.shape[0] - 1
        reflection = cv2.remap(
            scene.surroundings,
            (nz * normal[..., 0] + 0.5) * side,
            (nz * normal[..., 1] + 0.5) * side,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        tint = 1 if surface.transparency else 0.35 + 0.65 * albedo
        colour += share[..., None] * (reflection * tint - colour)
    if surface.gloss:
        half = scene.light + np.array([0, 0, 1], np.float32)
        glint = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** surface.shininess
        colour += surface.gloss * glint[..., None]
    image[box] += cover * (colour - image[box])


def photograph(image: Field, rng: np.random.Generator, blur: float = 0.9, noise: float = 0.025) -> Pixels:
    """The image as a camera records it: exposure, white balance, slight blur, noise; 8-bit RGB `(128, 160, 3)`."""
    small = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.25, blur))
    gain = rng.uniform(0.9, 1.2) * rng.uniform(0.92, 1.08, 3)
    small = np.clip(small * gain, 0, 1) ** rng.uniform(0.7, 1.05)
    grain = rng.standard_normal(small.shape, dtype=np.float32) * rng.uniform(0.004, noise)
    return np.clip((small + grain) * 255 + 0.5, 0, 255).astype(np.uint8)
