"""Names of any language in HTML and Markdown."""

import pytest
from markdown_it import MarkdownIt

from commands.formatting import names
from report_results import NAMES

ARABIC = "زجاج"
# What GitHub renders beside CommonMark.
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def text_of(tokens):
    """The text that a reader sees."""
    return "".join(token.content if not token.children else text_of(token.children) for token in tokens)


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        *(
            "*a*",
            "_a_",
            "`a`",
            "~~a~~",
            "[a](b)",
            "![a](b)",
            "<!-- a",
            "&amp;",
            "a\\",
            "a\\|b",
            "# a",
            "- a",
            "+ a",
            "1. a",
        ),
        *("1) a", "---", "http://a.b", "<a@b.c>", "a\nb", "  a  ", "|", "> a", "```"),
    ],
)
def test_a_name_in_a_markdown_table_is_the_same_text_without_markup(name):
    table = f"| {names.markdown_cell(name)} | 1 |\n| --- | --- |\n| {names.markdown_cell(name)} | 1 |\n"
    [heading] = [token for token in GITHUB.parse(table) if token.type == "inline"][:1]
    tags = [token for token in heading.children if token.type not in ("text", "text_special")]
    assert {token.content for token in tags} <= {"<span>", "</span>"}
    shown = text_of([token for token in heading.children if token not in tags])
    for invisible in ("\N{ZERO WIDTH SPACE}", "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"):
        shown = shown.replace(invisible, "")
    assert shown == " ".join(name.split())
    # The second cell is a cell of its own.
    assert [token.content for token in GITHUB.parse(table) if token.type == "inline"][1::2] == ["1", "1"]


def test_a_line_of_markdown_does_not_begin_a_list_or_a_heading():
    for text in ("# a", "- a", "+ a", "1. a", "1) a", "> a", "* a"):
        kinds = {token.type for token in GITHUB.parse(names.markdown(text))}
        assert kinds == {"paragraph_open", "inline", "paragraph_close"}, text


def test_nobody_is_mentioned_and_no_issue_is_linked():
    space = "\N{ZERO WIDTH SPACE}"
    assert names.markdown("@octocat and #12 :smile:") == f"@{space}octocat and #{space}12 :{space}smile:"
    assert names.markdown("a @ b # c: d") == "a @ b # c: d"
    # Two dollar signs would be a formula.
    assert names.markdown("$x$") == "<span>$</span>x<span>$</span>"


def test_words_stay_on_one_line():
    assert names.markdown_cell("1\N{NO-BREAK SPACE}point\n more") == "1\N{NO-BREAK SPACE}point more"


def test_a_long_cell_of_markdown_is_shortened():
    assert names.markdown_cell("x" * 60) == "x" * 60
    assert names.markdown_cell("x" * 40 + "y" * 21) == "x" * 39 + "…" + "y" * 20


def test_a_long_name_in_a_sentence_is_shortened_in_the_middle():
    assert names.inline("x" * 60) == "x" * 60
    assert names.inline(f"train/{'x' * 100}/image 1 of glass.jpg") == f"train/{'x' * 33}…image 1 of glass.jpg"
    assert names.inline(ARABIC * 20) == f"\u2068{(ARABIC * 20)[:39]}…{(ARABIC * 20)[-20:]}\u2069"


@pytest.mark.parametrize("link", ["http://a.b", "HTTPS://a.b", "www.a.b", "GH-12", "a@b.c", "o/r#1", "o/r@0123456"])
def test_nothing_becomes_a_link(link):
    space = "\N{ZERO WIDTH SPACE}"
    assert names.markdown(link).replace(space, "") == link
    assert space in names.markdown(link)


def test_names_written_from_right_to_left_are_isolated():
    assert names.inline("glass") == "glass"
    assert names.inline(ARABIC) == f"\u2068{ARABIC}\u2069"
    assert names.inline("a\u202eb") == "\u2068a\u202eb\u2069"
    assert names.html_cell("ガラス") == "ガラス"
    assert names.html_cell(ARABIC) == f"<bdi>{ARABIC}</bdi>"


def test_a_cell_of_html_is_escaped_and_a_long_one_has_its_full_text():
    assert names.html_cell('<b "x">') == "&lt;b &#34;x&#34;&gt;"
    assert names.html_cell(3) == "3"
    long = '"<' + "x" * 40
    assert names.html_cell(long) == f'<bdi class="name" title="&#34;&lt;{"x" * 40}">&#34;&lt;{"x" * 40}</bdi>'
