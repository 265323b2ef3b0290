"""Which backbones there are: the model classes of `keras.applications`, found without importing Keras.

Importing TensorFlow takes seconds, and a misspelt name should be told at once, so the names are read from the source
of the installed `keras/applications/__init__.py`.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


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
