"""The backbone: built by name, cut anywhere without changing its output, saved and loaded, and its faults."""

import json
from urllib.error import URLError

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.models.tensorflow import keras

from transfer.models import backbone as backbones
from transfer.models import pretrained
from transfer.loading import batches
from transfer.models import tensorflow

SIZES = {"InceptionResNetV2": 96, "Xception": 96, "MobileNetV2": 32, "EfficientNetV2B0": 32}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)


def small(precision="float32"):
    tensorflow.start(0)
    return pretrained.build("MobileNetV2", None, 32, precision)


@pytest.mark.parametrize(
    ("name", "cuts", "layers"),
    [
        ("InceptionResNetV2", (1, 40, 300, 500, 618, 779), 780),
        ("Xception", (1, 20, 33, 70, 100, 131), 132),
        ("MobileNetV2", (1, 20, 50, 100, 153), 154),
        ("EfficientNetV2B0", (1, 5, 100, 200, 269), 270),
    ],
)
def test_the_two_parts_of_a_cut_give_what_the_whole_gives(name, cuts, layers):
    tensorflow.start(0)
    size = SIZES[name]
    whole = pretrained.build(name, None, size, "float32")
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    expected = whole.model(whole.preprocess(images.astype(np.float32)), training=False).numpy()
    assert whole.layers == layers
    for cut in (0, *cuts):
        frozen, rest = whole.cut(cut)
        found = rest(batches.model_inputs(frozen(images)), training=False).numpy()
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max(), cut
        assert frozen.layers == cut
        # Nothing before the cut can be trained, and all of what comes after it is the whole's own
        late = {variable.path for layer in whole.model.layers[cut:] for variable in layer.variables}
        assert {variable.path for variable in rest.variables} == late


def test_a_cut_keeps_the_statistics_and_shifts_that_the_backbone_has():
    found, chance = small(), np.random.default_rng(0)
    images = chance.integers(0, 256, (32, 32, 32, 3)).astype(np.uint8)
    scaled = images.astype(np.float32) / 127.5 - 1
    # A new backbone has means and shifts of nought and variances of one: whoever forgot them would not be found out
    for layer in found.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            layer.beta.assign(chance.normal(0, 0.3, layer.beta.shape))
    found.model(scaled, training=True)
    expected = found.model(scaled, training=False).numpy()
    for cut in (20, 100, 153):
        frozen, rest = found.cut(cut)
        difference = np.abs(rest(batches.model_inputs(frozen(images)), training=False).numpy() - expected)
        # Each layer makes more of the last one's rounding
        assert difference.max() <= 1e-3 * np.abs(expected).max(), cut
        assert np.median(difference) <= 1e-5 * np.abs(expected).max(), cut


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_comes_out_at_a_cut_is_told_beforehand(precision, images):
    found = small(precision)
    # A block's narrow output goes around the next block's layers; of these, the first makes it six times as wide
    for cut, tensors in {
        0: [((32, 32, 3), "float32")],
        1: [((32, 32, 3), "float32")],
        2: [((16, 16, 32), precision)],
        20: [((8, 8, 24), precision), ((8, 8, 144), precision)],
        153: [((1, 1, 1280), precision)],
    }.items():
        frozen, _ = found.cut(cut)
        assert [(shape, dtype.name) for shape, dtype in frozen.outputs] == tensors
        assert [(tensor.shape[1:], tensor.dtype) for tensor in frozen(images)] == frozen.outputs
    assert (found.features.layers, found.features.outputs) == (154, [((1280,), np.dtype("float32"))])


def test_features_are_the_mean_over_rows_and_columns(images):
    found = small()
    activations = found.model(images.astype(np.float32) / 127.5 - 1, training=False).numpy()
    [features] = found.features(images)
    assert features == pytest.approx(activations.mean(axis=(1, 2)), abs=1e-6)


def test_inception_resnet_has_the_studys_parameters():
    tensorflow.start(0)
    found = pretrained.build("InceptionResNetV2", None, 96, "float32")
    assert found.parameters == 54_336_736
    assert found.parameters + found.channels * 6 + 6 == 54_345_958


def test_a_saved_backbone_comes_back_the_same(tmp_path, images):
    first = small()
    first.save(tmp_path)
    tensorflow.start(1)
    second = backbones.load(tmp_path)
    assert np.array_equal(first.features(images)[0], second.features(images)[0])
    assert second.description() == first.description() == backbones.read_description(tmp_path)


def test_bfloat16_computes_in_it_and_gives_float32_features(images):
    found = small("bfloat16")
    assert found.model.layers[1].compute_dtype == "bfloat16"
    assert [features.dtype for features in found.features(images)] == [np.float32]
    assert keras.config.dtype_policy().name == "float32"


def test_arguments_beside_the_weights_reach_the_constructor(tmp_path):
    narrow = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    narrow.save_weights(tmp_path / "narrow.weights.h5")
    (tmp_path / "narrow.json").write_text(json.dumps({"backbone": "MobileNetV2", "arguments": {"alpha": 0.35}}))
    found = pretrained.build("MobileNetV2", str(tmp_path / "narrow.weights.h5"), 32, "float32")
    assert found.parameters == narrow.count_params()
    assert np.array_equal(found.model.get_weights()[0], narrow.get_weights()[0])


def test_weights_that_do_not_fit_are_named(tmp_path):
    narrow = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    path = tmp_path / "narrow.weights.h5"
    narrow.save_weights(path)
    with pytest.raises(UserError, match=r"narrow\.weights\.h5 does not fit MobileNetV2"):
        pretrained.build("MobileNetV2", str(path), 32, "float32")
    path.write_bytes(b"no weights at all")
    with pytest.raises(UserError, match="does not fit MobileNetV2"):
        pretrained.build("MobileNetV2", str(path), 32, "float32")
    with pytest.raises(UserError, match=r"gone.h5 is missing: `dvc pull"):
        pretrained.build("MobileNetV2", str(tmp_path / "gone.h5"), 32, "float32")


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ({"backbone": "Xception"}, "holds weights of Xception"),
        ({"arguments": {"include_top": True}}, "include_top is set by the pipeline"),
        ({"arguments": {"depth": 3}}, "cannot be built at image_size 32"),
        (["alpha"], "must be an object"),
    ],
)
def test_a_wrong_json_beside_the_weights_is_told(tmp_path, beside, told):
    (tmp_path / "some.weights.h5").write_bytes(b"")
    (tmp_path / "some.json").write_text(json.dumps(beside))
    with pytest.raises(UserError, match=told):
        pretrained.build("MobileNetV2", str(tmp_path / "some.weights.h5"), 32, "float32")


def test_an_image_too_small_for_the_backbone_is_told():
    with pytest.raises(UserError, match="Xception cannot be built at image_size 32"):
        pretrained.build("Xception", None, 32, "float32")


def test_without_network_the_file_to_fetch_and_its_place_are_told(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"ImageNet weights of EfficientNetV2B0 .*efficientnetv2-b0_notop\.h5"):
        pretrained.build("EfficientNetV2B0", "imagenet", 32, "float32")


@pytest.mark.parametrize("frozen_layers", [154, 900])
def test_more_frozen_layers_than_layers_are_refused(frozen_layers):
    with pytest.raises(UserError, match=rf"finetune.frozen_layers has {frozen_layers}, .* 154 layers; allowed: 0 to 153"):
        small().cut(frozen_layers)
