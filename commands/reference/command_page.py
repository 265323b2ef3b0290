"""The page of commands: the targets of the Makefile, and the arguments of each program."""

import argparse
import re
from pathlib import Path

import predict
from commands import cluster, remote
from commands.dataset import __main__ as dataset
from commands.doctor import __main__ as doctor
from commands.export import __main__ as export
from commands.label_next import __main__ as label_next
from commands.label_review import __main__ as label_review
from commands.merge_dataset import __main__ as merge_dataset
from commands.reference.markdown import GENERATED, code, table
from commands.relabel import __main__ as relabel
from commands.report import __main__ as report
from commands.review import __main__ as review
from commands.sweep import __main__ as sweep
from commands.verify import __main__ as verify
from transfer.interface.errors import UserErrors

INTRODUCTION = """# Commands

Run `make` targets from the root of the project; they need nothing but git, make and Python. Run the other programs with
the environment on (`source .venv/bin/activate`). Every program ends with status 0 on success, 1 after an error, which
it prints in one sentence, and 130 after Ctrl-C.

"""
PROGRAMS = (
    predict,
    dataset,
    merge_dataset,
    label_review,
    relabel,
    label_next,
    report,
    review,
    export,
    verify,
    remote,
    doctor,
    cluster,
    sweep,
)


def page() -> str:
    """The Markdown of the page. Raises UserErrors if a target of the Makefile has no line in `make help`."""
    makefile = Path("Makefile").read_text(encoding="utf-8")
    targets = help_lines(makefile)
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    missing = set(phony[1].split() if phony else []) - {target.split()[0] for target in targets} - {"help"}
    if missing:
        raise UserErrors([f"Makefile: the target {target} is not in `make help`: add a line." for target in missing])
    rows = [(code(f"make {target}"), text) for target, text in targets.items()]
    lines = [GENERATED, INTRODUCTION, "## make\n\n", table(("command", "does"), rows), "\n"]
    for program in PROGRAMS:
        parser = program.parser()
        lines.append(f"## {parser.prog}\n\n{(parser.description or '').strip()}\n\n")
        if rows := arguments(parser):
            lines.append(f"{table(('argument', 'meaning'), rows)}\n")
    return "".join(lines).rstrip("\n") + "\n"


def help_lines(makefile: str) -> dict[str, str]:
    """What `make help` prints: each target with its variables, and what it does."""
    targets: dict[str, str] = {}
    for line in re.findall(r'^\t@echo "(.*)"$', makefile, re.MULTILINE):
        usage, _, text = re.sub(r" {2,}", "\0", line.strip()).partition("\0")
        if usage.startswith("make "):
            targets[usage.removeprefix("make ")] = text
        else:
            # A continuation of the target above: a further variable, with what it means.
            last = list(targets)[-1]
            targets[f"{last} {usage}"] = f"{targets.pop(last)} {text}"
    return targets


def arguments(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Each argument of a program as it is typed, and its help."""
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest)
        # A switch takes no value.
        values = [str(value)] if action.nargs != 0 else []
        name = " ".join([*action.option_strings[:1], *values])
        rows.append((code(name), action.help or ""))
    return rows
