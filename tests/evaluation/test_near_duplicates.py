"""Near-duplicates: the nearest image of each test image, worked out by hand, and the scores without them."""

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.loading.prepared import Split

from transfer.evaluation import metrics
from transfer.evaluation import near_duplicates


def vectors(*rows):
    return np.array(rows, np.float32)


# Cosines by hand: 0.6 of the first test image with (3, 4), 0.8 and 1 of the second with (3, 4) and (0, 2), and of the
# third, which looks away from all the others, half the root of 2 with (-1, 0)
FOUND = {
    "train": vectors((3, 4), (-1, 0)),
    "validation": vectors((0, 2)),
    "test": vectors((5, 0), (0, 1), (-2, -2)),
}


def split_of(name, labels):
    paths = [f"{name}/{number}" for number in range(len(labels))]
    return Split(np.zeros((len(labels), 1, 1, 3)), np.array(labels), paths, paths, ["a", "b"])


def test_the_nearest_of_each_test_image_by_hand():
    found = near_duplicates.find_near_duplicates(FOUND, 0.95)
    assert [(pair.row, pair.split, pair.other) for pair in found.pairs] == [
        (1, "validation", 0),
        (2, "train", 1),
        (0, "train", 0),
    ]
    assert [pair.cosine for pair in found.pairs] == pytest.approx([1, 1 / np.sqrt(2), 0.6])
    assert found.compared == ("train", "validation")


SPLITS = {
    name: split_of(name, labels) for name, labels in {"train": [0, 1], "validation": [1], "test": [0, 1, 0]}.items()
}


@pytest.mark.parametrize(("threshold", "near"), [(1.0, [1]), (0.7, [1, 2]), (0.60001, [1, 2]), (0.59999, [1, 2, 0])])
def test_those_at_the_threshold_or_above_count(threshold, near):
    assert [pair.row for pair in near_duplicates.find_near_duplicates(FOUND, threshold).near] == near


def test_of_equal_cosines_the_first_image_counts():
    found = {"train": vectors((2, 0), (1, 0)), "validation": vectors((3, 0)), "test": vectors((1, 0), (4, 0))}
    for block in (1, 2, 1000):
        pairs = near_duplicates.find_near_duplicates(found, 0.9, block).pairs
        assert [(pair.row, pair.split, pair.other) for pair in pairs] == [(0, "train", 0), (1, "train", 0)]


def test_a_feature_of_zeros_is_near_to_nothing(recwarn):
    found = FOUND | {"test": vectors((0, 0), (0, 1)), "train": vectors((0, 0), (1, 0))}
    pairs = near_duplicates.find_near_duplicates(found, 0.5).pairs
    assert [(pair.row, pair.cosine) for pair in pairs] == [(1, 1), (0, 0)]
    assert len(recwarn) == 0


def test_blocks_give_the_same_as_one_piece():
    chance = np.random.default_rng(0)
    found = {
        name: chance.random((count, 16)).astype(np.float32)
        for name, count in {"train": 50, "validation": 7, "test": 23}.items()
    }
    whole = near_duplicates.find_near_duplicates(found, 0.9).pairs
    for block in (1, 5, 23, 49):
        pairs = near_duplicates.find_near_duplicates(found, 0.9, block).pairs
        assert [(pair.row, pair.split, pair.other) for pair in pairs] == [
            (pair.row, pair.split, pair.other) for pair in whole
        ]
        assert [pair.cosine for pair in pairs] == pytest.approx([pair.cosine for pair in whole])


def test_a_planted_near_duplicate_is_found_and_other_images_are_not():
    chance = np.random.default_rng(0)
    # As pooled activations are: none below zero, so that no two images are far apart
    found = {
        name: np.maximum(chance.normal(size=(count, 200)), 0).astype(np.float32)
        for name, count in {"train": 300, "validation": 40, "test": 40}.items()
    }
    found["test"][17] = 1.3 * found["train"][123] + chance.normal(scale=0.1, size=200)
    search = near_duplicates.find_near_duplicates(found, 0.9)
    assert [(pair.row, pair.split, pair.other) for pair in search.near] == [(17, "train", 123)]
    assert search.pairs[1].cosine < 0.7


def test_the_table_has_the_near_duplicates_and_at_least_the_nearest_pairs():
    table = near_duplicates.find_near_duplicates(FOUND, 0.7).table(SPLITS)
    assert list(table.columns) == [
        *("path", "actual", "other_split", "other_path", "other_actual", "cosine", "near_duplicate")
    ]
    assert table.drop(columns="cosine").to_numpy().tolist() == [
        ["test/1", "b", "validation", "validation/0", "b", "yes"],
        ["test/2", "a", "train", "train/1", "b", "yes"],
        ["test/0", "a", "train", "train/0", "a", "no"],
        ["validation/0", "b", "train", "train/0", "a", "yes"],
    ]


