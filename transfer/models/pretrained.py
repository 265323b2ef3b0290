"""A new backbone with weights from ImageNet, from a file in weights/, or drawn at random."""

import contextlib
import io as standard_io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transfer.common import io
from transfer.interface.errors import UserError
from transfer.models import applications, checkpoint
from transfer.models.backbone import Backbone, new_model
from transfer.models.tensorflow import keras, tf

file_utils = keras.src.utils.file_utils
# The pipeline sets these itself, so the JSON beside a weight file may not.
RESERVED_ARGUMENTS = frozenset(
    {"include_top", "weights", "input_shape", "input_tensor", "pooling", "classes", "classifier_activation"}
)


def build(name: str, weights: str | None, image_size: int, precision: str, views: int = 1) -> Backbone:
    """Build a backbone.

    Args:
        name: class of `keras.applications`.
        weights: `imagenet`, the path of a weight file, or None for random weights. A file may have a JSON of the same
            stem beside it, whose `arguments` go to the constructor.
        image_size: in pixels.
        precision: `float32` or `bfloat16`.
        views: how many orientations of an image its features are the mean of.

    Raises:
        UserError: the weights are not available or do not fit, or the backbone cannot be built at this size.
    """
    if weights is None:
        return Backbone(name, {}, image_size, precision, "random", new_model(name, {}, image_size, precision), views)
    if weights == "imagenet":
        return Backbone(name, {}, image_size, precision, "imagenet", _with_imagenet(name, image_size, precision), views)
    applications.check_weights(weights)
    arguments = _arguments_beside(Path(weights), name)
    model = new_model(name, arguments, image_size, precision)
    message = (
        f"{weights} does not fit {name}: give its constructor arguments in a JSON file beside it, or change "
        "backbone.name or backbone.weights in params.yaml"
    )
    checkpoint.load_weights(model, Path(weights), message)
    return Backbone(name, arguments, image_size, precision, weights, model, views)


def _with_imagenet(name: str, image_size: int, precision: str) -> keras.Model:
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
    # Keras prints the address that it downloads from. In a log that is noise, and an error repeats the address.
    with contextlib.redirect_stdout(standard_io.StringIO()), _recorded_files(home.expanduser()) as files:
        try:
            return new_model(name, {}, image_size, precision, "imagenet")
        except Exception as error:  # a download may fail in many ways, and h5py and Keras raise many kinds
            if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
                raise
            # A failed download leaves no file. One that ended early in an earlier run, or a proxy's page, is a file.
            if broken := [path for path in files if path.exists()]:
                reason = " ".join(str(error).rpartition("no arguments: ")[2].split())[:200]
                raise UserError(
                    f"{broken[-1]} does not hold the ImageNet weights of {name}, perhaps because its download ended "
                    f"early ({reason}): delete the file, and run again with a network or put a whole file there."
                ) from None
            if isinstance(error, UserError):
                raise
            address = re.search(r"https?://\S+?\.h5", str(error))
            remedy = (
                f"download {address[0]} where there is a network and put it into {home}/" if address else str(error)
            )
            raise UserError(
                f"The ImageNet weights of {name} are not in {home}/ and cannot be downloaded: {remedy}"
            ) from None


@contextlib.contextmanager
def _recorded_files(home: Path) -> Iterator[list[Path]]:
    """Collect the weight files that Keras uses inside the block.

    Keras overwrites a file with a wrong checksum, and deletes it if the download fails. Here, such a file stays.
    """
    get_file, files = file_utils.get_file, list[Path]()

    def recorded(fname: str, origin: str, *arguments: Any, **options: Any) -> Any:
        files.append(home / fname)
        checksum = options.get("file_hash")
        if checksum and files[-1].exists() and not file_utils.validate_file(files[-1], checksum):
            raise OSError("its checksum is wrong")
        files[-1] = Path(path := get_file(fname, origin, *arguments, **options))
        return path

    file_utils.get_file = recorded
    try:
        yield files
    finally:
        file_utils.get_file = get_file


def _arguments_beside(path: Path, name: str) -> dict[str, Any]:
    """The constructor arguments in the JSON file beside a weight file; none if there is no such file."""
    beside = path.with_name(re.sub(r"(\.weights)?\.h5$", ".json", path.name))
    if not beside.exists():
        return {}
    content = io.read_json(beside)
    if not isinstance(content, dict) or not isinstance(content.get("arguments", {}), dict):
        raise UserError(
            f'{beside} must be an object with "backbone" and "arguments", as in {{"arguments": {{"alpha": 0.35}}}}.'
        )
    if content.get("backbone", name) != name:
        raise UserError(
            f"{path} holds weights of {content['backbone']}, but backbone.name in params.yaml is {name}: change one."
        )
    arguments = content.get("arguments", {})
    reserved = [key for key in arguments if key in RESERVED_ARGUMENTS]
    if reserved:
        raise UserError(f"{beside}: the pipeline sets the argument {reserved[0]} itself; remove it.")
    return json.loads(json.dumps(arguments))
