"""Pools of invented images."""

import hashlib

import numpy as np
import pytest

from transfer.cross_validation.pool import Pool, PooledFeatures


@pytest.fixture(scope="session")
def make_pool():
    """A function from class numbers and features (images, views, channels) to a pool; digests follow from numbers."""

    def make(labels, features=None, numbers=None, classes=None):
        labels = np.asarray(labels)
        numbers = range(len(labels)) if numbers is None else numbers
        features = np.zeros((len(labels), 1, 1), np.float32) if features is None else features
        return Pool(
            labels=labels,
            paths=[f"train/{number}.jpg" for number in numbers],
            digests=[hashlib.sha256(str(number).encode()).hexdigest()[:16] for number in numbers],
            splits=["train"] * len(labels),
            classes=classes or [f"class {label}" for label in range(labels.max() + 1)],
            features=PooledFeatures([features.astype(np.float32)]),
        )

    return make
