"""An image of any size as a square, as a graph of Keras' own operations: a saved model then contains the resizing.

The graph repeats `transfer.dataset.resizing.to_square`. Keras' own resizing layer would round differently, and has no
way to pad that is the same. Without antialiasing, the graph gives the bytes of OpenCV's `INTER_LINEAR`, whose
whole-number arithmetic it copies (`resize.cpp`). With antialiasing, it gives those of Pillow's `BILINEAR`
(`Resample.c`), rows before columns.
"""

from typing import Any, NamedTuple

import numpy as np

from transfer.dataset.resizing import GROUND
from transfer.loading.prepared import Resize
from transfer.models.tensorflow import keras

ops = keras.ops

# OpenCV: weights are multiples of 1/2048; between the axes and at the end, bits are cut off.
OPENCV_STEPS, OPENCV_CUT, OPENCV_SHIFT, OPENCV_LAST = 2048, 16, 65536, 4
# Pillow: weights are multiples of 2**-22.
PILLOW_STEPS = 2.0**22


class Axis(NamedTuple):
    """How the pixels of one axis become `size` pixels; all are whole numbers in tensors.

    Attributes:
        start, length: the part of the image that is used.
        position: the position of each pixel of the square in the resized part (size,); outside it, ground is seen.
        content: the length of the resized part.
    """

    start: Any
    length: Any
    position: Any
    content: Any

    @property
    def scale(self) -> Any:
        """Pixels of the image for each pixel of the square, computed in the order of OpenCV."""
        return 1.0 / (_double(self.content) / _double(self.length))

    @property
    def inside(self) -> Any:
        return ops.logical_and(self.position >= 0, self.position < self.content)


def to_square(images: Any, size: int, resize: Resize) -> Any:
    """Images (images, height, width, 3), 8-bit, to (images, size, size, 3), whole numbers of 0 to 255 in float32."""
    height = ops.sum(ops.ones_like(images[:1, :, :1, :1], dtype="int32"))
    width = ops.sum(ops.ones_like(images[:1, :1, :, :1], dtype="int32"))
    rows, columns = (_axis(length, height, width, size, resize["fit"]) for length in (height, width))
    square = (_antialiased if resize["antialias"] else _bilinear)(images, rows, columns)
    if resize["fit"] != "pad":
        return square
    inside = ops.logical_and(ops.reshape(rows.inside, (1, size, 1, 1)), ops.reshape(columns.inside, (1, 1, size, 1)))
    return ops.where(inside, square, float(GROUND))


def _axis(length: Any, height: Any, width: Any, size: int, fit: str) -> Axis:
    # An array, not a tensor: a converter would take a tensor from outside the graph as another input.
    position = np.arange(size, dtype=np.int32)
    zero, whole = length * 0, length * 0 + size
    if fit == "squash":
        return Axis(zero, length, ops.add(position, zero), whole)
    if fit == "crop":
        side = ops.minimum(height, width)
        return Axis((length - side) // 2, side, ops.add(position, zero), whole)
    share = _double(length * size) / _double(ops.maximum(height, width))
    content = ops.maximum(ops.cast(ops.round(share), "int32"), 1)
    return Axis(zero, length, ops.subtract(position, (whole - content) // 2), content)


def _bilinear(images: Any, rows: Axis, columns: Axis) -> Any:
    left, right, of_left, of_right = _neighbours(columns, clamp_weights=True)
    upper, lower, of_upper, of_lower = _neighbours(rows, clamp_weights=False)

    def blended(row_numbers: Any, weights: Any) -> Any:
        pixels = ops.take(images, row_numbers, axis=1)
        values = ops.cast(ops.take(pixels, left, axis=2), "int32") * ops.reshape(of_left, (1, 1, -1, 1))
        values += ops.cast(ops.take(pixels, right, axis=2), "int32") * ops.reshape(of_right, (1, 1, -1, 1))
        return values // OPENCV_CUT * ops.reshape(weights, (1, -1, 1, 1)) // OPENCV_SHIFT

    return ops.cast((blended(upper, of_upper) + blended(lower, of_lower) + 2) // OPENCV_LAST, "float32")


def _neighbours(axis: Axis, clamp_weights: bool) -> tuple[Any, Any, Any, Any]:
    """The two pixels between which each pixel of the square lies, and their weights (size,).

    Args:
        clamp_weights: whether a pixel beyond the edge gets no weight, as OpenCV does for columns. For rows it gives the
            pixel at the edge both weights, which rounds differently.
    """
    exact = ops.cast((_double(axis.position) + 0.5) * axis.scale - 0.5, "float32")
    before = ops.floor(exact)
    share = exact - before
    first = ops.cast(before, "int32")
    if clamp_weights:
        between = ops.logical_and(first >= 0, first < axis.length - 1)
        share = ops.where(between, share, 0.0)
    numbers = (axis.start + ops.maximum(ops.minimum(number, axis.length - 1), 0) for number in (first, first + 1))
    weights = (ops.cast(ops.round(weight * OPENCV_STEPS), "int32") for weight in (1.0 - share, share))
    return (*numbers, *weights)


def _antialiased(images: Any, rows: Axis, columns: Axis) -> Any:
    # In 32 bits, sums that lie close to a half would be rounded to the other side.
    pixels = _double(images)
    row_number = ops.cumsum(ops.ones_like(images[0, :, 0, 0], dtype="int32")) - 1
    column_number = ops.cumsum(ops.ones_like(images[0, 0, :, 0], dtype="int32")) - 1
    narrow = ops.floor(ops.einsum("bhwc,xw->bhxc", pixels, _triangles(columns, column_number)) + 0.5)
    square = ops.floor(ops.einsum("bhxc,yh->byxc", narrow, _triangles(rows, row_number)) + 0.5)
    return ops.cast(square, "float32")


def _triangles(axis: Axis, number: Any) -> Any:
    """The weight of each pixel of the image in each pixel of the square (size, length of the axis)."""
    centre = ops.expand_dims((_double(axis.position) + 0.5) * axis.scale, 1)
    place = ops.expand_dims(number - axis.start, 0)
    distance = ops.absolute((_double(place) + 0.5 - centre) / ops.maximum(axis.scale, 1.0))
    used = ops.logical_and(place >= 0, place < axis.length)
    weights = ops.where(used, ops.maximum(1.0 - distance, 0.0), ops.zeros_like(distance))
    # Beyond a padded image, all are zero.
    weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)
    return ops.round(weights * PILLOW_STEPS) / PILLOW_STEPS


def _double(value: Any) -> Any:
    return ops.cast(value, "float64")
