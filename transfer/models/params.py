"""The section `backbone` of params.yaml."""

from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from transfer.interface.schema import Section
from transfer.models import applications


def _check_name(name: str) -> str:
    if name not in applications.preprocessing_modules():
        raise ValueError("unknown")
    return name


def _check_weights(source: str) -> str:
    path = PurePosixPath(source)
    if source != "imagenet" and not (
        path.parts[:1] == ("weights",) and ".." not in path.parts and path.suffix == ".h5"
    ):
        raise ValueError("neither imagenet nor a file in weights/")
    return source


Name = Annotated[str, Field(description="the name of a keras.applications class"), AfterValidator(_check_name)]
Weights = Annotated[str, AfterValidator(_check_weights)]


class BackboneParams(Section):
    candidates: ClassVar = {"name": lambda: list(applications.preprocessing_modules())}

    name: Name
    weights: Annotated[Weights | None, Field(description="imagenet, null, or a .h5 file in weights/")]
