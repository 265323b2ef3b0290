"""The section `evaluate` of params.yaml."""

from typing import Annotated

from pydantic import Field

from transfer.interface.schema import Rate, Section


class EvaluateParams(Section):
    gallery_class: Annotated[str, Field(min_length=1, description="worst, or the name of a class (in quotes)")]
    near_duplicate: Rate
