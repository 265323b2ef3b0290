"""Batching: the order and size of the batches of a split, and what is in them."""

import numpy as np
import pytest

from transfer.loading import batches
from transfer.loading.augmentation import Augmentation, augment_batch, view_of_epoch
from transfer.loading.prepared import Split


def augmentation(views=4, seed=1):
    return Augmentation("horizontal", 0.2, views, seed)


def random_split(images, size=8):
    pixels = np.random.default_rng(1).integers(0, 256, (images, size, size, 3), np.uint8)
    digests = [f"{number:016x}" for number in range(images)]
    return Split(pixels, np.arange(images) % 3, [""] * images, digests, ["a", "b", "c"])


def order(epoch, count=10, batch_size=4, seed=1, views=4):
    """The order of the images in an epoch. The feature of an image is its number."""
    features = np.repeat(np.arange(count, dtype=np.float32)[:, None, None], views, axis=1)
    epoch_batches = batches.training_from_cache([features], np.arange(count), augmentation(views, seed), batch_size)
    return np.concatenate([inputs[:, 0] for [inputs], _ in epoch_batches(epoch)]).astype(int).tolist()


@pytest.mark.parametrize(("images", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3]), (1, [1]), (4, [4])])
def test_a_split_is_cut_into_batches_of_which_the_last_may_be_smaller(images, sizes):
    for rows in (batches.shuffled_order(images, 4, 1, 0, 0), batches.sequential_order(images, 4)):
        assert [len(batch) for batch in rows] == sizes
        assert sorted(np.concatenate(rows)) == list(range(images))
    assert batches.batches_per_epoch(images, 4) == len(sizes)


def test_the_sequential_order_is_that_of_the_rows():
    assert [rows.tolist() for rows in batches.sequential_order(5, 2)] == [[0, 1], [2, 3], [4]]


def test_the_shuffled_order_depends_on_the_seeds_alone():
    def shuffled(*seeds):
        return np.concatenate(batches.shuffled_order(100, 16, *seeds)).tolist()

    assert shuffled(1, 0, 5) == shuffled(1, 0, 5)
    assert len({tuple(shuffled(*seeds)) for seeds in [(1, 0, 5), (1, 0, 6), (1, 1, 5), (2, 0, 5)]}) == 4
    assert shuffled(1, 0, 5) != list(range(100))


def test_the_batch_size_does_not_change_the_order():
    assert order(3, batch_size=4) == order(3, batch_size=7)


def test_every_epoch_has_its_own_order_and_can_be_repeated():
    assert sorted(order(0)) == list(range(10))
    assert order(0) == order(0)
    assert len({tuple(order(epoch)) for epoch in range(6)}) == 6
    assert order(0, seed=2) != order(0)


