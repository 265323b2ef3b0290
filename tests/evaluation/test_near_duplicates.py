"""Near-duplicates: the nearest image of each test image, checked by hand, and the accuracies without them."""

import numpy as np
import pytest

from transfer.evaluation import intervals, near_duplicates
from transfer.loading.prepared import Split


def vectors(*rows):
    return np.array(rows, np.float32)


# Cosines by hand: the first test image has 0.6 with (3, 4). The second has 0.8 with (3, 4), and 1 with (0, 2). The
# third has half the root of 2 with (-1, 0), and a negative cosine or none with all others.
FEATURES = {
    "train": vectors((3, 4), (-1, 0)),
    "validation": vectors((0, 2)),
    "test": vectors((5, 0), (0, 1), (-2, -2)),
}


def split_with_labels(name, labels):
    paths = [f"{name}/{number}" for number in range(len(labels))]
    return Split(np.zeros((len(labels), 1, 1, 3)), np.array(labels), paths, paths, ["a", "b"])


SPLITS = {
    name: split_with_labels(name, labels)
    for name, labels in {"train": [0, 1], "validation": [1], "test": [0, 1, 0]}.items()
}


def places(neighbors):
    return [(neighbor.row, neighbor.split, neighbor.other) for neighbor in neighbors]


def test_the_nearest_images_are_those_computed_by_hand():
    nearest = near_duplicates.find_near_duplicates(FEATURES, 0.95)
    assert places(nearest.neighbors) == [(1, "validation", 0), (2, "train", 1), (0, "train", 0)]
    assert [neighbor.cosine for neighbor in nearest.neighbors] == pytest.approx([1, 1 / np.sqrt(2), 0.6])
    assert nearest.compared == ("train", "validation")


@pytest.mark.parametrize(("threshold", "rows"), [(1.0, [1]), (0.7, [1, 2]), (0.60001, [1, 2]), (0.59999, [1, 2, 0])])
def test_images_count_from_the_threshold_on(threshold, rows):
    duplicates = near_duplicates.find_near_duplicates(FEATURES, threshold).duplicates
    assert [neighbor.row for neighbor in duplicates] == rows


def test_of_equal_cosines_the_first_image_counts():
    features = {"train": vectors((2, 0), (1, 0)), "validation": vectors((3, 0)), "test": vectors((1, 0), (4, 0))}
    for block in (1, 2, 1000):
        neighbors = near_duplicates.find_near_duplicates(features, 0.9, block).neighbors
        assert places(neighbors) == [(0, "train", 0), (1, "train", 0)]


def test_a_feature_of_zeros_is_similar_to_nothing(recwarn):
    features = FEATURES | {"test": vectors((0, 0), (0, 1)), "train": vectors((0, 0), (1, 0))}
    neighbors = near_duplicates.find_near_duplicates(features, 0.5).neighbors
    assert [(neighbor.row, neighbor.cosine) for neighbor in neighbors] == [(1, 1), (0, 0)]
    assert len(recwarn) == 0


def test_the_size_of_the_blocks_does_not_change_the_result():
    generator = np.random.default_rng(0)
    features = {
        name: generator.random((count, 16)).astype(np.float32)
        for name, count in {"train": 50, "validation": 7, "test": 23}.items()
    }
    expected = near_duplicates.find_near_duplicates(features, 0.9).neighbors
    for block in (1, 5, 23, 49):
        neighbors = near_duplicates.find_near_duplicates(features, 0.9, block).neighbors
        assert places(neighbors) == places(expected)
        cosines = [neighbor.cosine for neighbor in expected]
        assert [neighbor.cosine for neighbor in neighbors] == pytest.approx(cosines)


def test_a_planted_near_duplicate_is_the_only_one():
    generator = np.random.default_rng(0)
    # Like pooled activations, no value is negative, so no two images are far apart.
    features = {
        name: np.maximum(generator.normal(size=(count, 200)), 0).astype(np.float32)
        for name, count in {"train": 300, "validation": 40, "test": 40}.items()
    }
    features["test"][17] = 1.3 * features["train"][123] + generator.normal(scale=0.1, size=200)
    nearest = near_duplicates.find_near_duplicates(features, 0.9)
    assert places(nearest.duplicates) == [(17, "train", 123)]
    assert nearest.neighbors[1].cosine < 0.7


