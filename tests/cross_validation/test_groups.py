"""Groups: from a file, and from near-duplicates."""

import numpy as np
import pytest

from transfer.cross_validation import groups
from transfer.interface.errors import UserError, UserErrors


def directions(*degrees):
    """Features of one view in the plane, each at an angle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None]


def cosine(degrees):
    return float(np.cos(np.radians(degrees)))


def members(group):
    return sorted(np.flatnonzero(group == number).tolist() for number in np.unique(group))


@pytest.fixture
def file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "dataset_groups.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_groups_are_read_by_path(make_pool, file):
    pool = make_pool([0, 0, 0], numbers=["a b", "é#", "'x'"])
    text = (
        "group,note,path\n007,,train/'x'.jpg\n007,,./train/a b.jpg\nNA,,train/é#.jpg\n007,,test/of another split.jpg\n"
    )
    expected = {2: "007", 0: "007", 1: "NA"}
    assert groups.read_groups(file(text), pool) == expected
    assert groups.read_groups(file(text, encoding="utf-8-sig"), pool) == expected


def test_without_a_file_there_are_no_groups(make_pool, tmp_path):
    assert groups.read_groups(tmp_path / "absent.csv", make_pool([0])) == {}


def test_all_mistakes_in_a_file_are_reported_at_once(make_pool, file):
    path = file("path,group\ntrain/0.jpg,a\ntrain/0.jpg,b\ntrain/7.jpg,a\ntrain/1.jpg,\n")
    with pytest.raises(UserErrors) as caught:
        groups.read_groups(path, make_pool([0, 0]))
    assert [sentence.removeprefix(str(path)) for sentence in caught.value.sentences] == [
        " lists train/0.jpg twice: keep one of the lines.",
        " lists train/7.jpg, which is not in dataset_images/: correct the path, or remove the line.",
        " has no group for train/1.jpg: name one, or remove the line.",
    ]


@pytest.mark.parametrize("text", ["", "path;group\na;b\n", "path\ntrain/0.jpg\n", 'path,group\n"a,b\n'])
def test_a_file_that_is_not_such_a_table_is_an_error(make_pool, file, text):
    with pytest.raises(UserError, match="is not a valid table"):
        groups.read_groups(file(text), make_pool([0]))


@pytest.mark.parametrize("block", [2, 100])
def test_near_duplicates_are_sorted_by_their_cosine(make_pool, block):
    pool = make_pool([0] * 5, directions(0, 10, 13, 60, 100))
    assert groups.near_duplicates(pool, cosine(11), block) == [(1, 2), (0, 1)]
    assert groups.near_duplicates(pool, cosine(2), block) == []


def test_features_of_zero_have_no_near_duplicates(make_pool):
    assert groups.near_duplicates(make_pool([0, 0], np.zeros((2, 1, 3))), 0.5) == []


def test_near_duplicates_are_grouped_through_others(make_pool):
    pool = make_pool(
        [0] * 30 + [1] * 30,
        directions(
            *range(0, 300, 5),
        ),
    )
    grouping = groups.group_images(pool, {}, cosine(4), 10)
    assert grouping == groups.Grouping(pytest.approx(np.arange(60)), 10, [])
    pool = make_pool([0] * 30 + [1] * 30, directions(*range(0, 285, 5), 290, 291, 292))
    grouping = groups.group_images(pool, {}, cosine(1.5), 10)
    assert [rows for rows in members(grouping.group) if len(rows) > 1] == [[57, 58, 59]]
    assert grouping.notes == [
        f"2 images are held out together with another one, for their group or as near-duplicates (cosine of at least "
        f"{cosine(1.5):g})."
    ]


def test_a_chain_of_near_duplicates_never_grows_beyond_a_fold(make_pool):
    # All images of each class are within one degree of the next: nothing tells objects apart.
    pool = make_pool([0] * 20 + [1] * 20, directions(*np.linspace(0, 10, 40)))
    grouping = groups.group_images(pool, {}, 0.9, 5)
    sizes = [np.bincount(pool.labels[rows], minlength=2) for rows in members(grouping.group)]
    assert grouping.folds == 5 and np.max(sizes) <= 4
    assert grouping.notes[-1].endswith("may be apart: joined, they would be larger than a fold.")


def test_groups_of_the_user_stay_whole_whatever_their_size(make_pool):
    pool = make_pool([0] * 10 + [1] * 10)
    by_user = dict.fromkeys(range(8), "one") | dict.fromkeys((8, 9), "two")
    grouping = groups.group_images(pool, by_user, 0.9, 10)
    assert members(grouping.group)[0] == list(range(8)) and grouping.folds == 2
    assert grouping.notes == [
        "2 folds and not 10, because class 0 has only 10 images in 2 groups.",
        "10 of 20 images have a group in the file of groups.",
    ]


def test_a_class_with_fewer_images_than_folds_gives_fewer_folds(make_pool):
    grouping = groups.group_images(make_pool([0] * 10 + [1] * 3), {}, 0.9, 5)
    assert (grouping.folds, grouping.notes) == (3, ["3 folds and not 5, because class 1 has only 3 images."])


def test_a_group_as_large_as_a_class_is_an_error_that_names_it(make_pool):
    pool = make_pool([0] * 10 + [1] * 4, classes=["a b", "é"])
    with pytest.raises(UserErrors, match="All training and validation images of é are in one group"):
        groups.group_images(pool, dict.fromkeys(range(10, 14), "box") | {0: "box"}, 0.9, 5)
