"""Views: what determines a view of an image, what it looks like, and which epoch sees it."""

import numpy as np
import pytest

from transfer.loading.augmentation import (
    Augmentation,
    Transform,
    apply_transform,
    augment_batch,
    draw_transform,
    view_of_epoch,
)
from transfer.loading.prepared import Split

STUDY = Augmentation(flip="horizontal", rotation=0.2, views=4, seed=1)
DIGEST = "0123456789abcdef"


def smooth(size):
    """An image without any symmetry, whose neighbouring pixels hardly differ."""
    rows, columns = np.mgrid[:size, :size] / (size - 1)
    return np.stack([200 * rows, 250 * columns, 120 * rows * columns + 60 * columns], axis=2).astype(np.uint8)


def draw_transforms(augmentation=STUDY, count=2000):
    """The transforms of the first view of many images."""
    return [draw_transform(augmentation, f"{number:016x}", 1) for number in range(count)]


def test_view_0_is_the_image_itself():
    image = smooth(16)
    assert draw_transform(STUDY, DIGEST, 0) == Transform(mirrored=False, turn=0.0)
    np.testing.assert_array_equal(apply_transform(image, draw_transform(STUDY, DIGEST, 0)), image)


def test_a_view_depends_on_seed_digest_and_number_alone():
    cases = [(seed, digest, view) for seed in (1, 2) for digest in ("a", "b" * 16) for view in (1, 2, 3)]

    def transforms(order):
        return {
            (seed, digest, view): draw_transform(Augmentation("horizontal", 0.2, 4, seed), digest, view)
            for seed, digest, view in order
        }

    forwards = transforms(cases)
    assert transforms(reversed(cases)) == forwards
    assert len({transform.turn for transform in forwards.values()}) == len(cases)


def test_the_number_of_cached_views_does_not_change_a_view():
    few, none = Augmentation("horizontal", 0.2, 2, 1), Augmentation("horizontal", 0.2, 0, 1)
    assert draw_transform(few, DIGEST, 1) == draw_transform(none, DIGEST, 1) == draw_transform(STUDY, DIGEST, 1)


def test_turns_are_spread_evenly_over_the_rotation_either_way():
    turns = np.array([transform.turn for transform in draw_transforms()])
    assert np.abs(turns).max() <= 0.2
    counts, _ = np.histogram(turns, bins=10, range=(-0.2, 0.2))
    # 200 are expected in each tenth, with a standard deviation of 13.
    assert counts.sum() == 2000
    assert (np.abs(counts - 200) < 60).all()


def test_half_of_the_views_are_mirrored_whichever_way_they_are_turned():
    mirrored = np.array([transform.mirrored for transform in draw_transforms()])
    to_the_left = np.array([transform.turn > 0 for transform in draw_transforms()])
    # The standard deviation is 0.011 for the share of all views, and 0.016 for the share of those turned one way.
    assert abs(mirrored.mean() - 0.5) < 0.05
    assert abs(mirrored[to_the_left].mean() - 0.5) < 0.07


def test_without_flip_nothing_is_mirrored_and_without_rotation_nothing_is_turned():
    assert not any(transform.mirrored for transform in draw_transforms(Augmentation(None, 0.2, 4, 1), 200))
    assert all(transform.turn == 0 for transform in draw_transforms(Augmentation("horizontal", 0.0, 4, 1), 200))


def test_without_flip_the_turns_stay_the_same():
    without_flip = draw_transforms(Augmentation(None, 0.2, 4, 1), 50)
    assert [transform.turn for transform in without_flip] == [transform.turn for transform in draw_transforms(count=50)]


@pytest.mark.parametrize("size", [15, 16])
@pytest.mark.parametrize(("turn", "quarters"), [(0.25, 1), (-0.25, -1), (0.5, 2)])
def test_a_turn_is_anticlockwise_about_the_centre(size, turn, quarters):
    image = smooth(size)
    view = apply_transform(image, Transform(turn=turn)).astype(int)
    assert np.abs(view - np.rot90(image, quarters)).max() <= 1


def test_mirroring_swaps_left_and_right():
    image = smooth(16)
    np.testing.assert_array_equal(apply_transform(image, Transform(mirrored=True)), image[:, ::-1])


def test_an_image_is_mirrored_first_and_then_turned():
    image = smooth(16)
    view = apply_transform(image, Transform(mirrored=True, turn=0.25)).astype(int)
    assert np.abs(view - np.rot90(image[:, ::-1])).max() <= 1


def test_corners_are_filled_with_the_image_and_not_with_black():
    image = np.full((32, 32, 3), 200, np.uint8)
    assert (apply_transform(image, Transform(turn=0.125)) == 200).all()


def test_corners_reflect_the_pixels_next_to_the_edge():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:4] = 255
    view = apply_transform(image, Transform(turn=0.125))
    # After an eighth of a turn to the left, the white top edge crosses the upper left corner. Beyond it lies its
    # reflection.
    assert view[0, 0].min() < 10
    assert view[5, 5].min() > 245
    assert view[3, 3].min() > 245


def test_a_transform_leaves_the_original_image_unchanged():
    image = smooth(16)
    image.flags.writeable = False
    apply_transform(image, Transform(mirrored=True, turn=0.1))
    np.testing.assert_array_equal(image, smooth(16))


def test_the_view_of_an_image_does_not_depend_on_the_other_images_of_its_batch():
    images = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), np.uint8)
    digests = [f"{number:016x}" for number in range(5)]
    split = Split(images, np.zeros(5, np.int64), [""] * 5, digests, ["a"])
    whole = augment_batch(split, STUDY, 2, np.arange(5))
    assert whole.shape == (5, 16, 16, 3)
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(augment_batch(split, STUDY, 2, np.array([3, 0])), whole[[3, 0]])
    np.testing.assert_array_equal(augment_batch(split, STUDY, 0, np.arange(5)), images)
    for row in range(5):
        np.testing.assert_array_equal(whole[row], apply_transform(images[row], draw_transform(STUDY, digests[row], 2)))


def test_epochs_cycle_through_the_cached_views_in_every_training():
    assert [view_of_epoch(epoch, 4) for epoch in range(9)] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [view_of_epoch(epoch, 4, training=2) for epoch in range(5)] == [0, 1, 2, 3, 0]
    assert {view_of_epoch(epoch, 1) for epoch in range(5)} == {0}


def test_fresh_views_are_never_the_image_itself_and_never_repeat():
    views = [view_of_epoch(epoch, 0, training) for training in range(5) for epoch in [*range(200), 999_999]]
    assert 0 not in views
    assert len(set(views)) == len(views)
