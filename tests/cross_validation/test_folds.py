"""Folds: balanced, whole groups, the same for the same pixels."""

from dataclasses import replace

import numpy as np

from transfer.cross_validation import folds

SEED, REPEAT = 1, 0


def alone(pool):
    return np.arange(len(pool))


def test_every_fold_has_its_share_of_every_class(make_pool):
    pool = make_pool(np.repeat([0, 1, 2], [40, 25, 13]))
    fold = folds.deal(pool, alone(pool), 10, SEED, REPEAT)
    assert set(np.bincount(fold[:40])) == {4}
    assert sorted(np.bincount(fold[40:65])) == [2] * 5 + [3] * 5
    assert sorted(np.bincount(fold[65:], minlength=10)) == [1] * 7 + [2] * 3


def test_the_odd_images_of_many_small_classes_do_not_meet_in_one_fold(make_pool):
    pool = make_pool(np.repeat(np.arange(200), 11))
    sizes = np.bincount(folds.deal(pool, alone(pool), 10, SEED, REPEAT))
    # 2 images of one class in each fold would give 200 to 400 images.
    assert sizes.min() > 190 and sizes.max() < 250


def test_folds_depend_on_pixels_and_not_on_names_or_order(make_pool):
    pool = make_pool(np.repeat([0, 1], 30))
    fold = folds.deal(pool, alone(pool), 5, SEED, REPEAT)
    order = np.random.default_rng(0).permutation(60)
    other = make_pool(pool.labels[order], numbers=order)
    other = replace(other, paths=[f"validation/{number}" for number in range(60)], splits=["validation"] * 60)
    np.testing.assert_array_equal(folds.deal(other, alone(other), 5, SEED, REPEAT), fold[order])


def test_repeats_and_seeds_have_folds_of_their_own(make_pool):
    pool = make_pool(np.repeat([0, 1], 50))
    dealt = [folds.deal(pool, alone(pool), 5, *seeds) for seeds in ((1, 0), (1, 1), (2, 0))]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert 0.1 < np.mean(dealt[first] == dealt[second]) < 0.35


def test_added_images_move_few_others(make_pool):
    labels = np.random.default_rng(0).integers(0, 6, 1160)
    before, after = make_pool(labels[:1060]), make_pool(labels)
    moved = (
        folds.deal(before, alone(before), 10, SEED, REPEAT) != folds.deal(after, alone(after), 10, SEED, REPEAT)[:1060]
    )
    assert 0 < moved.mean() < 0.12


def test_groups_stay_whole_and_folds_stay_balanced(make_pool):
    generator = np.random.default_rng(0)
    pool = make_pool(np.repeat([0, 1, 2], 100))
    # 60 groups of 1 to 6 images, some of them across classes.
    group = np.concatenate([generator.integers(0, 60, 200), 100 + np.arange(100)])
    fold = folds.deal(pool, group, 5, SEED, REPEAT)
    for number in np.unique(group):
        assert len(np.unique(fold[group == number])) == 1
    for label in range(3):
        assert np.bincount(fold[pool.labels == label]).min() >= 15
        assert np.bincount(fold[pool.labels == label]).max() <= 25


def test_other_images_fill_the_folds_up_to_the_same_size(make_pool):
    pool = make_pool([0] * 50 + [1] * 20)
    group = np.concatenate([[0] * 9, [1] * 4, 100 + np.arange(57)])
    fold = folds.deal(pool, group, 5, SEED, REPEAT)
    assert np.bincount(fold[:50]).tolist() == [10] * 5 and np.bincount(fold[50:]).tolist() == [4] * 5


def test_a_class_of_two_groups_is_in_two_folds(make_pool):
    pool = make_pool(np.repeat([0, 1], [20, 6]))
    group = np.concatenate([np.arange(20), [100] * 5, [101]])
    fold = folds.deal(pool, group, 2, SEED, REPEAT)
    assert set(fold[20:25]) != set(fold[25:])


def test_a_single_fold_holds_everything(make_pool):
    pool = make_pool(np.repeat([0, 1], 5))
    assert not folds.deal(pool, alone(pool), 1, SEED, REPEAT).any()
