"""Frozen layers: the runtime follows from the backbone, and changes nothing but the last bits."""

import pickle

import numpy as np
import pytest

from networks import lively
from transfer.loading.orientations import orient
from transfer.models import frozen_layers, pretrained, tensorflow
from transfer.models.frozen_layers import FrozenLayers, LiteRTGraph, TensorFlowGraph, runtime_of

pytestmark = pytest.mark.xdist_group("test_frozen_layers")


@pytest.fixture(scope="module")
def backbone():
    tensorflow.start(0)
    return pretrained.build("MobileNetV2", None, 32, "float32")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "precision", "runtime"),
    [
        ("MobileNetV2", "float32", "litert"),
        ("MobileNetV3Small", "float32", "litert"),
        ("EfficientNetB0", "float32", "litert"),
        ("ConvNeXtTiny", "float32", "litert"),
        # No faster there, by measurement
        ("EfficientNetV2B0", "float32", "tensorflow"),
        ("NASNetMobile", "float32", "tensorflow"),
        ("InceptionResNetV2", "float32", "tensorflow"),
        # LiteRT computes in float32
        ("MobileNetV2", "bfloat16", "tensorflow"),
    ],
)
def test_the_runtime_follows_from_the_backbone_and_its_precision(name, precision, runtime):
    assert runtime_of(name, precision) == runtime


def test_on_a_gpu_tensorflow_runs_every_backbone(monkeypatch):
    monkeypatch.setattr(frozen_layers, "has_gpu", lambda: True)
    assert runtime_of("MobileNetV2", "float32") == "tensorflow"


@pytest.mark.parametrize(("cut", "tensors"), [(20, 2), (153, 1), (None, 1)], ids=["20", "153", "whole"])
def test_both_runtimes_compute_the_same_within_rounding(backbone, images, cut, tensors):
    frozen = backbone.feature_extractor if cut is None else backbone.cut(cut)[0]
    other = FrozenLayers(frozen.preprocess, frozen.model, frozen.layers, "tensorflow", frozen.pooling)
    assert (frozen.runtime, other.runtime) == ("litert", "tensorflow")
    assert (type(frozen._compiled), type(other._compiled)) == (LiteRTGraph, TensorFlowGraph)
    pairs = list(zip(frozen(images), other(images), strict=True))
    assert len(pairs) == tensors
    for actual, expected in pairs:
        assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
        assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_result_of_an_image_depends_on_no_other_image_and_on_no_number_of_threads(backbone, images, monkeypatch):
    [together] = backbone.feature_extractor(images)
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", threads)
        extractor = backbone.new_extractor()
        assert np.array_equal(extractor(images)[0], together)
        assert np.array_equal(np.concatenate([extractor(image[None])[0] for image in images]), together)


@pytest.mark.parametrize("runtime", ["tensorflow", "litert"])
def test_another_process_computes_the_same_bytes(backbone, images, runtime):
    frozen = FrozenLayers(backbone.preprocess, backbone.model, backbone.layers, runtime, pooling=True)
    loaded = pickle.loads(pickle.dumps(frozen))  # noqa: S301 - what Ray does, here with our own bytes
    assert loaded(images)[0].tobytes() == frozen(images)[0].tobytes()


def test_features_of_several_orientations_are_their_mean(images):
    extractor = lively(images, views=4).feature_extractor
    [features] = extractor(images)
    of_orientations = [extractor.one_view(orient(images, number))[0] for number in range(4)]
    assert features == pytest.approx(np.mean(of_orientations, axis=0), rel=1e-6)
    assert np.ptp(of_orientations, axis=0).max() > 0.1
    assert (features.shape, features.dtype) == (of_orientations[0].shape, np.float32)
    loaded = pickle.loads(pickle.dumps(extractor))  # noqa: S301 - what Ray does, here with our own bytes
    assert loaded(images)[0].tobytes() == features.tobytes()


def test_features_of_all_orientations_do_not_depend_on_the_image_s_own(images):
    extractor = lively(images, views=8).feature_extractor
    [expected] = extractor(images)
    for number in range(1, 8):
        assert extractor(orient(images, number))[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("cut", [0, 20])
def test_tensors_at_a_cut_have_an_axis_for_several_orientations(images, cut):
    frozen = lively(images, views=2).cut(cut)[0]
    tensors = frozen(images)
    assert [(tensor.shape[1:], tensor.dtype) for tensor in tensors] == frozen.outputs
    for number in range(2):
        expected = frozen.one_view(orient(images, number))
        assert [tensor[:, number].tobytes() for tensor in tensors] == [tensor.tobytes() for tensor in expected]


def test_litert_is_silent(backbone, images, capfd):
    backbone.new_extractor()(images)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EfficientNetB0", "ConvNeXtTiny", "MobileNetV3Small"])
def test_litert_runs_every_kind_of_backbone_that_it_is_chosen_for(name, images):
    tensorflow.start(0)
    backbone = pretrained.build(name, None, 32, "float32")
    expected = backbone.model(backbone.preprocess(images.astype(np.float32)), training=False).numpy().mean(axis=(1, 2))
    [features] = backbone.feature_extractor(images)
    assert backbone.runtime == "litert"
    assert np.abs(features - expected).max() <= 1e-4 * np.abs(expected).max()
