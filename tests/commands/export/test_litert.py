"""The LiteRT file of backbones whose activation has a gradient of its own."""

import numpy as np
import pytest

from commands.export import formats
from transfer.models import pretrained, tensorflow
from transfer.models.classifier import Classifier, new_head

pytestmark = pytest.mark.xdist_group("test_litert")


def test_the_output_keeps_its_name_and_its_values_with_a_swish_activation(tmp_path):
    tensorflow.start(0)
    backbone = pretrained.build("EfficientNetB0", None, 32, "float32")
    model = Classifier(backbone.feature_extractor, new_head(backbone.channels, 3, 0.2, 0))
    path = tmp_path / "model.tflite"
    path.write_bytes(formats.litert(formats.core_model(backbone, model)))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    [probabilities] = formats.load(path)(images)
    assert probabilities == pytest.approx(model(images)[0], abs=1e-5)