def test_the_table_lists_the_near_duplicates_and_at_least_the_nearest_images():
    table = near_duplicates.find_near_duplicates(FEATURES, 0.7).table(SPLITS)
    assert list(table.columns) == [
        *("path", "actual", "other_split", "other_path", "other_actual", "cosine", "near_duplicate")
    ]
    assert table.drop(columns="cosine").to_numpy().tolist() == [
        ["test/1", "b", "validation", "validation/0", "b", "yes"],
        ["test/2", "a", "train", "train/1", "b", "yes"],
        ["test/0", "a", "train", "train/0", "a", "no"],
        ["validation/0", "b", "train", "train/0", "a", "yes"],
    ]


def test_near_duplicates_of_validation_images_are_listed_below_those_of_test_images():
    # By hand: (0, 2) and (3, 4) have a cosine of 0.8. The test image next to (0, 2) does not count for it.
    nearest = near_duplicates.find_near_duplicates(FEATURES, 0.75)
    assert places(nearest.validation.neighbors) == [(0, "train", 0)]
    assert nearest.validation.neighbors[0].cosine == pytest.approx(0.8)
    summary = nearest.metrics({})["validation_in_train"]
    assert (summary["images"], summary["of"], summary["highest_cosine"]) == (1, 1, pytest.approx(0.8))
    last = nearest.table(SPLITS).iloc[-1]
    assert last.drop("cosine").tolist() == ["validation/0", "b", "train", "train/0", "a", "yes"]

    nearest = near_duplicates.find_near_duplicates(FEATURES, 0.85)
    assert nearest.metrics({})["validation_in_train"]["images"] == 0
    assert nearest.table(SPLITS)["path"].str.startswith("test/").all()


def test_the_length_of_the_table_is_bounded_by_the_near_duplicates():
    # Each image has a direction of its own, so that the shared ones have a cosine of 1 and all others one of 0.
    for shared, rows in ((3, near_duplicates.NEAREST), (20, 20)):
        features = {"train": np.eye(60)[:shared], "validation": np.eye(60)[50:], "test": np.eye(60)[:40]}
        assert len(near_duplicates.find_near_duplicates(features, 0.9).duplicates) == shared
        assert len(near_duplicates.find_near_duplicates(features, 0.9).neighbors) == rows


def test_the_picture_shows_the_nearest_pairs_and_highlights_near_duplicates():
    nearest = near_duplicates.find_near_duplicates(FEATURES, 0.7)
    assert nearest.title == (
        "Test images and what is nearest to them in train and validation: "
        "2 of 3 have a near-duplicate (cosine of at least 0.7)"
    )
    first, _, last = nearest.image_pairs(SPLITS)
    assert (first.captions, first.title, first.highlighted) == (
        ("test: b", "validation: b"),
        "cosine 1.000",
        "near-duplicate",
    )
    assert (last.captions, last.title, last.highlighted) == (("test: a", "train: a"), "cosine 0.600", "")
    assert (last.files, nearest.notes(SPLITS)) == (("0", "0"), [])


def test_accuracies_are_those_of_the_images_without_a_near_duplicate():
    right = {"head": np.array([True, True, False]), "tuned": np.array([False, True, True])}
    summary = near_duplicates.find_near_duplicates(FEATURES, 0.9).metrics(right)
    assert (summary["threshold"], summary["compared_with"], summary["images"]) == (0.9, "train and validation", 1)
    assert summary["highest_cosine"] == pytest.approx(1)
    # The second test image has a near-duplicate. Of the other two, each model classifies one correctly.
    low, high = intervals.wilson_interval(1, 2)
    half = {"accuracy": 0.5, "accuracy_low": low, "accuracy_high": high}
    assert summary["without"] == {"images": 2, "head": half, "tuned": half}


def test_there_is_no_accuracy_if_every_test_image_has_a_near_duplicate():
    nearest = near_duplicates.find_near_duplicates(FEATURES, 0.1)
    summary = nearest.metrics({"head": np.array([True, True, False])})
    assert (summary["images"], summary["without"]["images"]) == (3, 0)
    assert summary["without"]["head"] == {"accuracy": None, "accuracy_low": None, "accuracy_high": None}


def test_without_features_of_training_images_only_validation_is_compared():
    features = {name: array for name, array in FEATURES.items() if name != "train"}
    summary = near_duplicates.find_near_duplicates(features, 0.9).metrics({})
    assert (summary["compared_with"], summary["validation_in_train"]) == ("validation", None)
