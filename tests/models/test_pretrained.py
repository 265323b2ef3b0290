"""New backbones: built by name with weights from a file or from ImageNet, and the errors in doing so."""

import json
import re
import shutil
from urllib.error import URLError

import h5py
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

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


NO_TOP = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A folder for ImageNet weights, and no network."""

    def fail(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", fail)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))  # read from the variable at the import
    (tmp_path / "models").mkdir()
    return tmp_path


def legacy_file(path, model):
    """Write weights in the older format, which the files of ImageNet weights have."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole file of weights for MobileNetV2, under the name of its ImageNet weights."""
    model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    return legacy_file(tmp_path_factory.mktemp("whole") / "weights.h5", model)


@pytest.mark.parametrize(
    "kind", ["half", "nearly whole", "page", "empty", "of another backbone", "in another format", "a picture"]
)
def test_a_broken_file_of_imagenet_weights_is_named_and_stays(keras_home, whole, narrow, kind):
    data = whole.read_bytes()
    contents = {
        "half": data[: len(data) // 2],
        "nearly whole": data[:-1000],
        "page": b"<html>proxy</html>",
        "empty": b"",
        "of another backbone": legacy_file(keras_home / "narrow.h5", narrow[0]).read_bytes(),
        "in another format": narrow[1].read_bytes(),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    path = keras_home / "models" / NO_TOP
    path.write_bytes(contents[kind])
    with pytest.raises(UserError) as raised:
        pretrained.build("MobileNetV2", "imagenet", 224, "float32")
    message = str(raised.value)
    assert message.startswith(
        f"{path} does not hold the ImageNet weights of MobileNetV2, perhaps because its download "
    )
    assert message.endswith("): delete the file, and run again with a network or put a whole file there.")
    assert "\n" not in message
    assert path.read_bytes() == contents[kind]


def test_a_file_with_a_wrong_checksum_is_named_and_stays(keras_home):
    # Keras knows the checksums of some weights, would download again, and would delete the file if that failed.
    path = keras_home / "models" / "efficientnetv2-b0_notop.h5"
    path.write_bytes(b"half")
    with pytest.raises(
        UserError, match=r"^\S+/efficientnetv2-b0_notop\.h5 does not hold .*\(its checksum is wrong\): "
    ):
        pretrained.build("EfficientNetV2B0", "imagenet", 32, "float32")
    assert path.read_bytes() == b"half"


def test_a_whole_file_works_without_a_network(keras_home, whole):
    shutil.copy(whole, keras_home / "models" / NO_TOP)
    backbone = pretrained.build("MobileNetV2", "imagenet", 224, "float32")
    assert backbone.source == "imagenet"
    with h5py.File(whole) as file:
        assert np.array_equal(backbone.model.get_layer("Conv1").get_weights()[0], file["Conv1/Conv1/kernel"])
