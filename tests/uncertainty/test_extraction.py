"""Features that are computed when they are asked for."""

import numpy as np

from transfer.uncertainty import extraction


def test_only_the_images_that_are_asked_for_are_read_and_in_batches_of_one_size(make_split):
    sizes, seen = [], []

    def extractor(images):
        sizes.append(len(images))
        seen.extend(images[:, 0, 0, 0].tolist())
        return [images[:, 0, 0].astype(np.float32)]

    splits = {"train": make_split("train", [0] * 7), "test": make_split("test", [1])}
    features = extraction.extract(extractor, splits, 2, "finetune")
    assert (list(features), len(features["train"]), sizes) == (["train", "test"], 7, [])
    assert features["train"][np.array([5, 0, 3])].tolist() == [[5] * 3, [0] * 3, [3] * 3]
    # The last batch is filled up, so that every batch has the same shape.
    assert sizes == [2, 2] and seen == [5, 0, 3, 3]
    assert features["train"][:][:, 0].tolist() == list(range(7))
