"""Apply the verdicts of a review to dataset_images/.

VERDICTS is the file that the page of `make review` downloads, with the columns path, pixels and verdict. A verdict is
keep, remove or class:<name>, or, on whether another image shows the same object, same:<path> or different:<path>.
Images move between class folders or are removed; photographs of the same object become a group in dataset_groups.csv.
dataset_images.dvc follows, and dataset_verdicts.csv keeps every verdict, so that no image is asked about again. If a
row cannot be applied, nothing is changed. If the command is interrupted, the same command finishes it.
"""

import argparse
import hashlib

from commands.dataset import versions
from commands.dataset.versions import DATASET, DVC_FILE
from commands.paths import user_path
from commands.programs import check_repository
from commands.relabel import journal, plan, report, verdicts
from transfer import command, params_file
from transfer.dataset import listing
from transfer.interface.errors import UserError

REMEDY = f"commit the data (`dvc add {DATASET}`, `git add {DVC_FILE}`, `git commit`), then run again."


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make relabel VERDICTS=verdicts.csv", description=__doc__)
    parser.add_argument("verdicts", type=user_path, help="the CSV file that the page of `make review` downloads")
    return parser


def main() -> None:
    path = parser().parse_args().verdicts
    check_repository()
    if not path.is_file():
        raise UserError(f"{path} is not a file: VERDICTS must be the file that the page of `make review` downloads.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    # What an earlier run has left
    last = journal.read()
    if last and last["verdicts"] == digest and journal.is_applied(last):
        print("These verdicts are applied already.", *last["lines"], sep="\n")
        return
    if last and not last["finished"] and not versions.is_restorable():
        journal.finish(last)
        print("The interrupted run is finished.", *last["lines"], sep="\n")
        if last["verdicts"] != digest:
            raise UserError(f"{path} is not applied, because the interrupted run had other verdicts: {REMEDY}")
        return

    # All checks come before the first change.
    versions.refuse_to_lose_data(REMEDY)
    data = params_file.load().data
    dataset = listing.list_dataset(DATASET)
    chosen = verdicts.read(path, dataset)
    changes = plan.make(chosen, dataset)
    lines = report.lines(chosen, changes, dataset, data)
    entry = journal.begin(changes, digest, lines)
    journal.finish(entry)
    print(*entry["lines"], sep="\n")


if __name__ == "__main__":
    command.run(main)
