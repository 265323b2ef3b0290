"""New backbones: built by name with weights from a file or from ImageNet, and the errors in doing so."""

import json
import re
import shutil
from urllib.error import URLError

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.models import pretrained
from transfer.models.tensorflow import keras

# The tests share a backbone that takes seconds to build.
pytestmark = pytest.mark.xdist_group("test_pretrained")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A narrow MobileNetV2, and the file of its weights."""
    model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    path = tmp_path_factory.mktemp("weights") / "narrow.weights.h5"
    model.save_weights(path)
    return model, path


def test_arguments_beside_the_weights_reach_the_constructor(tmp_path, narrow):
    model, weights = narrow
    shutil.copy(weights, tmp_path)
    (tmp_path / "narrow.json").write_text(json.dumps({"backbone": "MobileNetV2", "arguments": {"alpha": 0.35}}))
    backbone = pretrained.build("MobileNetV2", str(tmp_path / "narrow.weights.h5"), 32, "float32")
    assert backbone.parameters == model.count_params()
    for loaded, saved in zip(backbone.model.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(loaded, saved)


def test_weights_that_do_not_fit_are_named(tmp_path, narrow):
    _, weights = narrow
    advice = (
        "does not fit MobileNetV2: give its constructor arguments in a JSON file beside it, or change backbone.name or "
        "backbone.weights in params.yaml"
    )
    with pytest.raises(UserError, match=rf"^{re.escape(str(weights))} {advice} \(.+\)$"):
        pretrained.build("MobileNetV2", str(weights), 32, "float32")
    text = tmp_path / "text.weights.h5"
    text.write_bytes(b"no weights at all")
    with pytest.raises(UserError, match=rf"^{re.escape(str(text))} {advice} \(.+\)$"):
        pretrained.build("MobileNetV2", str(text), 32, "float32")


def test_a_missing_weight_file_is_named(tmp_path):
    path = tmp_path / "missing.h5"
    with pytest.raises(UserError) as raised:
        pretrained.build("MobileNetV2", str(path), 32, "float32")
    assert str(raised.value) == (
        f"{path} is missing: run `dvc pull {path}`, put the file there, or change backbone.weights in params.yaml."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"backbone": "Xception"},
            "{folder}/some.weights.h5 holds weights of Xception, but backbone.name in params.yaml is MobileNetV2: "
            "change one.",
        ),
        (
            {"arguments": {"include_top": True}},
            "{folder}/some.json: the pipeline sets the argument include_top itself; remove it.",
        ),
        ({"arguments": {"depth": 3}}, "MobileNetV2 cannot be built at image_size 32 with {{'depth': 3}}: "),
        (["alpha"], '{folder}/some.json must be an object with "backbone" and "arguments", as in '),
    ],
    ids=["another-backbone", "reserved-argument", "unknown-argument", "list"],
)
def test_a_wrong_json_beside_the_weights_is_reported(tmp_path, content, message):
    (tmp_path / "some.weights.h5").write_bytes(b"")
    (tmp_path / "some.json").write_text(json.dumps(content))
    with pytest.raises(UserError) as raised:
        pretrained.build("MobileNetV2", str(tmp_path / "some.weights.h5"), 32, "float32")
    assert str(raised.value).startswith(message.format(folder=tmp_path))


def test_an_image_size_too_small_for_the_backbone_is_reported():
    with pytest.raises(UserError, match=r"^Xception cannot be built at image_size 32 with no arguments: "):
        pretrained.build("Xception", None, 32, "float32")


def test_without_a_network_the_error_names_the_file_to_download_and_its_folder(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", fail)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    home = re.escape(f"{tmp_path}/models/")
    with pytest.raises(
        UserError,
        match=rf"^The ImageNet weights of EfficientNetV2B0 are not in {home} and cannot be downloaded: download "
        rf"https://\S+/efficientnetv2-b0_notop\.h5 where there is a network and put it into {home}$",
    ):
        pretrained.build("EfficientNetV2B0", "imagenet", 32, "float32")
