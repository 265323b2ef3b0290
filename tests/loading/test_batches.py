"""In which order and in which pieces images are gone through."""

import numpy as np
import pytest
from transfer.loading.prepared import Split
from transfer.loading.augmentation import Augmentation

from transfer.loading import augmentation
from transfer.loading import batches


def augmentation(cached=4, seed=1):
    return Augmentation("horizontal", 0.2, cached, seed)


def split_of(images, size=8):
    pixels = np.random.default_rng(1).integers(0, 256, (images, size, size, 3), np.uint8)
    digests = [f"{number:016x}" for number in range(images)]
    return Split(pixels, np.arange(images) % 3, [""] * images, digests, ["a", "b", "c"])


def order(epoch, count=10, batch_size=4, seed=1, cached=4):
    """The images of an epoch, told by their features, which are their own numbers."""
    features = np.repeat(np.arange(count, dtype=np.float32)[:, None, None], max(cached, 1), axis=1)
    found = batches.training_from_cache([features], np.arange(count), augmentation(cached, seed), batch_size)(epoch)
    return np.concatenate([inputs[:, 0] for [inputs], _ in found]).astype(int).tolist()


@pytest.mark.parametrize(("images", "expected"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3]), (1, [1]), (4, [4])])
def test_every_image_comes_once_and_the_last_batch_is_smaller(images, expected):
    for rows in (batches.shuffled_order(images, 4, 1, 0, 0), batches.sequential_order(images, 4)):
        assert [len(part) for part in rows] == expected
        assert sorted(np.concatenate(rows)) == list(range(images))
    assert batches.batches_per_epoch(images, 4) == len(expected)


def test_in_order_is_in_order():
    assert [rows.tolist() for rows in batches.sequential_order(5, 2)] == [[0, 1], [2, 3], [4]]


def test_the_order_is_settled_by_the_numbers_of_the_draw_alone():
    def drawn(*draw):
        return np.concatenate(batches.shuffled_order(100, 16, *draw)).tolist()

    assert drawn(1, 0, 5) == drawn(1, 0, 5)
    assert len({tuple(drawn(*draw)) for draw in [(1, 0, 5), (1, 0, 6), (1, 1, 5), (2, 0, 5)]}) == 4
    assert drawn(1, 0, 5) != list(range(100))


def test_the_batch_size_does_not_change_the_order():
    assert order(3, batch_size=4) == order(3, batch_size=7)


def test_an_epoch_has_an_order_of_its_own_and_can_be_repeated():
    assert sorted(order(0)) == list(range(10))
    assert order(0) == order(0)
    assert len({tuple(order(epoch)) for epoch in range(6)}) == 6
    assert order(0, seed=2) != order(0)


def test_cached_tensors_are_those_of_view_epoch_modulo_views():
    # Two tensors of different shapes that both say which image and which view they are of
    first = np.array([[[10 * image + view] for view in range(3)] for image in range(5)], np.float32)
    second = np.tile(first[..., None], (1, 1, 4, 2))
    labels = np.array([0, 1, 0, 1, 2])
    epoch = batches.training_from_cache([first, second], labels, augmentation(3), batch_size=2)
    for number, view in [(0, 0), (1, 1), (2, 2), (3, 0), (7, 1)]:
        for [one, two], actual in epoch(number):
            assert one.shape == (len(actual), 1) and two.shape == (len(actual), 4, 2)
            assert (one[:, 0] % 10 == view).all()
            assert (two == one[:, :, None]).all()
            np.testing.assert_array_equal(actual, labels[(one[:, 0] // 10).astype(int)])


@pytest.mark.parametrize("cached", [0, 3])
def test_drawn_batches_are_the_views_of_their_epoch_with_their_labels(cached):
    split, drawn_from = split_of(7), augmentation(cached)
    epoch = batches.training_from_images(lambda images: [images], split, drawn_from, 3, training=2)
    for number in (0, 4):
        view = augmentation.view_of_epoch(number, cached, training=2)
        every = augmentation.augment_batch(split, drawn_from, view, np.arange(7))
        seen = []
        for [inputs], actual in epoch(number):
            rows = [next(row for row in range(7) if (every[row] == image).all()) for image in inputs]
            np.testing.assert_array_equal(actual, split.labels[rows])
            seen += rows
        assert sorted(seen) == list(range(7))


def test_two_trainings_have_different_orders():
    split = split_of(30, size=1)

    def labels(training):
        epoch = batches.training_from_images(lambda images: [images], split, augmentation(1), 30, training)
        return [number for _, actual in epoch(0) for number in actual]

    assert labels(0) == labels(0)
    assert labels(0) != labels(1)


@pytest.mark.parametrize("training", [0, 2])
def test_cached_and_drawn_batches_of_a_training_are_the_same(training):
    split, drawn_from = split_of(7), augmentation(2)
    features = np.stack([augmentation.augment_batch(split, drawn_from, view, np.arange(7)) for view in range(2)], axis=1)
    for number in range(3):
        from_cache = list(batches.training_from_cache([features], split.labels, drawn_from, 3, training)(number))
        afresh = list(batches.training_from_images(lambda images: [images], split, drawn_from, 3, training)(number))
        assert len(from_cache) == len(afresh) == 3
        for ([inputs], actual), ([same], same_actual) in zip(from_cache, afresh, strict=True):
            np.testing.assert_array_equal(inputs, same)
            np.testing.assert_array_equal(actual, same_actual)


def test_validation_batches_are_in_order_and_can_be_gone_through_again():
    features, labels = np.arange(5, dtype=np.float32).reshape(5, 1, 1), np.array([4, 3, 2, 1, 0])
    stored = batches.validation_from_cache([features], labels, 2)
    split = split_of(5)
    plain = batches.validation_from_images(lambda images: [images + 1], split, 2)
    for _ in range(2):
        assert [(inputs.tolist(), actual.tolist()) for [inputs], actual in stored()] == [
            ([[0], [1]], [4, 3]),
            ([[2], [3]], [2, 1]),
            ([[4]], [0]),
        ]
        np.testing.assert_array_equal(np.concatenate([inputs for [inputs], _ in plain()]), split.images + 1)
        np.testing.assert_array_equal(np.concatenate([actual for _, actual in plain()]), split.labels)


def test_a_model_takes_one_tensor_by_itself_and_several_as_a_list():
    one, two = np.zeros(1), np.ones(1)
    assert batches.model_inputs([one]) is one
    assert batches.model_inputs([one, two]) == [one, two]


def test_a_short_batch_is_filled_up_with_its_last_image():
    images = np.array([[1, 1], [2, 2]], np.uint8)
    assert batches.pad_batch(images, 4).tolist() == [[1, 1], [2, 2], [2, 2], [2, 2]]
    assert batches.pad_batch(images, 4).dtype == np.uint8
    assert batches.pad_batch(images, 2) is images


def test_a_whole_split_goes_through_in_batches_of_one_shape_without_the_padding():
    data, shapes = np.arange(10, 15)[:, None], []

    def double(inputs):
        shapes.append(inputs.shape)
        return [2 * inputs, inputs[:, 0] + 0.5]

    found = list(batches.map_batches(double, lambda rows: data[rows], batches.sequential_order(5, 2), 2, "doubling"))
    assert shapes == [(2, 1)] * 3
    assert [rows.tolist() for rows, _ in found] == [[0, 1], [2, 3], [4]]
    assert [doubled.tolist() for _, [doubled, _] in found] == [[[20], [22]], [[24], [26]], [[28]]]
    assert [others.tolist() for _, [_, others] in found] == [[10.5, 11.5], [12.5, 13.5], [14.5]]
