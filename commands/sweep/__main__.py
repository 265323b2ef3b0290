"""Run the trials of sweep.yaml, and compare their recipes by cross-validation.

Each trial is a DVC experiment of the last commit, made in a clone that shares DVC's cache, so that stages which trials
have in common run once. After a kill, the same command goes on with the trials that are missing. The table is printed
and written to sweep/sweep.csv; `make report` shows it too.
"""

import argparse
import fcntl
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from commands.formatting.tables import count
from commands.paths import user_path
from commands.programs import check_repository
from commands.sweep import durations, scheduling, sources, sweep_file, table, workspaces
from commands.sweep.running import Runner
from commands.sweep.sources import Source
from transfer import command, params_file
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar

DURATIONS = workspaces.FOLDER / "seconds.json"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make sweep [SWEEP=file]", description=__doc__)
    parser.add_argument(
        "--file", default=str(sweep_file.PATH), metavar="SWEEP", help="what to try; sweep.yaml if left out"
    )
    return parser


def main() -> None:
    path = user_path(parser().parse_args().file)
    check_repository()
    params = params_file.load()
    base = params_file.parse(params_file.PATH.read_text(encoding="utf-8"), str(params_file.PATH))
    sweep = sweep_file.load(path, params.seed)
    recipes = sources.recipes_of(sweep, base, str(path))
    project = workspaces.Project.of_this_folder(path)
    with locked():
        workspaces.end_processes_left()
        source = Source(recipes, project, durations.Durations(DURATIONS), base)
        try:
            run(source, sweep.parallel)
        except BaseException:
            for process in psutil.Process().children(recursive=True):
                process.terminate()
            raise
        made = table.make(source.recipes, source.results, source.reasons, project.commit)
        table.write(made)
    print_table(made)
    if source.reasons:
        raise UserError(
            f"{len(source.reasons)} of {count(len(source.trials), 'trial')} failed, for the reasons above: the whole "
            f"output of each is in {workspaces.FOLDER}/. Run the command again to try them again."
        )


def run(source: Source, parallel: int) -> None:
    """Run the trials that are missing, and print a line for each."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8")).get("stages", {})
    shared = scheduling.Shared(stages)
    runner = Runner(source.project, source.base, source.measured, shared.reached)
    workspaces.link_cache(source.project)
    first = source.propose()
    workspaces.remove_others([trial.name for trial in first])
    print(f"{count(len(source.trials), 'trial')}, of which {len(source.results)} ran before.", flush=True)
    with progress_bar(None, "sweep", len(source.trials), unit="trial", initial=len(source.results)) as bar:
        for outcome in scheduling.run(source, shared, runner.run, parallel, first):
            bar.total = len(source.trials)
            bar.update()
            bar.write(f"{outcome.trial.name}: {source.describe(outcome.trial)}")
            sys.stdout.flush()


def print_table(sweep: pd.DataFrame) -> None:
    """Print the table for people, and its notes. A recipe is one cell, because a terminal is narrow."""
    console = Console()
    rows = table.for_people(sweep)
    names, figures = rows.columns[1:-4], rows.columns[-4:]
    lasts = Counter(name.rpartition(".")[2] for name in names)
    short = [last if lasts[last := name.rpartition(".")[2]] == 1 else name for name in names]
    printed = Table(title=rows.caption, box=box.SIMPLE_HEAD, show_lines=True, padding=(0, 1, 0, 0))
    printed.add_column("Recipe", min_width=18, overflow="fold")
    for number, figure in enumerate(figures):
        printed.add_column(figure, no_wrap=number == 0)
    for experiments, *cells in rows.rows:
        of_keys = (f"{name} {cell}" for name, cell in zip(short, cells, strict=False))
        recipe = (str(experiments).replace(", ", "\n"), *of_keys)
        # A value and its interval, one below the other.
        of_recipe = (str(cell).replace(" (", "\n").removesuffix(")") for cell in cells[-len(figures) :])
        printed.add_row(*map(escape, ("\n".join(recipe), *of_recipe)))
    console.print(printed)
    for note in (*table.notes(sweep), f"The whole table is in {table.PATH}."):
        console.print(note, markup=False, highlight=False)


@contextmanager
def locked() -> Iterator[None]:
    """While the block runs, no other sweep of this project does. Raises UserError if one runs already."""
    workspaces.FOLDER.mkdir(parents=True, exist_ok=True)
    with workspaces.LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("Another sweep of this project runs: wait until it ends, or stop it.") from None
        yield


if __name__ == "__main__":
    command.run(main)
