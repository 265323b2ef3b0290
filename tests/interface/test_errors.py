"""Errors that a user can mend: one sentence each, several of them one a line."""

import pytest

from transfer.interface.errors import UserError, UserErrors


def test_several_errors_are_one_sentence_a_line():
    errors = UserErrors(("a.png is empty.", "b.png is broken."))
    assert str(errors) == "a.png is empty.\nb.png is broken."
    assert errors.sentences == ["a.png is empty.", "b.png is broken."]


def test_several_errors_are_caught_as_one():
    with pytest.raises(UserError, match=r"^a\.png is empty\.$"):
        raise UserErrors(["a.png is empty."])
