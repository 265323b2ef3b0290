"""The section `cross_validate` of params.yaml."""

from typing import Annotated

from pydantic import Field

from transfer.interface.schema import Section

Folds = Annotated[int, Field(ge=2, le=100, description="a whole number from 2 to 100")]
Repeats = Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100")]


class CrossValidateParams(Section):
    folds: Folds
    repeats: Repeats
