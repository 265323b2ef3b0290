"""The section `evaluate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.interface.schema import Rate, Section

Views = Annotated[Literal[1, 2, 4, 8], Field(description="1, 2, 4 or 8")]


class EvaluateParams(Section):
    gallery_class: Annotated[str, Field(min_length=1, description="worst, or the name of a class (in quotes)")]
    near_duplicate: Rate
    views: Views
