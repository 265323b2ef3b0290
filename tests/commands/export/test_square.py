"""The resizing inside an exported model gives the squares of the project, also after saving and loading."""

import numpy as np
import pytest

from commands.export import square
from transfer.dataset import resizing
from transfer.models.tensorflow import keras, tf

SIZE = 32
# One pixel, one row, one column, the square itself, twice its size, enlarged, and others.
SHAPES = [(1, 1), (1, 90), (90, 1), (32, 32), (64, 64), (19, 23), (3, 201), (300, 400), (400, 300), (33, 31), (500, 60)]


def noise(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def model(tmp_path, fit, antialias):
    """A function that resizes images (images, height, width, 3), from a saved file."""
    images = keras.Input((None, None, 3), dtype="uint8")
    squares = square.to_square(images, SIZE, {"fit": fit, "antialias": antialias})
    keras.Model(images, squares).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    return tf.function(loaded, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_the_squares_have_the_same_bytes(tmp_path, fit, antialias):
    resize = model(tmp_path, fit, antialias)
    for height, width in [*SHAPES, (1500, 2000)]:
        [resized] = resize(noise(height, width)[None]).numpy()
        assert (resized == resizing.to_square(noise(height, width), SIZE, fit, antialias)).all(), (height, width)


def test_images_of_a_batch_are_resized_each_by_itself(tmp_path):
    images = np.stack([np.full((40, 60, 3), value, np.uint8) for value in (10, 200)])
    squares = model(tmp_path, "pad", antialias=True)(images).numpy()
    # Of 40 × 60, 21 rows of 32 are left, 5 rows of ground above them.
    for of_image, value in zip(squares, (10, 200), strict=True):
        assert (of_image[5:26] == value).all()
        assert (of_image[:5] == 127).all() and (of_image[26:] == 127).all()
