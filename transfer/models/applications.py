"""The backbones of `keras.applications`: their names, without importing Keras.

Importing TensorFlow takes seconds, and a misspelt name should be an error at once. The names of the model classes are
therefore read from the source of the installed `keras/applications/__init__.py`.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from transfer.interface.errors import UserError

# Backbones, by the beginning of their names, whose frozen layers LiteRT runs at least 1.3 times as fast as TensorFlow
# on processors (docs/explanation/performance.md).
LITERT_FAMILIES = ("ConvNeXt", "EfficientNetB", "MobileNet")


@cache
def preprocessing_modules() -> dict[str, str]:
    """The name of each model class, and of the `keras.applications` module that has its `preprocess_input`."""
    keras = find_spec("keras")
    if keras is None or keras.origin is None:
        raise ModuleNotFoundError("keras is not installed")
    source = Path(keras.origin).parent / "applications" / "__init__.py"
    modules = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras.src.applications."):
            for alias in node.names:
                modules[alias.asname or alias.name] = node.module.rpartition(".")[2]
    return modules


def check_weights(weights: str | None) -> None:
    """Raises UserError if the weights are to come from a file that is missing."""
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise UserError(
            f"{weights} is missing: run `dvc pull {weights}`, put the file there, or change backbone.weights in "
            "params.yaml."
        )
