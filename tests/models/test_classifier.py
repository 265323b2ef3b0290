"""What is trained on a backbone: its statistics stay, its checkpoint comes back, and a fault in it is told."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from transfer.interface.errors import UserError
from transfer.models.tensorflow import keras

from runs import recipe
from transfer.models import backbone as backbones
from transfer.models import pretrained
from transfer.loading import batches
from transfer.models import classifier
from transfer.models import tensorflow
from transfer.training import loop

CLASSES = ["a", "b", "c"]
SCORED = {"accuracy": 0.5, "loss": 0.7}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)


@pytest.fixture
def backbone():
    tensorflow.start(0)
    return pretrained.build("MobileNetV2", None, 32, "float32")


def tuned(backbone, images, cut, epochs=2):
    """A tail from the cut on, trained on six images."""
    frozen, rest = backbone.cut(cut)
    tail = classifier.Tail(rest, classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=0))
    labels = np.array([0, 1, 2, 0, 1, 2])
    with TemporaryDirectory() as temporary:
        loop.fit(
            tail,
            lambda epoch: iter([(frozen(images), labels)]),
            lambda: iter([(frozen(images), labels)]),
            recipe(epochs=epochs, learning_rate=0.01, patience=epochs),
            steps_per_epoch=1,
            after_epoch=lambda epoch: None,
            description="test",
            state=Path(temporary, "training.npz"),
        )
    return frozen, tail


@pytest.mark.parametrize("cut", [0, 140])
def test_training_moves_no_statistic_of_batch_normalization(backbone, images, cut):
    normalizations = [layer for layer in backbone.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    statistics = [(layer.moving_mean, layer.moving_variance) for layer in normalizations]
    before = [[value.numpy() for value in pair] for pair in statistics]
    tuned(backbone, images, cut)
    assert len(before) == 52
    for pair, kept in zip(statistics, before, strict=True):
        assert all(np.array_equal(value.numpy(), old) for value, old in zip(pair, kept, strict=True))
    # and it did train: the last shift started at nought
    assert normalizations[-1].beta.numpy().any()


def test_training_changes_nothing_before_the_cut(backbone, images):
    before = [variable.numpy() for layer in backbone.model.layers[:140] for variable in layer.variables]
    last = backbone.model.layers[151].kernel.numpy()
    tuned(backbone, images, 140)
    after = [variable.numpy() for layer in backbone.model.layers[:140] for variable in layer.variables]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert not np.array_equal(backbone.model.layers[151].kernel.numpy(), last)


def test_the_parameters_that_a_head_trains_are_those_of_its_dense_layer():
    assert loop.trainable_parameters(classifier.new_head(1536, 6, 0.2, seed=0)) == 9_222


def test_a_checkpoint_on_the_first_backbone_gives_the_tuned_probabilities(tmp_path, backbone, images):
    backbone.save(tmp_path / "backbone")
    about = classifier.head_metadata(backbone.description(), CLASSES, 0.2, 64, SCORED) | {"frozen_layers": 140}
    frozen, tail = tuned(backbone, images, 140)
    expected = tail(batches.model_inputs(frozen(images)), training=False).numpy()
    classifier.save(tmp_path / "tuned", tail, about)

    untuned = backbones.load(tmp_path / "backbone")
    loaded = classifier.load(tmp_path / "tuned", untuned, CLASSES)
    # The weights are the same in every bit; folding the normalization rounds what comes of them
    found, trained = (model.get_weights() for model in (untuned.model, backbone.model))
    assert all(np.array_equal(one, other) for one, other in zip(found, trained, strict=True))
    [found] = loaded(images)
    assert found == pytest.approx(expected, abs=1e-6)
    assert expected.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-6)


def test_a_checkpoint_of_the_head_holds_no_copy_of_the_backbone(tmp_path, backbone):
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=3)
    classifier.save(tmp_path, head, classifier.head_metadata(backbone.description(), CLASSES, 0.2, 64, SCORED))
    loaded = classifier.load_head(tmp_path, 0, backbone.description(), CLASSES)
    features = np.random.default_rng(0).normal(size=(4, backbone.channels)).astype(np.float32)
    [found], [expected] = classifier.head_function(loaded)(features), classifier.head_function(head)(features)
    assert np.array_equal(found, expected)
    assert (tmp_path / "trained.weights.h5").stat().st_size < 100_000


def test_the_same_training_gives_the_same_bytes(tmp_path, images):
    files = []
    for name in ("one", "two"):
        tensorflow.start(0)
        backbone = pretrained.build("MobileNetV2", None, 32, "float32")
        _, tail = tuned(backbone, images, 140)
        classifier.save(tmp_path / name, tail, classifier.head_metadata(backbone.description(), CLASSES, 0.2, 64, SCORED))
        files.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert files[0] == files[1]


def test_what_is_known_of_a_head_comes_from_the_backbones_description(backbone):
    described = backbone.description()
    assert classifier.head_metadata(described, CLASSES, 0.2, 64, SCORED) == {
        "classes": CLASSES,
        "image_size": 32,
        "frozen_layers": 154,
        "dropout": 0.2,
        "batch_size": 64,
        "validation": SCORED,
        "backbone": described,
    }


def test_another_backbone_or_a_broken_file_is_told(tmp_path, backbone, images):
    _, tail = tuned(backbone, images, 150, epochs=1)
    classifier.save(
        tmp_path,
        tail,
        classifier.head_metadata(backbone.description(), CLASSES, 0.2, 64, SCORED) | {"frozen_layers": 150},
    )
    other = pretrained.build("MobileNetV2", None, 64, "float32")
    with pytest.raises(UserError, match="trained on another backbone"):
        classifier.load(tmp_path, other, CLASSES)
    (tmp_path / "trained.weights.h5").write_bytes(b"half")
    with pytest.raises(UserError, match=r"trained.weights.h5 cannot be used: make it anew"):
        classifier.load(tmp_path, backbone, CLASSES)


def test_a_model_of_other_classes_is_refused(tmp_path, backbone):
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=3)
    classifier.save(tmp_path, head, classifier.head_metadata(backbone.description(), CLASSES, 0.2, 64, SCORED))
    told = r"was trained on the classes a, b, c, and the dataset has a, b: run `dvc repro`"
    with pytest.raises(UserError, match=told):
        classifier.load_head(tmp_path, 0, backbone.description(), ["a", "b"])
    with pytest.raises(UserError, match=told):
        classifier.load(tmp_path, backbone, ["a", "b"])
