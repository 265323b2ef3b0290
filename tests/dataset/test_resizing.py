"""Resizing to a square: plain bilinear interpolation, as TensorFlow does it."""

import numpy as np
import pytest

from transfer.dataset import resizing


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(37, 53, 32), (64, 64, 32), (128, 96, 32), (19, 23, 32), (3, 201, 32), (32, 32, 32), (1, 1, 32), (33, 31, 45)],
)
def test_a_square_equals_tensorflows_bilinear_resizing_without_antialiasing(height, width, size):
    from transfer.models.tensorflow import tf  # imported late: TensorFlow takes seconds

    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    expected = tf.image.resize(pixels, (size, size), method="bilinear", antialias=False).numpy()
    square = resizing.to_square(pixels, size)
    assert square.dtype == np.uint8
    assert square.shape == (size, size, 3)
    assert np.abs(square - expected).max() <= 1


def test_a_pixel_of_a_square_blends_the_four_pixels_around_it():
    pixels = np.repeat(np.array([[0, 100], [200, 40]], np.uint8)[:, :, None], 3, axis=2)
    # The points lie at -1/4, 1/4, 3/4 and 5/4 between the two pixels: at the edge the pixel itself, then 3:1 and 1:3.
    assert resizing.to_square(pixels, 4)[0, :, 0].tolist() == [0, 25, 75, 100]
    assert resizing.to_square(pixels, 4)[:, 0, 0].tolist() == [0, 50, 150, 200]