def test_near_duplicates_of_validation_in_training_stand_below_those_of_test():
    # By hand: (0, 2) and (3, 4) have a cosine of 0.8; the test image next to (0, 2) does not count for it
    search = near_duplicates.find_near_duplicates(FOUND, 0.75)
    assert [(pair.row, pair.split, pair.other) for pair in search.validation.pairs] == [(0, "train", 0)]
    assert search.validation.pairs[0].cosine == pytest.approx(0.8)
    told = search.metrics({})["validation_in_train"]
    assert (told["images"], told["of"], told["highest_cosine"]) == (1, 1, pytest.approx(0.8))
    last = search.table(SPLITS).iloc[-1]
    assert last.drop("cosine").tolist() == ["validation/0", "b", "train", "train/0", "a", "yes"]

    search = near_duplicates.find_near_duplicates(FOUND, 0.85)
    assert search.metrics({})["validation_in_train"]["images"] == 0
    assert search.table(SPLITS)["path"].str.startswith("test/").all()


def test_a_table_of_many_test_images_is_bounded_by_the_near_duplicates():
    # One direction for each image, so that the first so many have a cosine of 1 and the others of 0
    for shared, rows in ((3, near_duplicates.NEAREST), (20, 20)):
        found = {"train": np.eye(60)[:shared], "validation": np.eye(60)[50:], "test": np.eye(60)[:40]}
        assert len(near_duplicates.find_near_duplicates(found, 0.9).near) == shared
        assert len(near_duplicates.find_near_duplicates(found, 0.9).told) == rows


def test_a_picture_shows_the_nearest_pairs_and_which_of_them_are_near_duplicates():
    search = near_duplicates.find_near_duplicates(FOUND, 0.7)
    assert search.title == (
        "Test images and what is nearest to them in train and validation: "
        "2 of 3 have a near-duplicate (cosine of at least 0.7)"
    )
    first, _, last = search.shown(SPLITS)
    assert (first.captions, first.title, first.stands_out) == (
        ("b, test", "b, validation"),
        "cosine 1.000, near-duplicate",
        True,
    )
    assert (last.captions, last.title, last.stands_out) == (("a, test", "a, train"), "cosine 0.600", False)


def test_accuracies_are_of_the_images_without_a_near_duplicate():
    right = {"head": np.array([True, True, False]), "tuned": np.array([False, True, True])}
    found = near_duplicates.find_near_duplicates(FOUND, 0.9).metrics(right)
    assert (found["threshold"], found["compared_with"], found["images"]) == (0.9, "train and validation", 1)
    assert found["highest_cosine"] == pytest.approx(1)
    # The second test image has one: of the others, each model is right on one
    low, high = metrics.wilson_interval(1, 2)
    half = {"accuracy": 0.5, "accuracy_low": low, "accuracy_high": high}
    assert found["without"] == {"images": 2, "head": half, "tuned": half}


def test_where_every_test_image_has_one_no_accuracy_is_left():
    found = near_duplicates.find_near_duplicates(FOUND, 0.1).metrics({"head": np.array([True, True, False])})
    assert (found["images"], found["without"]["images"]) == (3, 0)
    assert found["without"]["head"] == {"accuracy": None, "accuracy_low": None, "accuracy_high": None}


def test_features_are_of_the_images_themselves_and_train_may_have_none(tmp_path):
    arrays = {"validation": np.ones((1, 1, 3)), "test": np.zeros((3, 1, 3))}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    found = near_duplicates.load_features(tmp_path, SPLITS, 3)
    assert {name: array.shape for name, array in found.items()} == {"validation": (1, 3), "test": (3, 3)}
    told = near_duplicates.find_near_duplicates(found, 0.9).metrics({})
    assert (told["compared_with"], told["validation_in_train"]) == ("validation", None)

    np.save(tmp_path / "train.npy", np.arange(24).reshape(2, 4, 3))
    assert near_duplicates.load_features(tmp_path, SPLITS, 3)["train"].tolist() == [[0, 1, 2], [12, 13, 14]]
    with pytest.raises(UserError, match=r"train\.npy cannot be read \(its shape is \(2, 4, 3\)\)"):
        near_duplicates.load_features(tmp_path, SPLITS, 5)
