"""The section `engine` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.interface.schema import Section

Address = Annotated[
    str, Field(pattern=r"^[^\s/@]+:[0-9]{1,5}$", description="null, or the host and port of a Ray cluster")
]


class EngineParams(Section):
    name: Annotated[Literal["local", "ray"], Field(description="local or ray")]
    address: Address | None = Field(description="null, or a host and port such as 10.0.0.1:6379")
    shared: bool = Field(description="true or false")
