"""The example programs' resizing, and names in the model card."""

import cv2
import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from commands.export import texts
from transfer.dataset import resizing

NAMES = [
    *("<script>alert(1)</script>", "a | b", "`code`", "*a* _b_ ~c~", "[x](http://x)", "$x$", "# 1", "a, b", "&amp;"),
    *("back\\slash", "{{ 7 * 7 }}", "\N{HEBREW LETTER ALEF}\N{CJK UNIFIED IDEOGRAPH-65E5}", ":smile: @team", "1. a"),
]


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_the_litert_example_resizes_as_the_project(fit, antialias):
    program = texts.example("example_litert.py", 32, {"fit": fit, "antialias": antialias})
    function = program[program.index("def to_square") : program.index("classes =")]
    scope = {"cv2": cv2, "np": np, "Image": Image, "SIZE": 32}
    exec(function, scope)  # noqa: S102 - our own template
    for height, width in ((50, 70), (70, 50), (20, 24), (1, 90)):
        pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
        assert (scope["to_square"](pixels) == resizing.to_square(pixels, 32, fit, antialias)).all()


@pytest.mark.parametrize("name", texts.EXAMPLES)
@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_an_example_is_short_and_imports_neither_the_project_nor_more_than_it_names(name, fit):
    program = texts.example(name, 32, {"fit": fit, "antialias": False})
    compile(program, name, "exec")
    lines = [line.split() for line in program.splitlines() if line.lstrip().startswith(("import ", "from "))]
    imports = {words[1].split(".")[0] for words in lines}
    runtime = {"example_keras.py": {"keras", "os"}, "example_litert.py": {"ai_edge_litert", "tensorflow"}}
    assert imports - {"cv2", "json", "numpy", "pathlib", "sys", "PIL"} == runtime.get(name, {"onnxruntime"})
    assert len(program.splitlines()) < 75


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_the_card_is_shown_as_it_is(name):
    table = f"| class | images |\n| --- | --- |\n| {texts.plain(name)} | 3 |\n"
    tokens = MarkdownIt("commonmark").enable("table").parse(table)
    cells = [token for token in tokens if token.type == "inline"]
    # A cell of nothing but text: no link, no emphasis, no code, no HTML.
    assert [child.type for child in cells[2].children] == ["text"]
    assert cells[2].children[0].content == name
    assert cells[3].content == "3"
