"""What an exported model is: model.json, for programs, from which the model card takes its facts."""

import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from commands.programs import output_of, succeeds
from transfer.common import dvcfile
from transfer.dataset.resizing import GROUND
from transfer.evaluation.intervals import wilson_interval
from transfer.interface.errors import UserError
from transfer.loading.prepared import Resize

DATASET_FILE = Path("dataset_images.dvc")
LIBRARIES = ("keras", "tensorflow", "numpy", "opencv-python-headless", "pillow", "onnx", "tf2onnx")
# The build of TensorFlow for processors alone is a package of its own.
OTHER_NAMES = {"tensorflow": "tensorflow-cpu"}
LICENCE = "not stated: the licence of the photographs and of the backbone's weights decides it"

DECODING = (
    "The EXIF orientation is applied first: the image is upright.",
    "Transparency is put on white.",
    "Values of 16 bits are scaled to 8, not cut off: round(value * 255 / limit), where limit is the largest value of "
    "the smallest of 8, 10, 12, 14 and 16 bits that holds all values of the image.",
    "Grey and palettes become RGB.",
)
FITS = {
    "squash": "The whole image is stretched to the square, so its proportions change.",
    "crop": "The largest central square is cut out: side = min(height, width), top = (height - side) // 2, "
    "left = (width - side) // 2. It is resized to the square.",
    "pad": "The whole image is resized so that its longer side fits the square: each side becomes "
    "max(1, round(side * {size} / longer side)), halves rounded to even. It is put on a square of grey "
    f"({GROUND}, {GROUND}, {GROUND}) at top = ({{size}} - height) // 2, left = ({{size}} - width) // 2.",
}
INTERPOLATIONS = {
    False: "Bilinear interpolation of the four nearest pixels without antialiasing, pixel centres at halves, rounded "
    "to 8 bits: cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR). Pillow, browsers and phones "
    "antialias when they shrink an image: the model was not trained on such squares, and its accuracy falls.",
    True: "Bilinear interpolation with antialiasing, first along rows and then along columns, rounded to 8 bits after "
    "each: with Pillow, image.resize((width, image.height), Image.Resampling.BILINEAR).resize((width, height), "
    "Image.Resampling.BILINEAR). OpenCV's INTER_LINEAR does not antialias: the model was not trained on such squares, "
    "and its accuracy falls.",
}
INSIDE = "inside the file: images of any height and width"
OUTSIDE = "by the program that uses the file, as `resize` says"
NO_QUANTISATION = "none: 32-bit floats"
INT8 = (
    "weights and activations in 8-bit whole numbers; the input is the image itself (scale 1, zero point 0), the output "
    "32-bit floats; ranges from {count} training images"
)


def check_classes(classes: Sequence[str]) -> None:
    """Raises UserError for a class whose name would take more than one line of labels.txt."""
    for name in classes:
        if name.splitlines() != [name]:
            raise UserError(
                f"The class {name!r} does not fit on a line of labels.txt: rename it, then run `dvc repro`."
            )


def describe(
    model: str,
    metadata: dict[str, Any],
    test: dict[str, Any],
    images: dict[str, int],
    representative: int,
    temperature: float | None,
) -> dict[str, Any]:
    """The content of model.json.

    Args:
        test: test accuracy with its interval.
        images: the number of images of each split.
        representative: how many images determine the ranges of the 8-bit model.
        temperature: what the logits are divided by; None if the probabilities are not calibrated.
    """
    size = metadata["image_size"]
    resize: Resize = metadata["resize"]
    correct = round(metadata["validation"]["accuracy"] * images["validation"])
    low, high = wilson_interval(correct, images["validation"])
    validation = {"accuracy": metadata["validation"]["accuracy"], "accuracy_low": low, "accuracy_high": high}
    any_size = {"shape": [None, None, None, 3], "resizing": INSIDE}
    square = {"shape": [1, size, size, 3], "resizing": OUTSIDE}
    return {
        "model": model,
        "backbone": metadata["backbone"]["name"],
        "views": metadata["backbone"]["views"],
        "classes": metadata["classes"],
        "image_size": size,
        "input": {
            "name": "images",
            "dtype": "uint8",
            "range": [0, 255],
            "colour_order": "RGB",
            "axes": ["image", "height", "width", "colour"],
        },
        "output": {"name": "probabilities", "dtype": "float32", "axes": ["image", "class"], "temperature": temperature},
        "decoding": list(DECODING),
        "resize": {
            **resize,
            "steps": [FITS[resize["fit"]].format(size=size), INTERPOLATIONS[resize["antialias"]]],
        },
        "files": {
            "model.keras": {**any_size, "quantisation": NO_QUANTISATION},
            "model.tflite": {**square, "quantisation": NO_QUANTISATION},
            "model_int8.tflite": {**square, "quantisation": INT8.format(count=representative)},
            "model.onnx": {**any_size, "quantisation": NO_QUANTISATION},
        },
        "accuracy": {
            "test": {**test, "images": images["test"]},
            "validation": {**validation, "images": images["validation"]},
        },
        "commit": commit(),
        "data": {"file": DATASET_FILE.as_posix(), "md5": dvcfile.digest(DATASET_FILE)},
        "versions": {"python": platform.python_version(), **library_versions()},
        "licence": LICENCE,
    }


def commit() -> dict[str, Any] | None:
    """The commit of the project, and whether tracked files have changed since; None without Git or a repository."""
    if not shutil.which("git") or not succeeds("git", "rev-parse", "--verify", "HEAD", quiet=True):
        return None
    changed = bool(output_of("git", "status", "--porcelain", "--untracked-files=no", "--", ".").strip())
    return {"id": output_of("git", "rev-parse", "HEAD").strip(), "uncommitted_changes": changed}


def library_versions() -> dict[str, str]:
    """The installed versions of the libraries that made the files."""

    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return version(OTHER_NAMES[name])

    return {name: installed(name) for name in LIBRARIES}
