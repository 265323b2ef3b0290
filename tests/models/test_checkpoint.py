"""The metadata of a checkpoint, read without TensorFlow."""

import json

import pytest

from transfer.models import checkpoint

METADATA = {
    "classes": ["a", "b"],
    "image_size": 32,
    "frozen_layers": 3,
    "dropout": 0.2,
    "batch_size": 8,
    "validation": {"accuracy": 0.5, "loss": 0.7},
    "backbone": {"channels": 4},
}


@pytest.mark.parametrize(
    ("recorded", "resize"),
    [
        # Models that were trained before the parameter existed have no record of it.
        ({}, {"fit": "squash", "antialias": False}),
        ({"resize": {"fit": "pad", "antialias": True}}, {"fit": "pad", "antialias": True}),
    ],
)
def test_a_checkpoint_says_how_its_images_became_squares(tmp_path, recorded, resize):
    (tmp_path / "model.json").write_text(json.dumps(METADATA | recorded))
    assert checkpoint.read_metadata(tmp_path) == METADATA | {"resize": resize}
