"""Which view of an image is seen when, and what it looks like."""

import numpy as np
import pytest
from transfer.loading.prepared import Split
from transfer.loading.augmentation import Augmentation
from transfer.loading.augmentation import Transform

from transfer.loading import augmentation

STUDY = Augmentation(flip="horizontal", rotation=0.2, views=4, seed=1)
DIGEST = "0123456789abcdef"


def smooth(size):
    """An image without any symmetry, whose neighbouring pixels differ little."""
    rows, columns = np.mgrid[:size, :size] / (size - 1)
    return np.stack([200 * rows, 250 * columns, 120 * rows * columns + 60 * columns], axis=2).astype(np.uint8)


def draws(augmentation=STUDY, count=2000):
    return [augmentation.draw_transform(augmentation, f"{number:016x}", 1) for number in range(count)]


def test_view_0_is_the_image_itself():
    image = smooth(16)
    assert augmentation.draw_transform(STUDY, DIGEST, 0) == Transform(mirrored=False, turn=0.0)
    np.testing.assert_array_equal(augmentation.apply_transform(image, augmentation.draw_transform(STUDY, DIGEST, 0)), image)


def test_a_view_depends_on_seed_digest_and_number_alone():
    asked = [(seed, digest, view) for seed in (1, 2) for digest in ("a", "b" * 16) for view in (1, 2, 3)]

    def answers(order):
        return {(s, d, v): augmentation.draw_transform(Augmentation("horizontal", 0.2, 4, s), d, v) for s, d, v in order}

    forwards = answers(asked)
    assert answers(reversed(asked)) == forwards
    assert len({draw.turn for draw in forwards.values()}) == len(asked)


def test_how_many_views_are_cached_does_not_change_a_view():
    few, none = Augmentation("horizontal", 0.2, 2, 1), Augmentation("horizontal", 0.2, 0, 1)
    assert augmentation.draw_transform(few, DIGEST, 1) == augmentation.draw_transform(none, DIGEST, 1) == augmentation.draw_transform(STUDY, DIGEST, 1)


def test_turns_are_spread_evenly_over_the_rotation_either_way():
    turns = np.array([draw.turn for draw in draws()])
    assert np.abs(turns).max() <= 0.2
    counts, _ = np.histogram(turns, bins=10, range=(-0.2, 0.2))
    # 200 expected in each tenth, with a standard deviation of 13
    assert counts.sum() == 2000
    assert (np.abs(counts - 200) < 60).all()


def test_about_half_of_the_views_are_mirrored_whichever_way_they_are_turned():
    mirrored = np.array([draw.mirrored for draw in draws()])
    to_the_left = np.array([draw.turn > 0 for draw in draws()])
    # Standard deviation of the share: 0.016 of all, 0.011 * 2 of those that are turned one way
    assert abs(mirrored.mean() - 0.5) < 0.05
    assert abs(mirrored[to_the_left].mean() - 0.5) < 0.07


def test_without_flip_nothing_is_mirrored_and_without_rotation_nothing_turned():
    assert not any(draw.mirrored for draw in draws(Augmentation(None, 0.2, 4, 1), 200))
    assert all(draw.turn == 0 for draw in draws(Augmentation("horizontal", 0.0, 4, 1), 200))


def test_without_flip_the_turns_stay_the_same():
    plain = draws(Augmentation(None, 0.2, 4, 1), 50)
    assert [draw.turn for draw in plain] == [draw.turn for draw in draws(count=50)]


@pytest.mark.parametrize("size", [15, 16])
@pytest.mark.parametrize(("turn", "quarters"), [(0.25, 1), (-0.25, -1), (0.5, 2)])
def test_a_turn_is_anticlockwise_about_the_middle(size, turn, quarters):
    image = smooth(size)
    found = augmentation.apply_transform(image, Transform(turn=turn)).astype(int)
    assert np.abs(found - np.rot90(image, quarters)).max() <= 1


def test_mirroring_swaps_left_and_right():
    image = smooth(16)
    np.testing.assert_array_equal(augmentation.apply_transform(image, Transform(mirrored=True)), image[:, ::-1])


def test_an_image_is_mirrored_first_and_then_turned():
    image = smooth(16)
    found = augmentation.apply_transform(image, Transform(mirrored=True, turn=0.25)).astype(int)
    assert np.abs(found - np.rot90(image[:, ::-1])).max() <= 1


def test_corners_are_filled_with_the_image_not_with_black():
    image = np.full((32, 32, 3), 200, np.uint8)
    assert (augmentation.apply_transform(image, Transform(turn=0.125)) == 200).all()


def test_corners_reflect_what_lies_next_to_the_edge():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:4] = 255
    turned = augmentation.apply_transform(image, Transform(turn=0.125))
    # An eighth to the left, the white top edge lies across the upper left corner; beyond it, its reflection
    assert turned[0, 0].min() < 10
    assert turned[5, 5].min() > 245
    assert turned[3, 3].min() > 245


def test_applying_a_view_leaves_the_image_as_it_was():
    image = smooth(16)
    image.flags.writeable = False
    augmentation.apply_transform(image, Transform(mirrored=True, turn=0.1))
    np.testing.assert_array_equal(image, smooth(16))


def test_a_batch_draws_for_each_image_whatever_comes_with_it():
    images = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), np.uint8)
    digests = [f"{number:016x}" for number in range(5)]
    split = Split(images, np.zeros(5, np.int64), [""] * 5, digests, ["a"])
    whole = augmentation.augment_batch(split, STUDY, 2, np.arange(5))
    assert whole.shape == (5, 16, 16, 3)
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(augmentation.augment_batch(split, STUDY, 2, np.array([3, 0])), whole[[3, 0]])
    np.testing.assert_array_equal(augmentation.augment_batch(split, STUDY, 0, np.arange(5)), images)
    for row in range(5):
        np.testing.assert_array_equal(whole[row], augmentation.apply_transform(images[row], augmentation.draw_transform(STUDY, digests[row], 2)))


def test_cached_views_come_in_a_cycle_in_every_training():
    assert [augmentation.view_of_epoch(epoch, 4) for epoch in range(9)] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [augmentation.view_of_epoch(epoch, 4, training=2) for epoch in range(5)] == [0, 1, 2, 3, 0]
    assert {augmentation.view_of_epoch(epoch, 1) for epoch in range(5)} == {0}


def test_fresh_views_are_never_the_image_itself_and_never_come_again():
    seen = [augmentation.view_of_epoch(epoch, 0, training) for training in range(5) for epoch in [*range(200), 999_999]]
    assert 0 not in seen
    assert len(set(seen)) == len(seen)
