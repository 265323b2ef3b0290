"""Which images have to go to a certain split, worked out by hand."""

from commands.dataset.settling import settle


def test_an_image_goes_to_the_split_of_what_it_resembles():
    done = settle("abc", {"a": {"test"}, "b": {"train"}}, {}, {}, [])
    assert (done.splits, done.left_out, done.units) == ({"a": "test", "b": "train"}, [], {})


def test_an_image_that_resembles_two_splits_is_left_out():
    done = settle("ab", {"a": {"test", "train"}}, {}, {}, [])
    assert (done.splits, done.left_out) == ({}, ["a"])


def test_what_belongs_together_follows_the_one_that_has_to_go_somewhere():
    # a and b by their group, b and c as near-copies.
    done = settle("abcd", {"c": {"validation"}}, {}, {"a": "g", "b": "g"}, [("b", "c")])
    assert done.splits == dict.fromkeys("abc", "validation")
    assert done.units == {}


def test_free_images_that_belong_together_are_one_unit():
    done = settle("dcba", {}, {}, {"a": "g", "d": "g"}, [("b", "c")])
    assert (done.splits, done.left_out) == ({}, [])
    assert done.units == {"a": "a", "d": "a", "b": "b", "c": "b"}


def test_a_unit_goes_where_the_fewest_are_left_out():
    demanded = {"a": {"train"}, "b": {"train"}, "c": {"train", "test"}}
    done = settle("abcd", demanded, {}, dict.fromkeys("abcd", "day 1"), [])
    assert (done.splits, done.left_out) == (dict.fromkeys("abd", "train"), ["c"])


def test_between_two_splits_the_stricter_one_is_taken():
    done = settle("ab", {"a": {"train"}, "b": {"test"}}, {}, dict.fromkeys("ab", "g"), [])
    assert (done.splits, done.left_out) == ({"b": "test"}, ["a"])


def test_the_split_of_the_source_gives_way():
    done = settle("abc", {"a": {"test"}}, dict.fromkeys("abc", "train"), {}, [])
    assert done.splits == {"a": "test", "b": "train", "c": "train"}


def test_a_unit_that_the_source_divides_stays_together():
    done = settle("abcd", {}, {"a": "train", "b": "train", "c": "test"}, {}, [("a", "b"), ("b", "c")])
    assert done.splits == dict.fromkeys("abc", "train")
    done = settle("ab", {}, {"a": "train", "b": "test"}, {}, [("a", "b")])
    assert done.splits == dict.fromkeys("ab", "test")
