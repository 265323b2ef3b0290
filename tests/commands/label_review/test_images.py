"""The pictures of the page: their size and what they show."""

import io

import numpy as np
import pytest
from PIL import Image

from commands.label_review import images


@pytest.mark.parametrize(
    ("size", "shown"),
    [((300, 200), (300, 200)), ((1280, 640), (640, 320)), ((3, 6000), (1, 640)), ((1, 1), (1, 1))],
)
def test_a_picture_keeps_its_shape_and_is_never_enlarged(size, shown):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[...] = (200, 30, 30)
    content, stated = images.as_jpeg(pixels)
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "JPEG" and picture.size == stated == shown
    assert np.abs(np.asarray(picture.convert("RGB")).mean((0, 1)) - (200, 30, 30)).max() < 4


def test_the_largest_picture_is_bounded():
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8)
    content, size = images.as_jpeg(noise)
    assert len(content) <= images.MOST_BYTES
    # It is still a picture to look at.
    assert size[0] >= 200 and abs(size[0] / size[1] - 4 / 3) < 0.02
