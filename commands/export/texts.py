"""The texts of an export that are made from templates: the model card and the example programs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from transfer.dataset.resizing import GROUND
from transfer.loading.prepared import Resize

EXAMPLES = ("example_keras.py", "example_litert.py", "example_onnx.py")
CARD = "MODEL_CARD.md"
FIT_WORDS = {"squash": "the image, stretched.", "crop": "its largest central square.", "pad": "all of it, on grey."}
# What has a meaning inside a line of Markdown, on GitHub too.
MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$&@:])")


def example(name: str, size: int, resize: Resize) -> str:
    """An example program for a model of this size and way of resizing."""
    values = {"size": size, "ground": GROUND, "fit_words": FIT_WORDS[resize["fit"]], **resize}
    return _render(f"{name}.j2", values)


def card(facts: Mapping[str, Any]) -> str:
    """The model card in Markdown."""
    return _render(f"{CARD}.j2", facts)


def plain(text: object) -> str:
    """Text inside a line of Markdown that is shown as it is."""
    return MARKS.sub(r"\\\1", " ".join(str(text).split()))


def _render(template: str, values: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        # None of the texts is HTML. Names in the card are escaped for Markdown, by `plain`.
        autoescape=jinja2.select_autoescape(default=False, default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "percent": _percent}
    return environment.get_template(template).render(values)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
