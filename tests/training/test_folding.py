"""BatchNormalization folded into convolutions: the same outputs and gradients, on the same variables."""

import numpy as np
import pytest

from transfer.models import backbone as backbones
from transfer.models import tensorflow
from transfer.models.tensorflow import keras, tf
from transfer.training import folding


def randomized(model: keras.Model) -> keras.Model:
    """With other statistics in every layer than those that a new model has."""
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in layer.weights:
                variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    return model


def outputs_and_gradients(model: keras.Model, variables: list[keras.Variable], images: np.ndarray) -> list[np.ndarray]:
    """In a graph, as in training: TensorFlow fuses and changes operations there."""

    @tf.function(autograph=False)
    def compute() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            output = tf.cast(model(images, training=False), tf.float32)
            weights = np.random.default_rng(1).random(output.shape, np.float32)
            loss = tf.reduce_sum(output * weights)
        return [output, *tape.gradient(loss, [variable.value for variable in variables])]

    return [tensor.numpy() for tensor in compute()]


def error(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def count(model: keras.Model, kind: type) -> int:
    return sum(isinstance(layer, kind) for layer in model.layers)


def convolutions() -> keras.Model:
    """Convolutions of each kind, with BatchNormalization after each."""
    images = keras.Input((9, 9, 4))
    tensor = keras.layers.Conv2D(6, 3, strides=2, padding="same")(images)
    tensor = keras.layers.ReLU()(keras.layers.BatchNormalization(scale=False)(tensor))
    tensor = keras.layers.ZeroPadding2D(2)(tensor)
    tensor = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, dilation_rate=2, use_bias=False)(tensor)
    tensor = keras.layers.BatchNormalization(center=False)(tensor)
    tensor = keras.layers.BatchNormalization()(keras.layers.Conv2D(5, 1, use_bias=False)(tensor))
    return randomized(keras.Model(images, tensor))


def test_outputs_and_all_gradients_are_the_same():
    tensorflow.start(0)
    model = convolutions()
    folded = folding.fold(model)
    assert count(folded, folding.FoldedConvolution) == 3
    assert count(folded, keras.layers.BatchNormalization) == 0
    images = np.random.default_rng(2).random((5, 9, 9, 4), np.float32)
    variables = model.trainable_variables
    assert {id(variable) for variable in folded.trainable_variables} == {id(variable) for variable in variables}
    expected = outputs_and_gradients(model, variables, images)
    # The output; kernel, bias and beta; kernel and gamma; kernel, gamma and beta.
    assert len(expected) == 1 + 3 + 2 + 3
    for actual, of_model in zip(outputs_and_gradients(folded, variables, images), expected, strict=True):
        assert error(actual, of_model) < 1e-5


def test_variables_that_training_changes_are_those_of_the_model():
    tensorflow.start(0)
    model = convolutions()
    folded = folding.fold(model)
    for variable in folded.trainable_variables:
        variable.assign(variable.numpy() * 1.5 + 0.1)
    images = np.random.default_rng(2).random((5, 9, 9, 4), np.float32)
    assert error(folded(images).numpy(), model(images, training=False).numpy()) < 1e-5


@pytest.mark.parametrize(
    "layers",
    [
        lambda images: keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="relu")(images)),
        lambda images: keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, groups=2)(images)),
        lambda images: keras.layers.BatchNormalization()(keras.layers.SeparableConv2D(4, 3)(images)),
        lambda images: keras.layers.BatchNormalization(axis=1)(keras.layers.Conv2D(4, 3)(images)),
        lambda images: keras.layers.BatchNormalization()(keras.layers.ReLU()(keras.layers.Conv2D(4, 3)(images))),
        lambda images: keras.layers.LayerNormalization()(keras.layers.Conv2D(4, 3)(images)),
        lambda images: keras.layers.BatchNormalization()(images),
    ],
)
def test_other_layers_stay_as_they_are(layers):
    tensorflow.start(0)
    images = keras.Input((7, 7, 4))
    model = randomized(keras.Model(images, layers(images)))
    folded = folding.fold(model)
    assert [type(layer) for layer in folded.layers] == [type(layer) for layer in model.layers]
    batch = np.random.default_rng(2).random((3, 7, 7, 4), np.float32)
    np.testing.assert_array_equal(folded(batch, training=False), model(batch, training=False))


def test_a_convolution_whose_output_is_used_twice_is_not_folded():
    tensorflow.start(0)
    images = keras.Input((7, 7, 4))
    shared, convolution = keras.layers.BatchNormalization(), keras.layers.Conv2D(4, 3)
    used = keras.layers.Conv2D(4, 3)(images)
    models = [
        keras.Model(images, keras.layers.Add()([used, keras.layers.BatchNormalization()(used)])),
        keras.Model(images, [used, keras.layers.BatchNormalization()(used)]),
        keras.Model(
            images, keras.layers.BatchNormalization()(convolution(keras.layers.ZeroPadding2D()(convolution(images))))
        ),
        keras.Model(images, keras.layers.Add()([shared(keras.layers.Conv2D(4, 3)(images)) for _ in range(2)])),
    ]
    batch = np.random.default_rng(2).random((3, 7, 7, 4), np.float32)
    for model in map(randomized, models):
        folded = folding.fold(model)
        assert count(folded, folding.FoldedConvolution) == 0
        for actual, expected in zip(
            keras.tree.flatten(folded(batch, training=False)),
            keras.tree.flatten(model(batch, training=False)),
            strict=True,
        ):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "frozen_layers", "normalizations", "folded"),
    [
        ("MobileNetV2", 32, 54, 34, 34),
        # Two follow convolutions before the cut.
        ("InceptionResNetV2", 75, 600, 47, 45),
        # Most of its convolutions are separable.
        ("Xception", 71, 100, 10, 1),
        ("DenseNet121", 32, 300, 36, 17),
        ("EfficientNetV2B0", 32, 150, 25, 24),
        ("NASNetMobile", 32, 500, 70, 9),
    ],
)
def test_backbones_compute_the_same(name, size, frozen_layers, normalizations, folded):
    tensorflow.start(0)
    model = randomized(backbones.new_model(name, {}, size, "float32"))
    _, rest = backbones.Backbone(name, {}, size, "float32", "random", model).cut(frozen_layers)
    quick = folding.fold(rest)
    assert count(rest, keras.layers.BatchNormalization) == normalizations
    assert count(quick, folding.FoldedConvolution) == folded
    generator = np.random.default_rng(3)
    tensors = [generator.random((2, *tensor.shape[1:]), np.float32) for tensor in rest.inputs]
    results = (outputs_and_gradients(layers, rest.trainable_variables, tensors) for layers in (quick, rest))
    for actual, expected in zip(*results, strict=True):
        assert error(actual, expected) < 1e-4


def test_in_bfloat16_sums_are_exact_enough():
    """Against float32: TensorFlow's `bias_add` would sum thousands of gradients in bfloat16."""
    tensorflow.start(0)
    exact = convolutions()
    with tensorflow.layer_precision("bfloat16"):
        model = convolutions()
    model.set_weights(exact.get_weights())
    images = np.random.default_rng(2).random((50, 9, 9, 4), np.float32)
    expected = outputs_and_gradients(exact, exact.trainable_variables, images)
    folded = outputs_and_gradients(folding.fold(model), model.trainable_variables, images)
    errors = [error(*pair) for pair in zip(folded, expected, strict=True)]
    # Numbers of bfloat16 differ by up to 0.004 from exact ones.
    assert 0.0005 < max(errors) < 0.01
