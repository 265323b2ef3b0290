"""The classifier: what its training changes, its checkpoint, and the errors in loading one."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from networks import lively
from runs import recipe
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.models import backbone as backbones
from transfer.models import classifier, pretrained, tensorflow
from transfer.models.tensorflow import keras
from transfer.training import loop

# The tests share models that take seconds to build and to train.
pytestmark = pytest.mark.xdist_group("test_classifier")

CLASSES = ["a", "b", "c"]
RESIZE = {"fit": "crop", "antialias": True}
VALIDATION = {"accuracy": 0.5, "loss": 0.7}
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)


@dataclass(frozen=True)
class Training:
    """A tail, trained from a cut on.

    Attributes:
        backbone: the trained backbone.
        before: the values of its variables before the training, by path.
        saved: the folder of the backbone, saved before the training.
    """

    backbone: backbones.Backbone
    frozen: backbones.FrozenLayers
    tail: classifier.Tail
    before: dict[str, np.ndarray]
    saved: Path

    def changed(self, variable):
        return not np.array_equal(variable.numpy(), self.before[variable.path])


def build_backbone():
    tensorflow.start(0)
    return pretrained.build("MobileNetV2", None, 32, "float32")


def new_head(backbone, seed=0):
    return classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed)


def head_metadata(backbone):
    return classifier.head_metadata(backbone.description(), CLASSES, RESIZE, 0.2, 64, VALIDATION)


def train(cut, folder):
    """Train a new backbone from the cut on, with six images and two epochs."""
    backbone = build_backbone()
    backbone.save(folder)
    before = {variable.path: variable.numpy() for variable in backbone.model.variables}
    frozen, rest = backbone.cut(cut)
    tail = classifier.Tail(rest, new_head(backbone))
    labels = np.array([0, 1, 2, 0, 1, 2])
    with TemporaryDirectory() as temporary:
        loop.fit(
            tail,
            lambda epoch: iter([(frozen(IMAGES), labels)]),
            lambda: iter([(frozen(IMAGES), labels)]),
            recipe(epochs=2, learning_rate=0.01, patience=2),
            labels=labels,
            steps_per_epoch=1,
            after_epoch=lambda epoch: None,
            description="test",
            state=Path(temporary, "training.npz"),
        )
    return Training(backbone, frozen, tail, before, folder)


@pytest.fixture(scope="module")
def backbone():
    """A backbone that no test changes."""
    return build_backbone()


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """A training from layer 140 on, which no test continues."""
    return train(140, tmp_path_factory.mktemp("untrained") / "backbone")


@pytest.mark.parametrize("cut", [0, 140])
def test_training_changes_no_statistic_of_batch_normalization(cut, training, tmp_path):
    if cut != 140:
        training = train(cut, tmp_path / "backbone")
    layers = training.backbone.model.layers
    normalizations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normalizations) == 52
    for layer in normalizations:
        assert not training.changed(layer.moving_mean) and not training.changed(layer.moving_variance)
    # The training did change weights: the last shift started at zero.
    assert normalizations[-1].beta.numpy().any()


def test_training_changes_nothing_before_the_cut(training):
    layers = training.backbone.model.layers
    assert not any(training.changed(variable) for layer in layers[:140] for variable in layer.variables)
    assert training.changed(layers[151].kernel)


def test_a_head_trains_the_parameters_of_its_dense_layer():
    assert loop.trainable_parameters(classifier.new_head(1536, 6, 0.2, seed=0)) == 9_222


def test_a_checkpoint_on_the_untrained_backbone_gives_the_trained_probabilities(tmp_path, training):
    classifier.save(tmp_path, training.tail, head_metadata(training.backbone) | {"frozen_layers": 140})
    expected = training.tail(batches.model_inputs(training.frozen(IMAGES)), training=False).numpy()
    assert expected.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-6)

    untrained = backbones.load(training.saved)
    loaded = classifier.load(tmp_path, untrained, CLASSES)
    # The weights are equal in every bit. Folding BatchNormalization into the convolutions rounds the results.
    models = untrained.model, training.backbone.model
    assert all(np.array_equal(*pair) for pair in zip(*(model.get_weights() for model in models), strict=True))
    [probabilities] = loaded(IMAGES)
    assert probabilities == pytest.approx(expected, abs=1e-6)


def test_a_checkpoint_of_the_head_holds_no_copy_of_the_backbone(tmp_path, backbone):
    head = new_head(backbone, seed=3)
    classifier.save(tmp_path, head, head_metadata(backbone))
    loaded = classifier.load_head(tmp_path, 0, backbone.description(), CLASSES)
    features = np.random.default_rng(0).normal(size=(4, backbone.channels)).astype(np.float32)
    [probabilities], [expected] = classifier.head_function(loaded)(features), classifier.head_function(head)(features)
    assert np.array_equal(probabilities, expected)
    assert (tmp_path / "trained.weights.h5").stat().st_size < 100_000


def test_the_same_training_gives_the_same_bytes(tmp_path, training):
    files = []
    for name, one in (("first", training), ("second", train(140, tmp_path / "backbone"))):
        classifier.save(tmp_path / name, one.tail, head_metadata(one.backbone))
        files.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert files[0] == files[1]


def test_the_metadata_of_a_head_come_from_the_description_of_the_backbone(backbone):
    description = backbone.description()
    assert classifier.head_metadata(description, CLASSES, RESIZE, 0.2, 64, VALIDATION) == {
        "classes": CLASSES,
        "image_size": 32,
        "resize": {"fit": "crop", "antialias": True},
        "frozen_layers": 154,
        "dropout": 0.2,
        "batch_size": 64,
        "validation": VALIDATION,
        "backbone": description,
    }


def test_another_backbone_or_a_broken_file_is_reported(tmp_path, backbone):
    tail = classifier.Tail(backbone.cut(150)[1], new_head(backbone))
    classifier.save(tmp_path, tail, head_metadata(backbone) | {"frozen_layers": 150})
    with pytest.raises(UserError) as raised:
        classifier.load(tmp_path, replace(backbone, image_size=64), CLASSES)
    assert str(raised.value) == (
        f"{tmp_path}/ was trained on another backbone than the one in models/backbone/: run `dvc repro`."
    )
    (tmp_path / "trained.weights.h5").write_bytes(b"half")
    with pytest.raises(
        UserError, match=r"/trained\.weights\.h5 cannot be used: make it again with `dvc repro` \(.+\)$"
    ):
        classifier.load(tmp_path, backbone, CLASSES)


def test_a_checkpoint_of_other_classes_is_refused(tmp_path, backbone):
    classifier.save(tmp_path, new_head(backbone), head_metadata(backbone))
    message = r"/ was trained on the classes a, b, c, but the dataset has a, b: run `dvc repro`\.$"
    with pytest.raises(UserError, match=message):
        classifier.load_head(tmp_path, 0, backbone.description(), ["a", "b"])
    with pytest.raises(UserError, match=message):
        classifier.load(tmp_path, backbone, ["a", "b"])


@pytest.mark.parametrize("cut", [0, 20, 140])
def test_a_tail_scores_all_orientations_of_an_image_as_its_classifier_does(cut):
    backbone = lively(IMAGES, views=4)
    head = new_head(backbone)
    frozen, rest = backbone.cut(cut)
    tail = classifier.Tail(rest, head)
    [expected] = classifier.Classifier(backbone.feature_extractor, head)(IMAGES)
    assert np.ptp(expected, axis=0).max() > 0.01
    assert tail(batches.model_inputs(frozen(IMAGES)), training=False).numpy() == pytest.approx(expected, abs=1e-4)


def test_a_loaded_backbone_has_as_many_orientations_as_the_saved_one(tmp_path):
    replace(build_backbone(), views=4).save(tmp_path / "backbone")
    assert backbones.load(tmp_path / "backbone").feature_extractor.views == 4
