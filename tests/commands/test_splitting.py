"""How many images go to each split, and which."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transfer.interface.errors import UserError
from transfer.interface.errors import UserErrors

from commands.dataset import splitting

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
    with pytest.raises(UserError, match="The class b has 2 different images: 3 are the least, one a split"):
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


def named(*groups):
    """Made-up images and their groups, from how many images of each class each group holds."""
    asked, of = [], {}
    for name, counts in enumerate(groups):
        for label, count in counts.items():
            for _ in range(count):
                asked.append((label, f"{len(asked):016x}"))
                of[asked[-1][1]] = f"group {name}"
    return asked, of


def splits_of(found, of):
    """The splits that the images of each group went to."""
    splits = {}
    for (_, digest), split in found.items():
        splits.setdefault(of[digest], set()).add(split)
    return splits


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), max_size=30), st.integers(0, 1000))
def test_groups_stay_whole_and_every_class_is_in_every_split(sizes, seed):
    # Three groups of each class at least
    asked, of = named(*({label: count} for label, count in [*sizes, *[(label, 2) for label in "aaabbbccc"]]))
    found = splitting.assign(asked, SHARES, seed, of)
    assert found.keys() == set(asked)
    assert all(len(splits) == 1 for splits in splits_of(found, of).values())
    assert len({(label, split) for (label, _), split in found.items()}) == 9


def test_shares_are_kept_where_groups_allow():
    # A hundred images in pairs, and sixty in fives: 80/10/10 and 48/6/6 can be had to within half a group
    asked, of = named(*[{"a": 2}] * 50, *[{"b": 5}] * 12)
    found = Counter((label, split) for (label, _), split in splitting.assign(asked, SHARES, 1, of).items())
    assert [found["a", split] for split in SHARES] == [80, 10, 10]
    assert [found["b", split] for split in SHARES] == [50, 5, 5]


def test_images_of_their_own_make_up_for_the_groups():
    # Twelve images together go to train, whose share is 16 of 20; four of the other eight join them
    asked, of = named({"a": 12})
    asked += [("a", f"f{number:015x}") for number in range(8)]
    found = splitting.assign(asked, SHARES, 1, of)
    assert Counter(found.values()) == {"train": 16, "validation": 2, "test": 2}
    assert {found[image] for image in asked[:12]} == {"train"}


def test_three_large_groups_go_to_one_split_each():
    asked, of = named({"a": 10}, {"a": 10}, {"a": 10})
    assert sorted(Counter(splitting.assign(asked, SHARES, 1, of).values()).values()) == [10, 10, 10]


def test_a_group_may_hold_several_classes():
    asked, of = named(*[{"a": 2, "b": 1}] * 20)
    found = splitting.assign(asked, SHARES, 1, of)
    assert all(len(splits) == 1 for splits in splits_of(found, of).values())
    assert Counter(found.values()) == {"train": 48, "validation": 6, "test": 6}


def test_the_order_of_images_and_the_names_of_groups_do_not_matter():
    asked, of = named(*[{"a": 3}] * 6, *[{"b": 2, "a": 1}] * 7)
    found = splitting.assign(asked, SHARES, 1, of)
    renamed = {digest: f"{name[::-1]} more" for digest, name in of.items()}
    assert splitting.assign(asked[::-1], SHARES, 1, renamed) == found
    assert any(splitting.assign(asked, SHARES, seed, of) != found for seed in range(2, 6))


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 1000))
def test_groups_of_one_image_change_nothing(first, second, seed):
    asked = images({"a": first, "b": second})
    alone = {digest: f"group of {digest}" for _, digest in asked[::2]}
    assert splitting.assign(asked, SHARES, seed, alone) == splitting.assign(asked, SHARES, seed)


def test_fewer_groups_than_splits_are_refused():
    asked, of = named({"a": 5}, {"a": 5}, *[{"b": 1}] * 5)
    with pytest.raises(UserError, match="The class a has 2 groups of images: 3 are the least, one a split"):
        splitting.assign(asked, SHARES, 1, of)


def test_groups_of_several_classes_that_cannot_be_had_in_every_split_are_refused():
    # Each class is in three groups, and any two of the four share one: each would need a split of its own
    asked, of = named(*[dict.fromkeys(labels, 1) for labels in ("abc", "abd", "acd", "bcd")])
    with pytest.raises(UserError, match=r"The class . would have no image in .*, since its groups hold other classes too"):
        splitting.assign(asked, SHARES, 1, of)


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_of_groups_is_read(tmp_path):
    text = '\ufeffgroup,note,path\n007,x,a/1.jpg\nNA,,"a/2, b.jpg"\n007,,./b/é.jpg\n'
    found = splitting.read_groups(written(tmp_path / "g.csv", text), {"a/1.jpg", "a/2, b.jpg", "b/é.jpg", "b/4.jpg"})
    assert found == {"a/1.jpg": "007", "a/2, b.jpg": "NA", "b/é.jpg": "007"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no column path and no column group: its first line must be path,group"),
        ("path;group\na/1.jpg;x\n", "has no column path and no column group"),
        ("path,name\na/1.jpg,x\n", "has no column group: its first line"),
        ("path,group\na/9.jpg,x\n", "lists 'a/9.jpg', which is no image in SOURCE"),
        ("path,group\na/1.jpg,x\n./a/1.jpg,x\n", "lists a/1.jpg twice: keep one line of it"),
        ("path,group\na/1.jpg,\n", "gives a/1.jpg no group: name one, or leave the line out"),
        ("path,group\na/1.jpg\n", "gives a/1.jpg no group"),
        (b"path,group\na/\xff.jpg,x\n", "cannot be read as a CSV file"),
        ('path,group\n"a/1.jpg"x,y\n', "cannot be read as a CSV file"),
    ],
)
def test_a_bad_file_of_groups_is_one_sentence(tmp_path, text, told):
    path = written(tmp_path / "g.csv", text)
    with pytest.raises(UserError) as raised:
        splitting.read_groups(path, {"a/1.jpg"})
    assert str(raised.value).startswith(f"{path} ") and told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_of_groups_and_a_folder_in_its_place_are_told(tmp_path):
    with pytest.raises(UserError, match="is missing: GROUPS is a CSV file with the columns path and group"):
        splitting.read_groups(tmp_path / "none.csv", set())
    with pytest.raises(UserError, match="cannot be read as a CSV file"):
        splitting.read_groups(tmp_path, set())


def test_all_faults_of_a_file_of_groups_are_told_at_once(tmp_path):
    path = written(tmp_path / "g.csv", "path,group\na/9.jpg,x\na/1.jpg,\n")
    with pytest.raises(UserErrors) as raised:
        splitting.read_groups(path, {"a/1.jpg"})
    assert len(raised.value.faults) == 2
