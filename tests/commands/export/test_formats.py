"""The exported files of a small backbone: their probabilities, the names of their tensors, and what they carry."""

import io
import json
import zipfile

import numpy as np
import onnx
import pytest

from commands.export import formats
from networks import lively
from transfer.dataset import resizing
from transfer.models import classifier
from transfer.models.tensorflow import tf

# One worker makes each exported folder once.
pytestmark = pytest.mark.xdist_group("export")

CLASSES = ["a", "b", "c"]
SQUASH = {"fit": "squash", "antialias": False}
FILES = {"labels.txt": "a\nb\nc\n", "model.json": json.dumps({"classes": CLASSES})}
LARGE = np.random.default_rng(4).integers(0, 256, (50, 70, 3)).astype(np.uint8)
# Many images: the deepest maps are single points, and statistics of few of them would amplify rounding errors.
MANY = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
IMAGES = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module", params=["train_tl", "finetune", "views"])
def exported(request, tmp_path_factory):
    """A folder with the files, and the original's probabilities of the images; the last has eight views of each."""
    folder = tmp_path_factory.mktemp(request.param)
    views = 8 if request.param == "views" else 1
    backbone = lively(MANY, views=views)
    head = classifier.new_head(backbone.channels, len(CLASSES), 0.2, seed=1)
    # Smaller weights: the probabilities depend on the image, but not on the last bits of its random features. A mean of
    # features varies less.
    head.layers[-1].kernel.assign(head.layers[-1].kernel / (5 if views == 1 else 2))
    metadata = classifier.head_metadata(backbone.description(), CLASSES, SQUASH, 0.2, 8, {"accuracy": 0.5, "loss": 0.7})
    if request.param != "finetune":
        classifier.save(folder / "model", head, metadata)
    else:
        tail = classifier.Tail(backbone.cut(140)[1], head)
        backbone.model.layers[151].kernel.assign(backbone.model.layers[151].kernel * 2)
        classifier.save(folder / "model", tail, metadata | {"frozen_layers": 140})
        backbone = lively(MANY)
    original = classifier.load(folder / "model", backbone, CLASSES)
    [expected] = original(IMAGES)
    assert np.ptp(expected, axis=0).max() > 0.01
    core = formats.core_model(backbone, original)
    whole = formats.whole_model(core, SQUASH)
    whole.save(folder / "model.keras")
    (folder / "model.tflite").write_bytes(formats.with_files(formats.litert(core), FILES))
    (folder / "model_int8.tflite").write_bytes(formats.litert(core, IMAGES))
    (folder / "model.onnx").write_bytes(formats.onnx(whole, FILES))
    [of_large] = original(resizing.to_square(LARGE, 32, **SQUASH)[None])
    np.save(folder / "expected_of_large.npy", of_large)
    return folder, expected


@pytest.mark.parametrize("name", ["model.keras", "model.onnx"])
def test_the_keras_and_the_onnx_file_give_the_same_probabilities(exported, name):
    folder, expected = exported
    [probabilities] = formats.load(folder / name)(IMAGES)
    assert np.abs(probabilities - expected).max() < 1e-5


def test_the_litert_file_gives_the_same_probabilities(exported):
    folder, expected = exported
    [probabilities] = formats.load(folder / "model.tflite")(IMAGES)
    assert np.abs(probabilities - expected).max() < 1e-4


def test_the_8_bit_file_is_less_than_half_the_size_and_close_to_the_original(exported):
    folder, expected = exported
    small, large = (folder / name for name in ("model_int8.tflite", "model.tflite"))
    assert small.stat().st_size < 0.4 * large.stat().st_size
    [probabilities] = formats.load(small)(IMAGES)
    # Closer than the probabilities of different images are to each other. The images are noise, of which a mean over
    # orientations leaves little.
    others = np.abs(expected[:, None] - expected[None]).mean(axis=(1, 2))
    assert np.abs(probabilities - expected).mean() < (0.75 if folder.name.startswith("views") else 0.5) * others.mean()


@pytest.mark.parametrize("name", ["model.keras", "model.onnx"])
def test_the_keras_and_the_onnx_file_resize_images_of_any_size(exported, name):
    folder, _ = exported
    [probabilities] = formats.load(folder / name)(LARGE[None])
    assert np.abs(probabilities - np.load(folder / "expected_of_large.npy")).max() < 1e-5


def test_the_onnx_file_names_its_tensors_and_carries_the_labels(exported):
    model = onnx.load(exported[0] / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        tensor.name: [dimension.dim_param or dimension.dim_value for dimension in tensor.type.tensor_type.shape.dim]
        for tensor in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"images": ["image", "height", "width", 3], "probabilities": ["image", 3]}
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert {entry.key: entry.value for entry in model.metadata_props} == FILES


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_a_litert_file_names_its_tensors_and_takes_8_bit_squares(exported, name):
    interpreter = tf.lite.Interpreter(str(exported[0] / name))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["images"], "outputs": ["probabilities"]}}
    [image], [output] = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["shape"].tolist(), image["dtype"]) == ([1, 32, 32, 3], np.uint8)
    assert (output["shape"].tolist(), output["dtype"]) == ([1, 3], np.float32)
    assert image["quantization"] == ((1.0, 0) if name == "model_int8.tflite" else (0.0, 0))


def test_a_litert_file_carries_the_labels_as_an_uncompressed_zip_file(exported):
    content = (exported[0] / "model.tflite").read_bytes()
    assert content[4:8] == b"TFL3"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == FILES
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
    assert formats.with_files(b"TFL3", FILES) == formats.with_files(b"TFL3", FILES)
