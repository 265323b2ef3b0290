"""Write docs/reference/: every parameter, file, column, metric key and command, taken from where it is defined.

Parameters come from params.yaml, its schema and dvc.yaml; keys of sweep.yaml from their schema; files and metrics from
descriptions.yaml, checked against dvc.yaml and the committed results; commands from the Makefile and the argument
parsers.
"""

from pathlib import Path

from commands.reference import command_page, file_pages, parameter_page, sweep_page
from transfer import command
from transfer.common import io

FOLDER = Path("docs/reference")


# The Markdown of each page. Raises UserErrors for everything that is not described, or is described but does not exist.
PAGES = {
    "parameters.md": parameter_page.page,
    "sweep.md": sweep_page.page,
    "files.md": file_pages.files,
    "metrics.md": file_pages.metrics,
    "commands.md": command_page.page,
}


def main() -> None:
    texts = {name: page() for name, page in PAGES.items()}
    for name, text in texts.items():
        io.write_text(FOLDER / name, text)
        print(FOLDER / name)


if __name__ == "__main__":
    command.run(main)
