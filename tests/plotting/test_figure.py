"""The style of all pictures."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from runs import run_python
from transfer.plotting import confusion_matrix
from transfer.plotting import figure as figures


def test_the_matplotlibrc_of_a_user_changes_nothing(tmp_path):
    script = (
        "import numpy as np; from pathlib import Path; from transfer.plotting import confusion_matrix\n"
        "confusion_matrix.draw(np.array([0, 1]), np.array([1, 1]), ['a', 'b'], 'title', Path('a.png'))\n"
    )
    user_style = "font.size: 20\naxes.facecolor: red\nfont.sans-serif: Nimbus\n"
    for name, style in (("default", ""), ("user", user_style)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matplotlibrc").write_text(style)
        done = run_python(tmp_path / name, "-c", script)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "user/a.png").read_bytes() == (tmp_path / "default/a.png").read_bytes()


def test_a_home_that_is_read_only_or_missing_is_no_reason_to_warn(tmp_path, monkeypatch):
    # Nobody may write into /sys, not even root.
    monkeypatch.setenv("HOME", "/sys")
    for variable in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    done = run_python(tmp_path, "-c", "import transfer.plotting.gallery, matplotlib; print(matplotlib.get_cachedir())")
    assert (done.returncode, done.stderr) == (0, "") and not done.stdout.startswith("/sys")


@pytest.mark.parametrize("name", ["日本", "\N{BOTTLE WITH POPPING CORK}", "\U000f0000", "é", "שלום"])
def test_a_letter_without_a_font_is_an_escape_and_never_a_warning(tmp_path, monkeypatch, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        confusion_matrix.draw(np.array([0, 1]), np.array([1, 1]), ["a", name], name, tmp_path / "a.png")
    # As on a machine that has no other font.
    ours = [font for font in figures.font_manager.fontManager.ttflist if font.name == figures.FONT]
    monkeypatch.setattr(figures.font_manager.fontManager, "ttflist", ours)
    figures._font_with.cache_clear()
    expected = name if name in ("é", "שלום") else name.encode("unicode_escape").decode()
    assert figures.legible(name) == expected
    figures._font_with.cache_clear()


def test_a_letter_is_drawn_in_a_font_that_has_it(tmp_path, monkeypatch):
    # In a font of mathematical letters, which matplotlib brings, and not in that of all pictures.
    letter = "\ue152"
    figure = Figure()
    text = figure.text(0, 0, f"a {letter}")
    monkeypatch.setattr(figures, "_letters", lambda path: {ord(letter)} if "STIXNonUni.ttf" in path else {ord("a")})
    figures._font_with.cache_clear()
    figures._choose_fonts(figure)
    assert (text.get_text(), text.get_fontfamily()) == (f"a {letter}", [figures.FONT, "STIXNonUnicode"])
    figures._font_with.cache_clear()
