"""The section `augment` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.interface.schema import Natural, Section

Flip = Annotated[Literal["horizontal"] | None, Field(description="horizontal or null")]
Turn = Annotated[float, Field(ge=0, le=0.5, description="a share of a full turn, from 0 to 0.5")]


class AugmentParams(Section):
    flip: Flip
    rotation: Turn
    views: Natural
