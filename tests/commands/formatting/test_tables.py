"""Tables, and names in a sentence."""

import pytest

from commands.formatting import tables


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b and 2 more"),
    ],
)
def test_names_are_joined_and_many_are_counted(names, text):
    assert tables.join(names, 2) == text


def test_a_table_says_how_many_rows_it_leaves_out():
    short, long = (tables.table("Rows", ("a",), ((number,) for number in range(rows)), most=3) for rows in (3, 4))
    assert (short.caption, len(short.rows)) == ("Rows", 3)
    assert (long.caption, len(long.rows)) == ("Rows: the first 3 of 4", 3)
    assert not short.is_long and tables.table("Rows", ("a",), [(1,)] * 26).is_long
