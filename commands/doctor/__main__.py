"""Check that all that dvc.lock and the .dvc files need is there and whole, in the cache here and on the remote.

Each object is looked for by itself, also the files of a folder. Here, and on a remote that is a folder, its content is
read; on other remotes its size is compared. The exit status is 0 if every object is whole in both places. Otherwise
each object is named with its path and with what to run. REPAIR=1 removes damaged copies of objects that are whole in
the other place, and lets DVC copy these.
"""

import argparse
import sys
from collections import defaultdict
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from commands.doctor.checkup import Checkup
from commands.doctor.remedies import one_line
from commands.programs import check_repository, dvc, output_of, succeeds
from transfer import command
from transfer.interface.errors import UserError, UserErrors


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make doctor [REPAIR=1]", description=__doc__)
    parser.add_argument("--repair", action="store_true", help="replace damaged copies by whole ones")
    return parser


def main() -> None:
    repair = parser().parse_args().repair
    check_repository()
    try:
        with Repo() as repo:
            checkups = [Checkup(repo, outs) for outs in outs_by_remote(repo).values()]
            if repair:
                # A `dvc pull` that was killed leaves an index of half of the objects, and later ones believe it.
                repo.drop_data_index()
    except DvcException as error:
        raise UserError(f"DVC cannot read this project: {one_line(error)}.") from error
    if repair and (commands := set().union(*(checkup.repair() for checkup in checkups))):
        for words in sorted(commands):
            dvc(words)
        # DVC and the connections remember what was there: look again without them.
        sys.exit(0 if succeeds(sys.executable, "-m", "commands.doctor") else 1)
    for line in output_of("git", "status", "--porcelain", "--", "dvc.lock", "*.dvc").splitlines():
        print(f"{line[3:]} differs from the last commit: what it needs here and now is checked.")
    errors = [checkup.error for checkup in checkups if checkup.error]
    paths = defaultdict(list)
    for checkup in checkups:
        for problem, path in checkup.problems():
            paths[problem].append(path)
    for problem, affected in paths.items():
        errors.append("\n  ".join([f"{problem[:1].upper()}{problem[1:]}:", *sorted(affected)]))
    if errors:
        raise UserErrors(errors)
    for checkup in checkups:
        print(f"{len(checkup.objects)} objects are whole, here and on {checkup.remote_name}.")


def outs_by_remote(repo: Repo) -> dict[tuple[str | None, str], list[Any]]:
    """The outs that DVC stores, by their remote (None: the default) and the kind of their digests."""
    outs = defaultdict(list)
    for out in repo.index.outs:
        if not (out.use_cache and out.is_in_repo):
            continue
        if not out.hash_info:
            raise UserError(f"{out} has never been made: run `dvc repro`, and commit dvc.lock.")
        if out.stage.is_repo_import:
            print(f"{out} is not checked, because it is imported from another repository.")
        else:
            outs[out.remote, out.hash_name].append(out)
    return outs


if __name__ == "__main__":
    command.run(main)
