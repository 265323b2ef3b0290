"""Near-copies: what is recognised after a change, and what is not taken for one."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from commands.dataset import near_copies
from scenes import scene

NUMBER = 30


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file).convert("RGB")


def crop(image, left, top, right, bottom):
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


CHANGES = {
    "the same": lambda image: image,
    "jpeg": jpeg,
    "half": lambda image: image.resize((80, 60)),
    "stretched": lambda image: image.resize((160, 160)),
    "crop of all sides": lambda image: crop(image, 0.05, 0.05, 0.05, 0.05),
    "crop of two sides": lambda image: crop(image, 0.05, 0.05, 0, 0),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "mirrored": ImageOps.mirror,
    "mirrored and cropped": lambda image: ImageOps.mirror(crop(image, 0.05, 0, 0, 0.05)),
}


def signatures(images):
    return [near_copies.signature(np.asarray(image)) for image in images]


@pytest.fixture(scope="module")
def originals():
    return signatures(scene(seed) for seed in range(NUMBER))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_resembles_its_original_and_no_other(originals, change):
    changed = signatures(CHANGES[change](scene(seed)) for seed in range(NUMBER))
    same = [(number, number) for number in range(NUMBER)]
    assert near_copies.find(changed, originals) == same
    # Either one may be the changed one.
    assert near_copies.find(originals, changed) == same


def test_images_beyond_one_block_keep_their_positions(originals, monkeypatch):
    monkeypatch.setattr(near_copies, "BLOCK", 7)
    assert near_copies.find(originals[20:23], originals) == [(0, 20), (1, 21), (2, 22)]


def test_the_same_outlines_in_other_colours_are_another_image():
    pixels = np.asarray(scene(1))
    # As bright everywhere, but of other colours.
    swapped = pixels[:, :, ::-1]
    assert near_copies.find(signatures([swapped]), signatures([pixels])) == []


def test_images_of_one_colour_and_of_noise_resemble_nothing():
    plain = [np.full((20, 30, 3), value, np.uint8) for value in (0, 7, 255)]
    noise = [np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8) for seed in range(60)]
    everything = signatures([*plain, *noise])
    assert [(i, j) for i, j in near_copies.find(everything, everything) if i < j] == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3000, 2)])
def test_images_of_any_shape_have_a_signature(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert near_copies.find(signatures([pixels]), signatures([scene(1)])) == []


def test_nothing_compared_with_nothing():
    assert near_copies.find([], signatures([scene(1)])) == near_copies.find(signatures([scene(1)]), []) == []
