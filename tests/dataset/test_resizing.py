"""How an image becomes a square: stretched, cropped or padded, by plain or antialiased bilinear interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.dataset import resizing
from transfer.interface.schema import FITS

SHAPES = [(37, 53, 32), (64, 64, 32), (128, 96, 32), (19, 23, 32), (3, 201, 32), (32, 32, 32), (1, 1, 32), (33, 31, 45)]


def grey(rows):
    """An image (height, width, 3) of grey values."""
    return np.repeat(np.array(rows, np.uint8)[:, :, None], 3, axis=2)


def noise(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width", "size"), SHAPES)
@pytest.mark.parametrize("antialias", [False, True])
def test_a_squashed_image_equals_tensorflows_bilinear_resizing(height, width, size, antialias):
    from transfer.models.tensorflow import tf  # imported late: TensorFlow takes seconds

    pixels = noise(height, width)
    expected = tf.image.resize(pixels, (size, size), method="bilinear", antialias=antialias).numpy()
    square = resizing.to_square(pixels, size, "squash", antialias)
    assert square.dtype == np.uint8
    assert square.shape == (size, size, 3)
    assert np.abs(square - expected).max() <= 1.01


def test_without_antialiasing_a_pixel_of_a_square_blends_the_four_pixels_around_it():
    # The points lie at -1/4, 1/4, 3/4 and 5/4 between the two pixels: at the edge the pixel itself, then 3:1 and 1:3.
    square = resizing.to_square(grey([[0, 100], [200, 40]]), 4, "squash", antialias=False)
    assert square[0, :, 0].tolist() == [0, 25, 75, 100]
    assert square[:, 0, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize("shape", [(800, 800), (800, 8), (8, 800)])
def test_antialiasing_averages_what_shrinking_would_skip(shape):
    # Black and white in turn along the longer axes; every tenth and eleventh pixel, between which plain interpolation
    # takes the mean, is black.
    period = np.tile([255, 255, 255, 255, 0, 0, 255, 255, 255, 255], 80)
    rows = np.minimum.outer(*(period[:length] if length > 8 else np.full(8, 255) for length in shape))
    plain, smooth = (resizing.to_square(grey(rows), 80, "squash", antialias) for antialias in (False, True))
    assert (plain == 0).all()
    # The mean of the picture: four fifths of it along each axis that shrinks.
    expected = 255 * 0.8 ** sum(length > 8 for length in shape)
    assert np.abs(smooth[8:-8, 8:-8] - expected).max() < 25
    assert abs(smooth.mean() - expected) < 5


def test_a_crop_is_the_largest_square_in_the_middle():
    wide = grey([[1, 2, 3, 4, 5, 6, 7]] * 3)
    for antialias in (False, True):
        assert resizing.to_square(wide, 3, "crop", antialias)[:, :, 0].tolist() == [[3, 4, 5]] * 3
        tall = wide.transpose(1, 0, 2)
        assert resizing.to_square(tall, 3, "crop", antialias)[:, :, 0].T.tolist() == [[3, 4, 5]] * 3
        # The middle of an even number of pixels lies between two: the crop takes the upper left of the two squares.
        assert resizing.to_square(grey([[1, 2, 3, 4]] * 3), 3, "crop", antialias)[0, :, 0].tolist() == [1, 2, 3]


def test_a_padded_image_is_whole_and_in_the_middle_of_grey():
    wide = grey([[10, 20, 30, 40]] * 2)
    for antialias in (False, True):
        square = resizing.to_square(wide, 4, "pad", antialias)
        assert square[:, :, 0].tolist() == [[127] * 4, [10, 20, 30, 40], [10, 20, 30, 40], [127] * 4]
        tall = resizing.to_square(wide.transpose(1, 0, 2), 4, "pad", antialias)
        assert np.array_equal(tall, square.transpose(1, 0, 2))


@pytest.mark.parametrize("antialias", [False, True])
def test_a_padded_image_keeps_its_shape_however_long_it_is(antialias):
    # 201 to 3 pixels is 32 to 0.48: a row is left, not none.
    square = resizing.to_square(np.full((3, 201, 3), 200, np.uint8), 32, "pad", antialias)
    assert (square[:, 0, 0] == 200).sum() == 1
    square = resizing.to_square(np.full((10, 20, 3), 200, np.uint8), 32, "pad", antialias)
    assert [(square[:, 0, 0] == 200).sum(), (square[16, :, 0] == 200).sum()] == [16, 32]


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    size=st.integers(1, 40),
    fit=st.sampled_from(FITS),
    antialias=st.booleans(),
)
def test_a_square_has_its_size_and_no_value_that_neither_image_nor_ground_has(height, width, size, fit, antialias):
    pixels = np.clip(noise(height, width), 90, 200)
    before = pixels.copy()
    square = resizing.to_square(pixels, size, fit, antialias)
    assert (square.shape, square.dtype) == ((size, size, 3), np.uint8)
    assert square.min() >= 90 and square.max() <= 200
    assert np.array_equal(pixels, before)
    # An image that is a square already is the same in every way.
    if height == width == size:
        assert np.array_equal(square, pixels)


def test_an_antialiased_image_is_resized_along_its_rows_first():
    """Worked out in two steps, each rounded to whole numbers: the order shows in the rounding."""
    pixels = noise(400, 50)

    def along_rows(values, size):
        """Triangles as wide as the pixels of the result, as in Pillow."""
        scale = values.shape[1] / size
        centres, places = (np.arange(size) + 0.5) * scale, np.arange(values.shape[1]) + 0.5
        weights = np.maximum(1 - np.abs(places[None] - centres[:, None]) / max(scale, 1), 0)
        weights = np.rint(weights / weights.sum(axis=1, keepdims=True) * 2**22) / 2**22
        return np.floor(np.einsum("hwc,xw->hxc", values, weights) + 0.5)

    narrow = along_rows(pixels.astype(float), 32)
    expected = along_rows(narrow.swapaxes(0, 1), 32).swapaxes(0, 1)
    assert (resizing.to_square(pixels, 32, "squash", antialias=True) == expected).all()