def test_an_epoch_reads_the_cached_tensors_of_its_view():
    # Two tensors of different shapes, whose values encode the image and the view.
    first = np.array([[[10 * image + view] for view in range(3)] for image in range(5)], np.float32)
    second = np.tile(first[..., None], (1, 1, 4, 2))
    labels = np.array([0, 1, 0, 1, 2])
    epoch_batches = batches.training_from_cache([first, second], labels, augmentation(3), batch_size=2)
    for epoch, view in [(0, 0), (1, 1), (2, 2), (3, 0), (7, 1)]:
        for [one, two], actual in epoch_batches(epoch):
            assert one.shape == (len(actual), 1) and two.shape == (len(actual), 4, 2)
            assert (one[:, 0] % 10 == view).all()
            assert (two == one[:, :, None]).all()
            np.testing.assert_array_equal(actual, labels[(one[:, 0] // 10).astype(int)])


@pytest.mark.parametrize("views", [0, 3])
def test_batches_from_images_are_the_views_of_their_epoch_with_their_labels(views):
    split = random_split(7)
    epoch_batches = batches.training_from_images(lambda images: [images], split, augmentation(views), 3, training=2)
    for epoch in (0, 4):
        view = view_of_epoch(epoch, views, training=2)
        whole = augment_batch(split, augmentation(views), view, np.arange(7))
        seen = []
        for [inputs], labels in epoch_batches(epoch):
            rows = [next(row for row in range(7) if (whole[row] == image).all()) for image in inputs]
            np.testing.assert_array_equal(labels, split.labels[rows])
            seen += rows
        assert sorted(seen) == list(range(7))


def test_two_trainings_have_different_orders():
    split = random_split(30, size=1)

    def labels(training):
        epoch_batches = batches.training_from_images(lambda images: [images], split, augmentation(1), 30, training)
        return [label for _, of_batch in epoch_batches(0) for label in of_batch]

    assert labels(0) == labels(0)
    assert labels(0) != labels(1)


@pytest.mark.parametrize("training", [0, 2])
def test_batches_from_cache_equal_batches_from_images(training):
    split, views = random_split(7), augmentation(2)
    cache = np.stack([augment_batch(split, views, view, np.arange(7)) for view in range(2)], axis=1)
    for epoch in range(3):
        from_cache = list(batches.training_from_cache([cache], split.labels, views, 3, training)(epoch))
        from_images = list(batches.training_from_images(lambda images: [images], split, views, 3, training)(epoch))
        assert len(from_cache) == len(from_images) == 3
        for ([cached], cached_labels), ([augmented], labels) in zip(from_cache, from_images, strict=True):
            np.testing.assert_array_equal(cached, augmented)
            np.testing.assert_array_equal(cached_labels, labels)


def test_validation_batches_are_in_order_and_can_be_repeated():
    features, labels = np.arange(5, dtype=np.float32).reshape(5, 1, 1), np.array([4, 3, 2, 1, 0])
    from_cache = batches.validation_from_cache([features], labels, 2)
    split = random_split(5)
    from_images = batches.validation_from_images(lambda images: [images + 1], split, 2)
    for _ in range(2):
        assert [(inputs.tolist(), actual.tolist()) for [inputs], actual in from_cache()] == [
            ([[0], [1]], [4, 3]),
            ([[2], [3]], [2, 1]),
            ([[4]], [0]),
        ]
        np.testing.assert_array_equal(np.concatenate([inputs for [inputs], _ in from_images()]), split.images + 1)
        np.testing.assert_array_equal(np.concatenate([actual for _, actual in from_images()]), split.labels)


def test_a_single_tensor_is_a_model_input_by_itself_and_several_are_a_list():
    one, two = np.zeros(1), np.ones(1)
    assert batches.model_inputs([one]) is one
    assert batches.model_inputs([one, two]) == [one, two]


def test_a_short_batch_is_padded_with_copies_of_its_last_image():
    images = np.array([[1, 1], [2, 2]], np.uint8)
    assert batches.pad_batch(images, 4).tolist() == [[1, 1], [2, 2], [2, 2], [2, 2]]
    assert batches.pad_batch(images, 4).dtype == np.uint8
    assert batches.pad_batch(images, 2) is images


def test_batches_may_come_back_in_any_order():
    class Backwards:
        """An engine that returns the last batch first."""

        def map(self, function, batches):
            yield from reversed([(item, function(batch)) for item, batch in batches])

        def status(self):
            return "1 worker"

    data, order = np.arange(10, 15)[:, None], batches.sequential_order(5, 2)
    results = batches.map_batches(lambda inputs: [2 * inputs], data.__getitem__, order, 2, "doubling", Backwards())
    assert [(rows.tolist(), doubled.tolist()) for rows, [doubled] in results] == [
        ([4], [[28]]),
        ([2, 3], [[24], [26]]),
        ([0, 1], [[20], [22]]),
    ]


def test_a_function_sees_batches_of_one_shape_and_its_results_have_no_padding():
    data, shapes = np.arange(10, 15)[:, None], []

    def double(inputs):
        shapes.append(inputs.shape)
        return [2 * inputs, inputs[:, 0] + 0.5]

    results = list(batches.map_batches(double, lambda rows: data[rows], batches.sequential_order(5, 2), 2, "doubling"))
    assert shapes == [(2, 1)] * 3
    assert [rows.tolist() for rows, _ in results] == [[0, 1], [2, 3], [4]]
    assert [doubled.tolist() for _, [doubled, _] in results] == [[[20], [22]], [[24], [26]], [[28]]]
    assert [increased.tolist() for _, [_, increased] in results] == [[10.5, 11.5], [12.5, 13.5], [14.5]]
