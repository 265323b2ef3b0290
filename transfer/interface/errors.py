"""Errors that a user can mend."""

from collections.abc import Sequence


class UserError(Exception):
    """A foreseeable error: one sentence that says what is wrong, where, and what to do."""


class UserErrors(UserError):
    """Several errors from one check, one sentence a line, so that a user can mend all of them at once."""

    def __init__(self, sentences: Sequence[str]):
        super().__init__("\n".join(sentences))
        self.sentences = list(sentences)
