"""The section `data` of params.yaml."""

from transfer.interface.schema import Fraction, Section, Share


class SplitParams(Section):
    train: Share
    validation: Share
    test: Share


class DataParams(Section):
    split: SplitParams
    tolerance: Fraction
