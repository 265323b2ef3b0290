"""Text in pictures: names in any script, and long names."""

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from transfer.plotting import lettering

WORLD = ["玻璃", "かみ", "종이", "แก้ว", "कांच", "زجاج", "\N{BOTTLE WITH POPPING CORK} bottle", "glass", "verre é"]


@pytest.fixture
def only_own_fonts(monkeypatch):
    """A machine that has no fonts but those that come with matplotlib."""
    own = [font for font in font_manager.fontManager.ttflist if font.fname.startswith(str(lettering.FONT_FILE.parent))]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    caches = lettering.font_with, lettering.wrap, lettering.width_of
    for function in caches:
        function.cache_clear()
    yield
    for function in caches:
        function.cache_clear()


def test_a_name_that_no_font_can_draw_is_the_number_of_its_class(only_own_fonts):
    assert lettering.drawable_names(WORLD) == [
        *("#1", "#2", "#3", "#4", "#5"),
        "زجاج",
        "#7 (bottle)",
        "glass",
        "verre é",
    ]
    assert lettering.notes(WORLD) == [lettering.KEY]
    assert lettering.notes(WORLD[5:6] + WORLD[7:]) == []


@pytest.mark.parametrize("name", ["\U000f0000", "\N{REGIONAL INDICATOR SYMBOL LETTER F}", "\udcff"])
def test_letters_that_no_machine_can_draw_are_numbered_too(name):
    assert lettering.drawable_names(["a", name]) == ["a", "#2"]


@pytest.mark.parametrize("name", ["a\u3000b", "a\tb", "a\nb"])
def test_white_space_of_any_kind_is_a_space(name):
    assert lettering.drawable_names([name]) == ["a b"]
    assert lettering.notes([name]) == []


def test_invisible_letters_are_no_reason_for_a_number():
    assert lettering.drawable_names(["a\u2060b"])[0] in ("ab", "a\u2060b")


def test_a_file_is_named_by_its_digest_if_no_font_can_draw_its_name(only_own_fonts):
    assert lettering.file_name("test/玻璃/é 1.jpg", "0123") == "é 1.jpg"
    assert lettering.file_name("test/glass/玻璃.jpg", "0123") == "pixels 0123"


def test_a_letter_is_drawn_in_a_font_that_has_it(monkeypatch):
    # In a font of mathematical letters, which matplotlib brings, and not in that of all pictures.
    letter = "\ue152"
    monkeypatch.setattr(lettering, "_letters", lambda path: {ord(letter)} if "STIXNonUni.ttf" in path else {ord("a")})
    lettering.font_with.cache_clear()
    text = Figure().text(0, 0, f"a {letter}")
    lettering.choose_fonts(text)
    lettering.font_with.cache_clear()
    assert (text.get_text(), text.get_fontfamily()) == (f"a {letter}", [lettering.FONT, "STIXNonUnicode"])


def test_letters_of_the_font_of_all_pictures_are_drawn_in_it_whatever_is_installed(monkeypatch):
    # Another font of the same name comes first, and has every letter.
    entry = font_manager.FontEntry(fname="/nowhere/DejaVuSans.ttf", name=lettering.FONT)
    other = font_manager.FontEntry(fname="/nowhere/Aaa.ttf", name="Aaa")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [entry, other, *font_manager.fontManager.ttflist])
    lettering.font_with.cache_clear()
    for letter in "aéжمΩ…":
        assert lettering.font_with(letter) == lettering.FONT
    lettering.font_with.cache_clear()


def test_the_measured_width_grows_with_the_text_and_the_size():
    # Four letters m of 10 points; an m of this font is 0.974 of the size wide.
    assert lettering.width_of("mmmm", 10) == pytest.approx(4 * 0.974 * 10 / 72, rel=0.05)
    assert lettering.width_of("mmmm", 20) == pytest.approx(2 * lettering.width_of("mmmm", 10), rel=0.05)


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("text", ["short", "a_long-name.of" * 6, "word " * 30, "W" * 100, "é" * 70, "زجاج " * 20])
def test_lines_fit_the_width_and_their_number_is_limited(text, lines):
    wrapped = lettering.wrap(text, 1.3, 7, lines)
    assert 1 <= len(wrapped) <= lines
    assert all(lettering.width_of(line, 7) <= 1.3 for line in wrapped)
    if len(text) > 70:
        assert "…" in "".join(wrapped)
        assert wrapped[0][:3] == text[:3] and wrapped[-1][-3:] == text.strip()[-3:]


def test_lines_are_broken_after_spaces_and_if_there_are_none_after_marks():
    assert lettering.wrap("a cosine of at least 0.999", 1.2, 8, 2) == ("a cosine of at least", "0.999")
    assert lettering.wrap("northern_blue-winged_warbler", 1.4, 8, 2) == ("northern_blue-winged_", "warbler")


def test_a_letter_is_not_separated_from_its_marks():
    for wrapped in (lettering.wrap("e\u0301" * 60, width / 10, 7) for width in range(5, 15)):
        assert not wrapped[0].split("…")[1].startswith("\u0301")
        assert wrapped[0].split("…")[0].endswith("\u0301")


def test_names_that_become_equal_get_the_numbers_of_their_classes():
    names = ["Plantae_Magnoliopsida_A_Asteraceae_northern", "Plantae_Magnoliopsida_B_Asteraceae_northern", "other"]
    first, second, other = lettering.shorten_all(names, 1.3, 7)
    assert (first[:3], second[:3], other) == ("#1 ", "#2 ", "other")
    assert lettering.width_of(first, 7) <= 1.3
