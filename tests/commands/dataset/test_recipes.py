"""The recipe for photographs: values that fit a backbone, and the cut of a backbone that is not in the table."""

import re

import pytest

from commands.dataset import cuts, recipes
from runs import ROOT, SAMPLE_PARAMS
from transfer import params_file
from transfer.interface.errors import UserError
from transfer.models import applications
from transfer.models.tensorflow import keras


def test_the_default_is_mobilenet_with_imagenet_weights():
    assert recipes.choose(None, None) == recipes.Recipe(
        {
            "image_size": 224,
            "backbone.name": "MobileNetV2",
            "backbone.weights": "imagenet",
            "finetune.frozen_layers": [54],
            "evaluate.near_duplicate": 0.87,
        },
        [
            "Images are also shown mirrored and turned, in training and at prediction: where that changes their class, "
            "as with letters, see docs/how-to/own-data.md."
        ],
    )


def test_the_documented_output_is_that_of_the_default():
    values, remarks = recipes.choose(None, None).values, recipes.choose(None, None).remarks
    pages = [ROOT / "docs/tutorial.md", ROOT / "docs/how-to/own-data.md"]
    for page in pages:
        printed = re.findall(r"^params\.yaml: (\S+) was \S+, is (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert dict(printed) == {key: str(values[key]) for key, _ in printed}
        assert len(printed) == 3
    assert f"\n{remarks[0]}\n```" in pages[1].read_text(encoding="utf-8")


def test_the_recipe_of_the_study_is_that_of_its_backbone_or_of_another():
    study = recipes.choose(None, "study").values
    assert (study["backbone.name"], study["image_size"]) == ("InceptionResNetV2", 320)
    assert (study["finetune.frozen_layers"], study["augment.views"]) == ([500, 300], 0)
    assert not any("mirrored" in remark for remark in recipes.choose(None, "study").remarks)
    assert (study["evaluate.views"], study["evaluate.near_duplicate"]) == (1, 0.8)
    assert (study["train_tl.learning_rate"], study["finetune.learning_rate"]) == (0.001, 0.00001)
    small = recipes.choose("MobileNetV2", "study").values
    assert (small["backbone.name"], small["finetune.frozen_layers"]) == ("MobileNetV2", [54])
    assert small["train_tl.early_stopping.patience"] == 2


def test_every_entry_of_the_table_is_usable():
    settings = params_file.load(SAMPLE_PARAMS).model_dump()
    for name, entry in recipes.table()["backbones"].items():
        assert name in applications.preprocessing_modules()
        assert set(entry) <= {"image_size", "frozen_layers", "near_duplicate"}
    for training in recipes.table()["trainings"].values():
        for key in training["params"]:
            section, name, *more = key.split(".")
            assert name in settings[section]
            assert not more or more[0] in settings[section][name]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mobilenetv2", "did you mean MobileNetV2?"),
        ("InceptionResnet-V2", "did you mean InceptionResNetV2?"),
        ("vit", "the classes are listed at https://keras.io/api/applications/."),
    ],
)
def test_an_unknown_backbone_is_an_error_with_a_hint(name, hint):
    with pytest.raises(UserError) as raised:
        recipes.choose(name, None)
    assert str(raised.value) == f"BACKBONE is {name}, which is not a class of keras.applications; {hint}"


def test_a_backbone_without_an_entry_gets_a_cut_of_its_own():
    recipe = recipes.choose("MobileNet", None)
    assert recipe.values["image_size"] == 224
    [cut] = recipe.values["finetune.frozen_layers"]
    # Of its 86 layers, 30 are 35 %, and the cut may be 8 layers away.
    assert 22 <= cut <= 38
    assert recipe.remarks[0].startswith(f"MobileNet has not been tried: {cut} of its 86 layers stay frozen")


def test_the_cut_is_at_the_border_of_a_block():
    relu, inputs = keras.layers.ReLU, keras.Input((8, 8, 2))
    # Of 21 layers, 35 % are 7.35, so cuts 6 to 9 are near enough. Layer 8 adds the output of layer 4: at cuts 6 to 8,
    # two tensors are needed, and at cut 9 one.
    x = inputs
    for _ in range(4):
        x = relu()(x)
    y = x
    for _ in range(3):
        y = relu()(y)
    x = keras.layers.Add()([x, y])
    for _ in range(12):
        x = relu()(x)
    assert cuts.cheapest_cut(keras.Model(inputs, x)) == (9, 21)


def test_a_tiny_backbone_has_a_cut_too():
    inputs = keras.Input((8, 8, 2))
    assert cuts.cheapest_cut(keras.Model(inputs, keras.layers.ReLU()(inputs))) == (1, 2)
