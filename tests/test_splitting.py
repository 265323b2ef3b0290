"""How many images go to each split, and which."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer import splitting
from transfer.faults import Fault

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def totals(sizes):
    return {split: sum(given[split] for given in sizes.values()) for split in SHARES}


def images(counts):
    """Made-up digests, each of 16 hexadecimal digits."""
    return [(label, f"{ord(label[0]):08x}{number:08x}") for label, count in counts.items() for number in range(count)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (3, (1, 1, 1)),
        (4, (2, 1, 1)),
        (5, (3, 1, 1)),
        (10, (8, 1, 1)),
        (20, (16, 2, 2)),
        (100, (80, 10, 10)),
        (200, (160, 20, 20)),
    ],
)
def test_a_class_is_split_by_the_shares(count, expected):
    assert splitting.sizes({"a": count}, SHARES) == {"a": dict(zip(SHARES, expected, strict=True))}


def test_six_classes_of_the_study_are_split_160_20_20():
    found = splitting.sizes(dict.fromkeys("abcdef", 200), SHARES)
    assert found == {label: {"train": 160, "validation": 20, "test": 20} for label in "abcdef"}


@pytest.mark.parametrize(
    ("classes", "expected"), [(2, (24, 3, 3)), (4, (48, 6, 6)), (6, (72, 9, 9)), (3, (36, 4.5, 4.5))]
)
def test_what_rounding_takes_in_one_class_comes_back_in_another(classes, expected):
    found = totals(splitting.sizes(dict.fromkeys("abcdef"[:classes], 15), SHARES))
    for number, target in zip(found.values(), expected, strict=True):
        assert abs(number - target) < 1
    assert sum(found.values()) == 15 * classes


def test_other_shares_are_kept_too():
    found = splitting.sizes({"a": 10, "b": 20}, {"train": 0.5, "validation": 0.3, "test": 0.2})
    assert found == {
        "a": {"train": 5, "validation": 3, "test": 2},
        "b": {"train": 10, "validation": 6, "test": 4},
    }


def test_fewer_images_than_splits_are_refused():
    with pytest.raises(Fault, match="The class b has 2 different images: 3 are the least, one a split"):
        splitting.sizes({"a": 10, "b": 2}, SHARES)


@given(st.dictionaries(st.text("abcdé", min_size=1, max_size=3), st.integers(3, 300), min_size=1, max_size=8))
def test_every_class_is_in_every_split_and_used_up(counts):
    found = splitting.sizes(counts, SHARES)
    assert found.keys() == counts.keys()
    for label, given_to in found.items():
        assert sum(given_to.values()) == counts[label]
        assert min(given_to.values()) >= 1


@given(st.dictionaries(st.text("abcdé", min_size=1, max_size=3), st.integers(10, 300), min_size=1, max_size=8))
def test_the_whole_is_within_one_image_of_the_shares(counts):
    found, total = totals(splitting.sizes(counts, SHARES)), sum(counts.values())
    for split, share in SHARES.items():
        assert abs(found[split] - share * total) <= 1


def test_images_are_assigned_in_the_numbers_of_sizes():
    counts = {"a": 15, "b": 10, "c": 3}
    found = splitting.assign(images(counts), SHARES, seed=1)
    sizes = splitting.sizes(counts, SHARES)
    for label in counts:
        assert Counter(split for (of, _), split in found.items() if of == label) == sizes[label]


@given(st.randoms(use_true_random=False), st.integers(3, 30), st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_every_image_is_assigned_once_whatever_the_order(random, first, second, seed):
    asked = images({"a": first, "b": second})
    found = splitting.assign(asked, SHARES, seed)
    assert found.keys() == set(asked)
    random.shuffle(asked)
    assert splitting.assign(asked, SHARES, seed) == found


def test_another_seed_assigns_other_images():
    asked = images({"a": 100})

    def test_split(seed):
        return {image for image, split in splitting.assign(asked, SHARES, seed).items() if split == "test"}

    chosen = [test_split(seed) for seed in range(20)]
    # Two random tens of a hundred share one on average
    assert all(len(chosen[0] & other) <= 5 for other in chosen[1:])
    # And in twenty draws of ten, hardly an image of a hundred is left out: 0.9 ** 20 = 12 %
    assert len(set.union(*chosen)) >= 75


def test_the_seed_settles_the_split_for_good():
    found = splitting.assign(images({"a": 10}), SHARES, seed=1)
    again = splitting.assign(iter(images({"a": 10})), SHARES, seed=1)
    assert found == again
