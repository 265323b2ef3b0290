"""The backbone: cut anywhere without changing its output, saved and loaded unchanged."""

from functools import cache

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.models import backbone as backbones
from transfer.models import pretrained, tensorflow
from transfer.models.tensorflow import keras

# The tests share backbones that take seconds to build.
pytestmark = pytest.mark.xdist_group("test_backbone")

# The smallest sizes at which Keras builds these backbones.
SIZES = {"InceptionResNetV2": 75, "Xception": 71, "MobileNetV2": 32, "EfficientNetV2B0": 32}


@pytest.fixture(scope="module")
def shared():
    """A function that builds a backbone with random weights, or returns the one built before. Do not change it."""

    @cache
    def build(name="MobileNetV2", precision="float32"):
        tensorflow.start(0)
        return pretrained.build(name, None, SIZES[name], precision)

    return build


@pytest.fixture
def images():
    return random_images(2, 32)


def random_images(count, size):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def run_layers(frozen, images):
    """The tensors at the cut, computed layer by layer."""
    scaled = frozen.preprocess(images.astype(np.float32))
    return keras.tree.flatten(frozen.model(scaled, training=False)) if frozen.layers else [scaled]


def run_rest(rest, frozen, tensors):
    # The rest is a model with a list of inputs, except at cut 0: there it is the backbone itself, with a single input.
    return rest(tensors if frozen.layers else tensors[0], training=False).numpy()


@pytest.mark.parametrize(
    ("name", "cuts", "deepest_compiled", "layers"),
    [
        ("InceptionResNetV2", (1, 40, 300, 500, 618, 779), 300, 780),
        ("Xception", (1, 20, 33, 70, 100, 131), 70, 132),
        ("MobileNetV2", (1, 20, 50, 100, 153), 153, 154),
        ("EfficientNetV2B0", (1, 5, 100, 200, 269), 100, 270),
    ],
    ids=list(SIZES),
)
def test_the_two_parts_of_a_cut_together_compute_the_whole(shared, name, cuts, deepest_compiled, layers):
    whole = shared(name)
    images = random_images(2, SIZES[name])
    expected = whole.model(whole.preprocess(images.astype(np.float32)), training=False).numpy()
    assert whole.layers == layers
    # Compiling a deep cut of a large backbone takes many seconds, but meets no other kind of layer.
    kinds = [type(layer) for layer in whole.model.layers]
    assert set(kinds[:deepest_compiled]) == set(kinds)
    for cut in (0, *cuts):
        frozen, rest = whole.cut(cut)
        tensors = frozen(images) if cut <= deepest_compiled else run_layers(frozen, images)
        difference = run_rest(rest, frozen, tensors) - expected
        assert np.abs(difference).max() <= 1e-5 * np.abs(expected).max(), cut
        assert frozen.layers == cut
        # The rest shares the variables of the backbone's layers after the cut, and has no others to train.
        late = {variable.path for layer in whole.model.layers[cut:] for variable in layer.variables}
        assert {variable.path for variable in rest.variables} == late


def test_a_cut_keeps_the_statistics_and_shifts_of_the_backbone():
    tensorflow.start(0)
    backbone, chance = pretrained.build("MobileNetV2", None, 32, "float32"), np.random.default_rng(0)
    images = random_images(32, 32)
    scaled = images.astype(np.float32) / 127.5 - 1
    # In a new backbone, means and shifts are 0 and variances are 1, so a cut could lose them unnoticed.
    for layer in backbone.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            layer.beta.assign(chance.normal(0, 0.3, layer.beta.shape))
    backbone.model(scaled, training=True)
    expected = backbone.model(scaled, training=False).numpy()
    for cut in (20, 100, 153):
        frozen, rest = backbone.cut(cut)
        difference = np.abs(run_rest(rest, frozen, frozen(images)) - expected)
        # Each layer amplifies the rounding of the layer before it.
        assert difference.max() <= 1e-3 * np.abs(expected).max(), cut
        assert np.median(difference) <= 1e-5 * np.abs(expected).max(), cut


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_tensors_at_a_cut_have_the_announced_shapes_and_types(shared, precision, images):
    backbone = shared("MobileNetV2", precision)
    # The narrow output of a block skips the layers of the next block, of which the first makes it six times as wide.
    for cut, outputs in {
        0: [((32, 32, 3), "float32")],
        1: [((32, 32, 3), "float32")],
        2: [((16, 16, 32), precision)],
        20: [((8, 8, 24), precision), ((8, 8, 144), precision)],
        153: [((1, 1, 1280), precision)],
    }.items():
        frozen, _ = backbone.cut(cut)
        assert [(shape, dtype.name) for shape, dtype in frozen.outputs] == outputs
        assert [(tensor.shape[1:], tensor.dtype) for tensor in frozen(images)] == frozen.outputs
    extractor = backbone.feature_extractor
    assert (extractor.layers, extractor.outputs) == (154, [((1280,), np.dtype("float32"))])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("layers", [20, 153, None])
def test_frozen_layers_compute_the_same_bytes_where_their_graph_is_loaded(shared, precision, layers, images):
    backbone = shared("MobileNetV2", precision)
    frozen = backbone.feature_extractor if layers is None else backbone.cut(layers)[0]
    load, arguments = frozen.__reduce__()
    loaded, expected = load(*arguments)(images), frozen(images)
    assert [(tensor.shape, tensor.dtype) for tensor in loaded] == [(tensor.shape, tensor.dtype) for tensor in expected]
    assert [tensor.tobytes() for tensor in loaded] == [tensor.tobytes() for tensor in expected]


def test_features_are_the_mean_over_rows_and_columns(shared, images):
    activations = shared().model(images.astype(np.float32) / 127.5 - 1, training=False).numpy()
    [features] = shared().feature_extractor(images)
    assert features == pytest.approx(activations.mean(axis=(1, 2)), abs=1e-6)


def test_inception_resnet_v2_has_the_parameters_of_the_study(shared):
    backbone = shared("InceptionResNetV2")
    assert backbone.parameters == 54_336_736
    assert backbone.parameters + backbone.channels * 6 + 6 == 54_345_958


def test_a_saved_backbone_is_loaded_unchanged(shared, tmp_path, images):
    shared().save(tmp_path)
    tensorflow.start(1)
    loaded = backbones.load(tmp_path)
    assert np.array_equal(shared().feature_extractor(images)[0], loaded.feature_extractor(images)[0])
    assert loaded.description() == shared().description() == backbones.read_description(tmp_path)


def test_a_bfloat16_backbone_computes_in_bfloat16_and_returns_float32_features(shared, images):
    backbone = shared("MobileNetV2", "bfloat16")
    assert backbone.model.layers[1].compute_dtype == "bfloat16"
    assert [features.dtype for features in backbone.feature_extractor(images)] == [np.float32]
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("frozen_layers", [154, 900])
def test_freezing_every_layer_or_more_is_refused(shared, frozen_layers):
    with pytest.raises(UserError) as raised:
        shared().cut(frozen_layers)
    assert str(raised.value) == (
        f"params.yaml: finetune.frozen_layers has {frozen_layers}, but the backbone has 154 layers; allowed: 0 to 153."
    )
