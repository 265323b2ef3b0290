"""Orientations: the symmetries of a square, in an order that is part of what a model is."""

import numpy as np
import pytest

from transfer.loading.orientations import orient, restore

# One image of one channel; its pixels are told apart by their values.
CORNERS = np.array([[1, 2], [3, 4]])[None, :, :, None]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, [[1, 2], [3, 4]]),
        (1, [[2, 1], [4, 3]]),  # mirrored left to right
        (2, [[2, 4], [1, 3]]),  # a quarter anticlockwise
        (3, [[1, 3], [2, 4]]),
        (4, [[4, 3], [2, 1]]),  # upside down
        (5, [[3, 4], [1, 2]]),
        (6, [[3, 1], [4, 2]]),
        (7, [[4, 2], [3, 1]]),
    ],
)
def test_an_orientation_moves_pixels_and_can_be_undone(number, expected):
    oriented = orient(CORNERS, number)
    assert oriented[0, :, :, 0].tolist() == expected
    assert restore(oriented, number).tolist() == CORNERS.tolist()


def test_eight_orientations_are_all_symmetries_of_a_square():
    assert len({orient(CORNERS, number).tobytes() for number in range(8)}) == 8
