"""The number of images of each split, and which images they are."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.dataset import splitting
from transfer.interface.errors import UserError

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def totals(sizes):
    return {split: sum(of_class[split] for of_class in sizes.values()) for split in SHARES}


def images(counts):
    """Images as (class, digest); each digest has 16 hexadecimal digits."""
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


def test_the_six_classes_of_the_study_are_split_160_20_20():
    sizes = splitting.sizes(dict.fromkeys("abcdef", 200), SHARES)
    assert sizes == {label: {"train": 160, "validation": 20, "test": 20} for label in "abcdef"}


@pytest.mark.parametrize(
    ("classes", "expected"), [(2, (24, 3, 3)), (4, (48, 6, 6)), (6, (72, 9, 9)), (3, (36, 4.5, 4.5))]
)
def test_rounding_errors_of_classes_cancel_out(classes, expected):
    of_split = totals(splitting.sizes(dict.fromkeys("abcdef"[:classes], 15), SHARES))
    for number, target in zip(of_split.values(), expected, strict=True):
        assert abs(number - target) < 1
    assert sum(of_split.values()) == 15 * classes


def test_other_shares_are_kept():
    sizes = splitting.sizes({"a": 10, "b": 20}, {"train": 0.5, "validation": 0.3, "test": 0.2})
    assert sizes == {
        "a": {"train": 5, "validation": 3, "test": 2},
        "b": {"train": 10, "validation": 6, "test": 4},
    }


def test_fewer_images_than_splits_are_an_error():
    with pytest.raises(
        UserError, match="The class b has 2 different images: at least 3 are needed, one for each split"
    ):
        splitting.sizes({"a": 10, "b": 2}, SHARES)


@given(st.dictionaries(st.text("abcdé", min_size=1, max_size=3), st.integers(3, 300), min_size=1, max_size=8))
def test_every_class_is_in_every_split_with_all_its_images(counts):
    sizes = splitting.sizes(counts, SHARES)
    assert sizes.keys() == counts.keys()
    for label, of_class in sizes.items():
        assert sum(of_class.values()) == counts[label]
        assert min(of_class.values()) >= 1


@given(st.dictionaries(st.text("abcdé", min_size=1, max_size=3), st.integers(10, 300), min_size=1, max_size=8))
def test_all_classes_together_are_within_one_image_of_the_shares(counts):
    of_split, total = totals(splitting.sizes(counts, SHARES)), sum(counts.values())
    for split, share in SHARES.items():
        assert abs(of_split[split] - share * total) <= 1


def test_the_splits_have_the_sizes_that_sizes_returns():
    counts = {"a": 15, "b": 10, "c": 3}
    splits = splitting.assign(images(counts), SHARES, seed=1)
    sizes = splitting.sizes(counts, SHARES)
    for label in counts:
        assert Counter(split for (of_image, _), split in splits.items() if of_image == label) == sizes[label]


@given(st.randoms(use_true_random=False), st.integers(3, 30), st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_every_image_is_assigned_once_whatever_their_order(random, first, second, seed):
    entries = images({"a": first, "b": second})
    splits = splitting.assign(entries, SHARES, seed)
    assert splits.keys() == set(entries)
    random.shuffle(entries)
    assert splitting.assign(entries, SHARES, seed) == splits


def test_another_seed_gives_another_test_split():
    entries = images({"a": 100})

    def test_split(seed):
        return {image for image, split in splitting.assign(entries, SHARES, seed).items() if split == "test"}

    chosen = [test_split(seed) for seed in range(20)]
    # Two random samples of 10 out of 100 have one in common on average.
    assert all(len(chosen[0] & other) <= 5 for other in chosen[1:])
    # Twenty samples of 10 out of 100 leave out 12 % (0.9 ** 20).
    assert len(set.union(*chosen)) >= 75


def test_the_same_seed_gives_the_same_split():
    splits = splitting.assign(images({"a": 10}), SHARES, seed=1)
    again = splitting.assign(iter(images({"a": 10})), SHARES, seed=1)
    assert splits == again


def grouped(*groups):
    """Images and the group of each digest, given how many images of each class each group holds."""
    entries, group_of = [], {}
    for number, counts in enumerate(groups):
        for label, count in counts.items():
            for _ in range(count):
                entries.append((label, f"{len(entries):016x}"))
                group_of[entries[-1][1]] = f"group {number}"
    return entries, group_of


def splits_by_group(splits, group_of):
    """The splits that the images of each group are in."""
    of_group = {}
    for (_, digest), split in splits.items():
        of_group.setdefault(group_of[digest], set()).add(split)
    return of_group


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), max_size=30), st.integers(0, 1000))
def test_groups_stay_whole_and_every_class_is_in_every_split(sizes, seed):
    # Each class gets at least three groups.
    entries, group_of = grouped(*({label: count} for label, count in [*sizes, *[(label, 2) for label in "aaabbbccc"]]))
    splits = splitting.assign(entries, SHARES, seed, group_of)
    assert splits.keys() == set(entries)
    assert all(len(of_group) == 1 for of_group in splits_by_group(splits, group_of).values())
    assert len({(label, split) for (label, _), split in splits.items()}) == 9


def test_shares_are_kept_as_far_as_groups_allow():
    # With 100 images in pairs and 60 in groups of five, 80/10/10 and 48/6/6 are possible to within half a group.
    entries, group_of = grouped(*[{"a": 2}] * 50, *[{"b": 5}] * 12)
    counts = Counter((label, split) for (label, _), split in splitting.assign(entries, SHARES, 1, group_of).items())
    assert [counts["a", split] for split in SHARES] == [80, 10, 10]
    assert [counts["b", split] for split in SHARES] == [50, 5, 5]


def test_single_images_make_up_for_the_groups():
    # The group of 12 goes to train, whose share is 16 of 20; 4 of the 8 single images join it.
    entries, group_of = grouped({"a": 12})
    entries += [("a", f"f{number:015x}") for number in range(8)]
    splits = splitting.assign(entries, SHARES, 1, group_of)
    assert Counter(splits.values()) == {"train": 16, "validation": 2, "test": 2}
    assert {splits[image] for image in entries[:12]} == {"train"}


def test_three_large_groups_go_to_one_split_each():
    entries, group_of = grouped({"a": 10}, {"a": 10}, {"a": 10})
    assert sorted(Counter(splitting.assign(entries, SHARES, 1, group_of).values()).values()) == [10, 10, 10]


def test_a_group_may_hold_several_classes():
    entries, group_of = grouped(*[{"a": 2, "b": 1}] * 20)
    splits = splitting.assign(entries, SHARES, 1, group_of)
    assert all(len(of_group) == 1 for of_group in splits_by_group(splits, group_of).values())
    assert Counter(splits.values()) == {"train": 48, "validation": 6, "test": 6}


def test_the_order_of_images_and_the_names_of_groups_do_not_matter():
    entries, group_of = grouped(*[{"a": 3}] * 6, *[{"b": 2, "a": 1}] * 7)
    splits = splitting.assign(entries, SHARES, 1, group_of)
    renamed = {digest: f"{name[::-1]} more" for digest, name in group_of.items()}
    assert splitting.assign(entries[::-1], SHARES, 1, renamed) == splits
    assert any(splitting.assign(entries, SHARES, seed, group_of) != splits for seed in range(2, 6))


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 1000))
def test_groups_of_one_image_change_nothing(first, second, seed):
    entries = images({"a": first, "b": second})
    group_of = {digest: f"group of {digest}" for _, digest in entries[::2]}
    assert splitting.assign(entries, SHARES, seed, group_of) == splitting.assign(entries, SHARES, seed)


def test_fewer_groups_than_splits_are_an_error():
    entries, group_of = grouped({"a": 5}, {"a": 5}, *[{"b": 1}] * 5)
    message = "The class a has 2 groups of images: at least 3 are needed, one for each split"
    with pytest.raises(UserError, match=message):
        splitting.assign(entries, SHARES, 1, group_of)


def test_groups_that_leave_a_class_out_of_a_split_are_an_error():
    # Each class is in three groups and needs one of them in each split. Any two of the four groups share a class, so
    # each group would need a split of its own.
    entries, group_of = grouped(*[dict.fromkeys(labels, 1) for labels in ("abc", "abd", "acd", "bcd")])
    message = (
        r"^The class . would have no image in \w+, because its groups also hold images of other classes, which must go "
        r"to another split: make the groups smaller\.$"
    )
    with pytest.raises(UserError, match=message):
        splitting.assign(entries, SHARES, 1, group_of)


def test_images_that_are_present_count_towards_the_shares():
    # 20 images become 30: 24, 3 and 3 of them. Of these, 16, 3 and 1 are there.
    images = [("glass", str(number)) for number in range(10)]
    present = {"glass": {"train": 16, "validation": 3, "test": 1}}
    splits = splitting.assign(images, SHARES, 1, present=present)
    assert Counter(splits.values()) == {"train": 8, "test": 2}


def test_a_split_that_has_too_many_images_gets_none():
    present = {"glass": {"train": 8, "validation": 8, "test": 4}, "metal": {"train": 8, "validation": 1, "test": 1}}
    splits = splitting.assign([("glass", str(number)) for number in range(8)], SHARES, 1, present=present)
    assert set(splits.values()) == {"train"}


def test_a_class_needs_groups_only_for_the_splits_that_lack_it():
    present = {"glass": {"test": 1}}
    images = [("glass", "a"), ("glass", "b")]
    assert sorted(splitting.assign(images, SHARES, 1, present=present).values()) == ["train", "validation"]
    with pytest.raises(UserError, match="has 1 groups of images: at least 2 are needed, one for each split that "):
        splitting.assign([*images, ("glass", "c")], SHARES, 1, dict.fromkeys("abc", "g"), present)


def test_presence_of_other_classes_does_not_matter_to_a_new_one():
    present = {"metal": {"train": 80, "validation": 10, "test": 10}}
    images = [("glass", str(number)) for number in range(20)]
    numbers = Counter(splitting.assign(images, SHARES, 1, present=present).values())
    assert numbers == {"train": 16, "validation": 2, "test": 2}
