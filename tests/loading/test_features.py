"""Features: shards and an index, refused if they are not those of the prepared images."""

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.loading import features, shards
from transfer.loading.prepared import Split


def split_of(digests):
    return Split(np.empty((len(digests), 2, 2, 3), np.uint8), np.zeros(len(digests), int), [], digests, ["a"])


SPLITS = {
    "train": split_of(["aa" * 8, "bb" * 8]),
    "validation": split_of(["cc" * 8]),
    "test": split_of(["dd" * 8, "ee" * 8, "ff" * 8]),
}


@pytest.fixture
def folder(tmp_path):
    """Features of 3 channels, four views of training images; their values count from 0 in each split."""
    for name, split in SPLITS.items():
        views = 4 if name == "train" else 1
        array = shards.create_shards(tmp_path / name, split.digests, (views, 3), np.float32)
        for view in range(views):
            rows = np.arange(len(split))
            array[rows, view] = 3 * (views * rows[:, None] + view) + np.arange(3)
        array.flush()
    features.write_index(tmp_path, SPLITS, {name: ["x86_64 avx2"] * len(split) for name, split in SPLITS.items()})
    return tmp_path


def test_features_are_opened_by_split(folder):
    train = features.load_features("train", SPLITS["train"], 3, 4, folder)
    assert train.shape == (2, 4, 3) and train[1].tolist() == [[12, 13, 14], [15, 16, 17], [18, 19, 20], [21, 22, 23]]
    assert (folder / "index.csv").read_text().splitlines()[:2] == [
        "split,pixels,processor",
        f"train,{'aa' * 8},x86_64 avx2",
    ]


def test_the_feature_of_an_image_is_that_of_view_0(folder):
    of_images = features.load_image_features(SPLITS, 3, folder)
    assert of_images["train"][:].tolist() == [[0, 1, 2], [12, 13, 14]]
    assert of_images["test"][np.array([2, 0])].tolist() == [[6, 7, 8], [0, 1, 2]]
    assert [len(array) for array in of_images.values()] == [2, 1, 3]


def test_training_images_may_have_none(folder):
    (folder / "train").rename(folder.parent / "elsewhere")
    assert list(features.load_image_features(SPLITS, 3, folder)) == ["validation", "test"]


@pytest.mark.parametrize(("channels", "views"), [(5, 4), (3, 2)])
def test_other_views_or_channels_are_refused(folder, channels, views):
    with pytest.raises(UserError, match=r"train/0\.npy cannot be read \(its shape is \(2, 4, 3\)\)"):
        features.load_features("train", SPLITS["train"], channels, views, folder)


def test_features_of_other_images_are_refused(folder):
    others = split_of(["aa" * 8, "b0" * 8])
    with pytest.raises(UserError, match=r"and prepared/ have different images: run `dvc repro`"):
        features.load_features("train", others, 3, 4, folder)
