"""The record of verdicts: which questions have an answer, and how a later answer replaces an earlier one."""

import pytest

from commands.relabel import record
from commands.relabel.record import Record

A, B, C = (letter * 16 for letter in "abc")


def test_a_verdict_on_a_pair_is_none_on_a_label():
    judged = Record([(A, "keep"), (B, f"same:{A}"), (A, f"same:{B}")])
    assert judged.has_label(A) and not judged.has_label(B)
    assert judged.has_pair(A, B) and judged.has_pair(B, A) and not judged.has_pair(A, C)


@pytest.mark.parametrize(
    ("rows", "judged"),
    [
        ([(A, f"different:{B}")], True),
        ([(B, f"different:{A}")], True),
        ([(A, "keep"), (B, "keep")], True),
        ([(A, "keep"), (B, "class:glass")], False),
        ([(A, "keep")], False),
        ([(A, f"same:{C}"), (B, f"same:{C}")], False),
    ],
)
def test_a_pair_needs_a_verdict_unless_both_images_are_kept(rows, judged):
    assert Record(rows).has_pair(A, B) == judged


def test_a_later_verdict_replaces_an_earlier_one_on_the_same_question_only():
    judged = Record([(A, "class:a:b"), (A, f"same:{B}"), (A, f"same:{C}")])
    later = judged.with_rows([(A, "remove"), (A, f"different:{B}")])
    assert later.rows == {(A, "remove"), (A, f"different:{B}"), (A, f"same:{C}")}
    assert judged.rows == {(A, "class:a:b"), (A, f"same:{B}"), (A, f"same:{C}")}


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert record.read().rows == set()
    rows = {("1234567890123456", "class:a, \"b\" 'c'"), ("0000000000000001", "keep"), (A, "class:keep")}
    text = Record(rows).text()
    record.FILE.write_text(text, encoding="utf-8")
    assert record.read().rows == rows
    assert text.splitlines()[0] == "pixels,verdict" and text.splitlines()[1:] == sorted(text.splitlines()[1:])
