"""Names of any language in HTML and in Markdown: of classes, files, revisions and commits, which others have chosen."""

import re
import unicodedata

from markupsafe import Markup

# Characters that turn the direction of the text around them: letters written from right to left, and controls.
TURNING = {"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
# What GitHub's Markdown would read as markup, a formula or the name of an emoji.
MARKUP = re.compile(r"[\\`*_{}\[\]<>|~&]|^(?:[#+-]|\d+[.)])(?=\s|$)")
# What GitHub would turn into a link, and tell those who are linked: @user, #1, GH-1, http://a.b, www.a.b.
MENTION = re.compile(r"[@#](?=\w)|\bGH(?=-\d)|:(?=[\w+-]+:|//)|\bwww(?=\.)", re.IGNORECASE)
# Spaces and line breaks, without the space that keeps words on one line.
SPACES = re.compile(r"[^\S\N{NO-BREAK SPACE}]+")
LONGEST_CELL = 60
LONGEST_END = 20
# A longer name is shortened where there is no room for it.
LONGEST_NAME = 40


def turns(text: str) -> bool:
    """Whether a text changes the order of the text around it, unless it is isolated."""
    return any(unicodedata.bidirectional(character) in TURNING for character in text)


def shorten(text: str) -> str:
    """A text of at most `LONGEST_CELL` characters; a longer one loses its middle: file names differ at the end."""
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - LONGEST_END - 1]}…{text[-LONGEST_END:]}"


def inline(text: str) -> str:
    """A name for use within a sentence: a long one is shortened.

    A name that is written from right to left gets Unicode's isolating controls.
    """
    text = shorten(text)
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if turns(text) else text


def html_cell(value: object) -> Markup:
    """The content of a cell of an HTML table: isolated if needed; the page shortens a long one and has its `title`."""
    text = str(value)
    if len(text) > LONGEST_NAME:
        return Markup('<bdi class="name" title="{0}">{0}</bdi>').format(text)
    return Markup("<bdi>{}</bdi>").format(text) if turns(text) else Markup("{}").format(text)


def markdown(text: str) -> str:
    """A line of text in GitHub's Markdown, in which nothing is markup, a formula, or a mention of a person."""
    text = MENTION.sub(lambda match: f"{match[0]}\N{ZERO WIDTH SPACE}", SPACES.sub(" ", text.strip()))
    return MARKUP.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", text).replace("$", "<span>$</span>")


def markdown_cell(value: object) -> str:
    """The content of a cell of a Markdown table; a long one is shortened."""
    return markdown(inline(SPACES.sub(" ", str(value).strip())))
