"""The section `evaluate` of params.yaml."""

from typing import Annotated

from pydantic import AfterValidator, Field

from transfer.interface.schema import Rate, Section
from transfer.loading import orientations


def _check_orientations(value: int) -> int:
    if value not in orientations.NUMBERS:
        raise ValueError("not a number of orientations")
    return value


# Not a literal type, to which 4.0 and true would be numbers, too.
Views = Annotated[int, AfterValidator(_check_orientations), Field(description="1, 2, 4 or 8")]


class EvaluateParams(Section):
    gallery_class: Annotated[str, Field(min_length=1, description="worst, or the name of a class (in quotes)")]
    near_duplicate: Rate
    views: Views
