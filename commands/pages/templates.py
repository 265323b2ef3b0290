"""Templates of pages and of Markdown, each in the folder of its command."""

from pathlib import Path

import jinja2

from commands.formatting import names


def environment(folder: Path, *, trim_blocks: bool = False) -> jinja2.Environment:
    """Reads the templates in a command's folder, and what they include from there or from this folder.

    Args:
        trim_blocks: whether the line break after a block is left out. In Markdown, a line break is markup.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=trim_blocks,
    )
    environment.filters |= {"cell": names.html_cell, "md": names.markdown, "md_cell": names.markdown_cell}
    return environment
