"""New near-duplicates and new label doubts, in a repository of two tables."""

import pytest

from commands.comparison import label_doubts, leaks
from runs import run
from transfer.common import io

HEADER = "path,actual,other_split,other_path,other_actual,cosine,near_duplicate\n"
ROWS = [
    "test/a/1.jpg,a,train,train/a/1.jpg,a,0.97,yes\n",
    "test/a/2.jpg,a,validation,validation/b/1.jpg,b,0.5,no\n",
    "validation/a/3.jpg,a,train,train/a/9.jpg,a,0.99,yes\n",
]
DOUBTS = "path,pixels,split,label,suggested,score\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose one commit has both tables."""
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "--quiet")
    write(leaks.PATH, HEADER, *ROWS)
    write(label_doubts.PATH, DOUBTS, "train/a/1.jpg,11,train,a,b,0.9\n", "test/b/2.jpg,22,test,b,a,0.8\n")
    thresholds(0.9)
    run(tmp_path, "git", "add", "--all")
    run(tmp_path, "git", "commit", "--quiet", "--message", "before")


def write(path, *lines):
    io.write_text(path, "".join(lines))


def thresholds(value):
    io.write_json("metrics/evaluate.json", {"near_duplicates": {"threshold": value}})


def rows(section):
    return [list(row) for row in section.table.rows]


def test_pairs_that_were_there_before_are_not_new(repository):
    section = leaks.since("HEAD", {})
    assert (section.summary, section.table) == ("none is new (2 near-duplicates in all)", None)


def test_new_pairs_are_listed_the_most_similar_first(repository):
    more = "test/a/2.jpg,a,train,train/a|b/@x.jpg,a|b,0.95,yes\n", "test/a/4.jpg,a,train,train/a/1.jpg,a,0.999,yes\n"
    write(leaks.PATH, HEADER, *ROWS, *more)
    section = leaks.since("HEAD", {})
    assert section.summary == "2 new near-duplicates: 2 of test images"
    assert rows(section) == [
        ["test/a/4.jpg", "a", "train/a/1.jpg", "a", "0.9990"],
        ["test/a/2.jpg", "a", "train/a|b/@x.jpg", "a|b", "0.9500"],
    ]


def test_a_pair_whose_images_have_other_names_is_not_new(repository):
    write(leaks.PATH, HEADER, ROWS[0].replace("test/a/1.jpg", "test/b/x.jpg").replace("train/a/1", "train/a/y"))
    renamed = {"test/b/x.jpg": "test/a/1.jpg", "train/a/y.jpg": "train/a/1.jpg"}
    assert leaks.since("HEAD", renamed).summary == "none is new (1 near-duplicate in all)"
    assert leaks.since("HEAD", {}).summary == "1 new near-duplicate: 1 of test images"


def test_another_threshold_is_named(repository):
    thresholds(0.5)
    assert leaks.since("HEAD", {}).summary.endswith("; the threshold (evaluate.near_duplicate) changed from 0.9 to 0.5")


@pytest.mark.parametrize("text", ["", "path\n", HEADER + "a,a,a,a,a,high,yes\n"])
def test_a_table_that_cannot_be_read_is_named(repository, text):
    write(leaks.PATH, text)
    assert leaks.since("HEAD", {}).summary == f"unknown, because the workspace has no usable {leaks.PATH}"
    run(".", "git", "commit", "--all", "--quiet", "--message", "unusable")
    write(leaks.PATH, HEADER, *ROWS)
    section = leaks.since("HEAD", {})
    assert section.summary == f"2 near-duplicates; HEAD has no usable {leaks.PATH} to compare with"
    assert len(section.table.rows) == 2


def test_no_near_duplicates(repository):
    write(leaks.PATH, HEADER, ROWS[1])
    assert leaks.since("HEAD", {}).summary == "no near-duplicates"


def test_doubts_are_the_same_by_pixels_and_label(repository):
    # The first image is in another split and no longer in doubt as b; the second was relabelled and is new in doubt.
    write(label_doubts.PATH, DOUBTS, "test/a/1.jpg,11,test,a,c,0.95\n", "test/a/2.jpg,22,test,a,b,0.7\n")
    section = label_doubts.since("HEAD")
    assert section.summary == "1 new, 1 gone (2 in all)"
    assert rows(section) == [["test/a/2.jpg", "a", "b", 0.7]]
    run(".", "git", "checkout", "--quiet", ".")
    assert label_doubts.since("HEAD").summary == "the same 2"


def test_either_may_lack_the_table_of_doubts(repository):
    run(".", "git", "rm", "--quiet", label_doubts.PATH)
    assert label_doubts.since("HEAD").summary == (
        f"unknown, because the workspace has no usable {label_doubts.PATH}, which HEAD has"
    )
    run(".", "git", "commit", "--quiet", "--message", "without")
    assert label_doubts.since("HEAD") is None
    write(label_doubts.PATH, DOUBTS, "train/a/1.jpg,11,train,a,b,0.9\n")
    section = label_doubts.since("HEAD")
    assert section.summary == f"1 label in doubt; HEAD has no usable {label_doubts.PATH} to compare with"
    assert rows(section) == [["train/a/1.jpg", "a", "b", 0.9]]
