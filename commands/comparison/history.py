"""What changed since a revision in all that the stages read, parameters, data and code, and by which commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands.comparison import code_changes, data_changes
from commands.comparison import revision as revisions
from commands.formatting.names import inline
from commands.formatting.tables import Rows, count, join, table
from commands.parameters import parameter_rows
from commands.programs import output_of
from transfer import params_file
from transfer.interface.errors import UserError

PARAMETERS = str(params_file.PATH)
UNEXPLAINED = (
    "Nothing changed that the stages read: the results differ because of the processor that computed them, or because "
    "they are not those of the workspace."
)
# How many changes one line names; the tables have them all.
MOST_NAMED = 3


@dataclass(frozen=True)
class History:
    """The changes since a revision.

    Attributes:
        summary: a row for each kind of change: its name, and what changed, in one line.
        notes: sentences on what could not be compared.
        tables: the changes one by one, without the commits.
        commits: the commits between the two.
        moved_on: a sentence on commits of the revision that the workspace does not build on; empty if there are none.
        renamed: see `DataChanges`.
    """

    summary: list[tuple[str, str]]
    notes: list[str]
    tables: list[Rows]
    commits: Rows
    moved_on: str
    renamed: dict[str, str]

    @property
    def unchanged(self) -> bool:
        """Whether everything that the stages read is the same."""
        return not self.tables and not self.notes and not self.moved_on


def since(revision: str) -> History:
    """What changed between a revision and the workspace."""
    notes: list[str] = []
    parameters = changed_parameters(revision, notes)
    data = data_changes.since(revision, notes)
    code, others = code_changes.since(revision)
    commits, only_there = commits_between(revision)
    moved_on = ""
    if only_there:
        moved_on = (
            f"Revision {inline(revision)} has {count(only_there, 'commit')} that the workspace does not build on: what "
            "they changed appears here as undone. Merge them, and run `dvc repro`."
        )
    tables = [table("Parameters that changed", ("Parameter", "Before", "Now"), parameters)] if parameters else []
    tables += data.tables
    if code:
        rows = [(part, join(files, 10), join(stages, 5)) for part, files, stages in code]
        tables.append(table("Code that changed", ("Part", "Files", "Read by the stages"), rows))
    return History(
        [
            ("Parameters", describe_parameters(parameters)),
            ("Data", data.summary),
            ("Code", code_changes.describe(code, others)),
            ("Commits", describe_commits(commits)),
        ],
        notes,
        tables,
        table("Commits since then, the latest first", ("Commit", "Subject"), commits),
        moved_on,
        data.renamed,
    )


def changed_parameters(revision: str, notes: list[str]) -> list[tuple[str, str, str]] | None:
    """The parameters whose value differs: key, value before, value now; `–` where there is no such key.

    None if the parameters of the revision cannot be read.

    Args:
        notes: gets a sentence in this case.
    """
    try:
        text = revisions.read_text(revision, PARAMETERS)
        before = None if text is None else params_file.parse(text, PARAMETERS)
    except (UnicodeDecodeError, UserError):
        before = None
    now = params_file.parse(Path(PARAMETERS).read_text(encoding="utf-8"), PARAMETERS)
    if not isinstance(before, dict):
        notes.append(f"Revision {inline(revision)} has no {PARAMETERS} that can be read: parameters are not compared.")
        return None
    values_before, values_now = dict(parameter_rows(before)), dict(parameter_rows(now))
    return [
        (key, values_before.get(key, "–"), values_now.get(key, "–"))
        for key in values_now | values_before
        if values_before.get(key) != values_now.get(key)
    ]


def commits_between(revision: str) -> tuple[list[tuple[str, str]], int]:
    """The commits of the workspace that the revision does not have, hash and subject; and how many it has alone."""
    log = output_of("git", "log", "--format=%h%x1f%s", "-z", f"{revision}..HEAD", "--", ".")
    commits = [tuple(line.split("\x1f", 1)) for line in log.split("\0") if line]
    only_there = output_of("git", "rev-list", "--count", f"HEAD..{revision}", "--", ".")
    return [(commit, subject) for commit, subject in commits], int(only_there)


def describe_parameters(parameters: Sequence[tuple[str, str, str]] | None) -> str:
    """The parameters that changed, in one line."""
    if parameters is None:
        return "unknown"
    named = [f"{key} {inline(before)} → {inline(now)}" for key, before, now in parameters]
    return join(named, MOST_NAMED) or "the same"


def describe_commits(commits: Sequence[tuple[str, str]]) -> str:
    """How many commits, and the subjects of the latest, in one line."""
    uncommitted = bool(output_of("git", "status", "--porcelain", "--", "."))
    if not commits:
        return f"none that changes a file here{'; the workspace has uncommitted changes' if uncommitted else ''}"
    subjects = join([f"“{inline(subject)}”" for _, subject in commits], 1)
    return f"{len(commits)}: {subjects}" + ("; and uncommitted changes" if uncommitted else "")
