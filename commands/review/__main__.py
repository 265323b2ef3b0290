"""Print the comment of a pull request, as Markdown: whether the workspace is better than BASE, and what changed.

The comment begins with warnings if `dvc status` is not clean, if results are not committed, or if BASE has commits that
the workspace does not build on. It fits into a comment on GitHub, and mentions nobody.
"""

import argparse
import re

from commands.comparison import revision as revisions
from commands.programs import check_repository
from commands.review import comment
from transfer import command
from transfer.interface.errors import UserError

ADDRESS = re.compile(r"https?://[^\s<>]+")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commands.review", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="the commit, branch or tag to compare with, such as origin/main")
    parser.add_argument("--report", metavar="URL", help="the address of the report, for a link")
    return parser


def main() -> None:
    arguments = parser().parse_args()
    if arguments.report and not ADDRESS.fullmatch(arguments.report):
        raise UserError(f"{arguments.report} is not an address of a page: it begins with https:// and has no spaces.")
    check_repository()
    revisions.check(arguments.base)
    print(comment.render(arguments.base, arguments.report), end="")


if __name__ == "__main__":
    command.run(main)
