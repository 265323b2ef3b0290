"""Parameter sections: their base class, the types of their values, and the sentence for a value that is not allowed.

A section checks values and passes them on: it has no defaults, and all that it converts is a whole number where a float
is expected. No result follows from it. The sections themselves are in the `params.py` of the room that reads them.
"""

import math
import reprlib
from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

LARGEST_IMAGE = 2048
# The memory of a batch grows with its size, and an incomplete batch is padded.
LARGEST_BATCH = 8192
# How an image becomes a square.
FITS = ("squash", "crop", "pad")


class Section(BaseModel):
    """A section of params.yaml: every key is required, an unknown key is an error, values are immutable.

    A class attribute `candidates` may name, by key, a function that lists the allowed names, from which an error
    message suggests the closest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


# The description of a type is what an error message says is allowed.
Count = Annotated[int, Field(ge=1, le=1_000_000, description="a whole number of at least 1")]
Natural = Annotated[int, Field(ge=0, le=1_000_000, description="a whole number of at least 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")]
Pixels = Annotated[
    int, Field(ge=32, le=LARGEST_IMAGE, description=f"a whole number of pixels from 32 to {LARGEST_IMAGE}")
]
BatchSize = Annotated[int, Field(ge=1, le=LARGEST_BATCH, description=f"a whole number from 1 to {LARGEST_BATCH}")]
Share = Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]
Fraction = Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")]
Rate = Annotated[float, Field(gt=0, le=1, description="a number above 0 and at most 1")]
Fit = Annotated[Literal["squash", "crop", "pad"], Field(description="squash, crop or pad")]
NonNegative = Annotated[float, Field(ge=0, description="a number of at least 0"), AfterValidator(_finite)]


def error_sentences(errors: list[ErrorDetails], root: type[Section], file: str) -> list[str]:
    """One sentence for each key that is unknown, missing, of a wrong type or out of range.

    Args:
        errors: what pydantic reports. A union or a bad list item gives several errors for one key.
        root: the section of the whole file.
        file: what the sentences call the file.
    """
    sentences: dict[str, str] = {}
    for error in errors:
        key, field, section = _locate(error["loc"], root)
        if error["type"] == "extra_forbidden":
            close = get_close_matches(str(error["loc"][-1]), section.model_fields, n=1)
            hint = f"did you mean {close[0]}?" if close else f"allowed there: {', '.join(section.model_fields)}."
            sentences.setdefault(key, f"{file}: {key} is not a parameter; {hint}")
        elif error["type"] == "missing":
            sentences.setdefault(key, f"{file}: {key} is missing; give it {_allowed(field, root)}.")
        else:
            value = error["input"]
            suggestion = _suggestion(value, section, key)
            sentences.setdefault(
                key, f"{file}: {key} is {_shorten(value)}; allowed: {_allowed(field, root)}{suggestion}."
            )
    return list(sentences.values())


def _locate(location: tuple[int | str, ...], root: type[Section]) -> tuple[str, Any, type[Section]]:
    """The dotted key of an error, its field (None if unknown), and the section that it belongs to."""
    section = root
    field = None
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            break
        names.append(part)
        if part not in section.model_fields:
            return ".".join(names), None, section
        field = section.model_fields[part]
        if not _is_section(field.annotation):
            break
        section = field.annotation  # type: ignore[assignment]
    return ".".join(names) or "the file", field, section


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _allowed(field: Any, root: type[Section]) -> str:
    """What a field may hold, in words; without a field, the keys of the whole file."""
    return f"the keys {', '.join(root.model_fields)}" if field is None else allowed_values(field)


def allowed_values(field: Any) -> str:
    """What a field may hold, in words: its description, or the keys of the section that it is."""
    if field.description:
        return str(field.description)
    if _is_section(field.annotation):
        return f"a section with {', '.join(field.annotation.model_fields)}"
    return " or ".join(map(str, get_args(field.annotation)))


def _suggestion(value: Any, section: type[Section], key: str) -> str:
    candidates: dict[str, Callable[[], list[str]]] = getattr(section, "candidates", {})
    names = candidates.get(key.rpartition(".")[2])
    close = get_close_matches(value, names(), n=1) if names and isinstance(value, str) else []
    return f" (did you mean {close[0]}?)" if close else ""


class _ShortRepr(reprlib.Repr):
    """`repr` that stays short, also where YAML aliases make a few lines stand for millions of values."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 100

    def repr_int(self, value: int, level: int) -> str:
        # Python itself refuses to print an integer of very many digits.
        return repr(value) if abs(value) < 10**40 else "a number of more than 40 digits"


def _shorten(value: Any) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else _ShortRepr().repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
