"""The sections `data` and `resize` of params.yaml."""

from typing import Annotated

from pydantic import Field

from transfer.interface.schema import Fit, Fraction, Section, Share


class SplitParams(Section):
    train: Share
    validation: Share
    test: Share


class DataParams(Section):
    split: SplitParams
    tolerance: Fraction


class ResizeParams(Section):
    fit: Fit
    antialias: Annotated[bool, Field(description="true or false")]
