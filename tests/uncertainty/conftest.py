"""Splits of invented images."""

import numpy as np
import pytest

from transfer.loading.prepared import Split


@pytest.fixture(scope="session")
def make_split():
    """A function from class numbers to a split, whose images are of one colour each: the number of the image."""

    def make(name, labels, classes=("a", "b")):
        labels = np.asarray(labels)
        images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
        paths = [f"{name}/{classes[label]}/{number}.png" for number, label in enumerate(labels)]
        return Split(images, labels, paths, [f"{name} {number}" for number in range(len(labels))], list(classes))

    return make
