"""The comment of a pull request: GitHub-flavoured Markdown, of a length that GitHub accepts."""

from pathlib import Path

from commands import contents, results
from commands.pages import templates

# A comment on GitHub may have 65,536 characters.
LONGEST = 65_000
# How many rows a table has: as many as the length allows.
ROWS = (20, 10, 5, 2, 0)


def render(revision: str | None, report_url: str | None = None) -> str:
    """The results of the workspace as Markdown, compared with those of a revision if one is given.

    Args:
        report_url: the address of the whole report.

    Raises:
        UserError: the revision does not exist, or results of the workspace are missing or cannot be used.
    """
    shared = contents.collect(revision)
    warnings = [shared["stale"]]
    if revision:
        warnings += [results.uncommitted_warning(), shared["history"].moved_on]
    # In Markdown, a line break is markup.
    template = templates.environment(Path(__file__).parent, trim_blocks=True).get_template("comment.md.j2")
    details = shared | {"warnings": list(filter(None, warnings)), "report_url": report_url}
    for most_rows in ROWS:
        text = template.render(details, most_rows=most_rows)
        if len(text) <= LONGEST:
            break
    return text
