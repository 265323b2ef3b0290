"""Pictures that have outlines, as photographs have: noise of a few pixels, enlarged."""

import numpy as np
from PIL import Image


def scene(seed, size=(160, 120)):
    """An image of soft spots, (width, height) pixels; another seed gives an entirely different one."""
    spots = np.random.default_rng(seed).integers(30, 200, (9, 12, 3), np.uint8)
    return Image.fromarray(spots).resize(size, Image.Resampling.BICUBIC)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def dataset(folder, classes=("glass", "metal"), counts=(16, 2, 2)):
    """A split dataset of scenes, named `00.png` and so on in each split."""
    seed = 0
    for label in classes:
        for split, count in zip(("train", "validation", "test"), counts, strict=True):
            for number in range(count):
                seed += 1
                save(folder / split / label / f"{number:02}.png", scene(seed))
    return folder
