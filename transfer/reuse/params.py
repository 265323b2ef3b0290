"""The section `features` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.interface.schema import Section

Reuse = Annotated[Literal["same_processor", "any"], Field(description="same_processor or any")]


class FeaturesParams(Section):
    reuse: Reuse
