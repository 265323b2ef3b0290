"""The sentence for a value that is not allowed, with the closest allowed name."""

import pytest
from pydantic import ValidationError

from transfer.interface.schema import BatchSize, Section, error_sentences
from transfer.models.params import BackboneParams


class Root(Section):
    batch_size: BatchSize
    backbone: BackboneParams


def sentences_of(values):
    """The sentences for the values of a file with an error."""
    with pytest.raises(ValidationError) as raised:
        Root.model_validate(values)
    return error_sentences(raised.value.errors(), Root, "params.yaml")


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("MobilNetV2", " (did you mean MobileNetV2?)"),
        ("InceptionResnetV2", " (did you mean InceptionResNetV2?)"),
        ("efficientnetv2b0", " (did you mean EfficientNetV2B0?)"),
        ("zzz", ""),
    ],
)
def test_the_closest_backbone_is_suggested(name, suggestion):
    assert sentences_of({"batch_size": 64, "backbone": {"name": name, "weights": None}}) == [
        f"params.yaml: backbone.name is '{name}'; allowed: the name of a keras.applications class{suggestion}."
    ]


def test_the_closest_key_of_the_section_is_suggested():
    backbone = {"name": "MobileNetV2", "weights": None}
    assert sentences_of({"batch_size": 64, "bach_size": 64, "backbone": backbone}) == [
        "params.yaml: bach_size is not a parameter; did you mean batch_size?"
    ]
    assert sentences_of({"batch_size": 64, "backbone": backbone | {"wieghts": "imagenet"}}) == [
        "params.yaml: backbone.wieghts is not a parameter; did you mean weights?"
    ]


def test_without_a_close_key_all_keys_of_the_section_are_listed():
    backbone = {"name": "MobileNetV2", "weights": None}
    assert sentences_of({"batch_size": 64, "backbone": backbone | {"zzz": 1}}) == [
        "params.yaml: backbone.zzz is not a parameter; allowed there: name, weights."
    ]
