"""Which backbones and weights there are: what can be found without importing Keras.

Importing TensorFlow takes seconds, and a misspelt name should be told at once, so the names of the model classes of
`keras.applications` are read from the source of the installed `keras/applications/__init__.py`.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from transfer.faults import Fault


@cache
def modules() -> dict[str, str]:
    """Model class name to the name of the `keras.applications` module that has its `preprocess_input`."""
    keras = find_spec("keras")
    if keras is None or keras.origin is None:
        raise ModuleNotFoundError("keras is not installed")
    source = Path(keras.origin).parent / "applications" / "__init__.py"
    found = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras.src.applications."):
            for alias in node.names:
                found[alias.asname or alias.name] = node.module.rpartition(".")[2]
    return found


def check_weights(weights: str | None) -> None:
    """Raises Fault if weights are to come from a file that is not there."""
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise Fault(
            f"{weights} is missing: `dvc pull {weights}`, or put the file there, or change backbone.weights in "
            "params.yaml."
        )
