"""Write review/index.html: one page with the labels that may be wrong and the near-duplicates, to judge them.

The page needs neither a network nor a server. It shows the first rows of plots/label_issues.csv, of
plots/evaluate/test_label_issues.csv and of plots/evaluate/near_duplicates.csv whose images have no verdict in
dataset_verdicts.csv, and downloads what is chosen as verdicts.csv, for `make relabel`. Verdicts that are chosen survive
a reload.
"""

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path

from commands.dataset.versions import DATASET, DVC_FILE
from commands.formatting.tables import count
from commands.label_review import candidates, images
from commands.label_review.candidates import Selection
from commands.pages import templates
from commands.relabel import record
from transfer import command
from transfer.common import dvcfile, io
from transfer.dataset import listing
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar

PAGE = Path("review/index.html")
# How many questions of each kind a page has: with all images, at most 10 MB.
MOST_LABELS, MOST_TEST_LABELS, MOST_PAIRS = 50, 20, 25


def parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog="make review", description=__doc__)


def main() -> None:
    parser().parse_args()
    dataset = listing.list_dataset(DATASET)
    paths = {entry.path for entry in dataset.entries}
    judged = record.read()
    unreadable: list[str] = []

    @cache
    def lookup(path: str) -> images.ReviewImage | None:
        progress.update()
        try:
            return images.load(path) if path in paths else None
        except UserError as error:
            unreadable.append(str(error))
            return None

    kinds: dict[str, tuple[str, Callable[[], Selection]]] = {
        "labels": (
            "suspected label",
            lambda: candidates.suspected_labels(judged, lookup, candidates.LABEL_ISSUES, MOST_LABELS),
        ),
        "test_labels": (
            "suspected test label",
            lambda: candidates.suspected_labels(judged, lookup, candidates.TEST_LABEL_ISSUES, MOST_TEST_LABELS),
        ),
        "pairs": ("similar pair", lambda: candidates.near_duplicates(judged, lookup, MOST_PAIRS)),
    }
    selections, missing = {}, []
    with progress_bar(None, "decoding", MOST_LABELS + MOST_TEST_LABELS + 2 * MOST_PAIRS) as progress:
        for name, (_, select) in kinds.items():
            try:
                selections[name] = select()
            except UserError as error:
                # One of the tables is enough for a page.
                selections[name] = Selection()
                missing.append(str(error))
    if len(missing) == len(kinds):
        raise UserErrors(list(dict.fromkeys(missing)))

    notes = list(dict.fromkeys(missing)) + unreadable
    for name, (noun, _) in kinds.items():
        notes += left_out(noun, selections[name])
    contents = {
        "selections": selections,
        "classes": dataset.classes,
        "version": dvcfile.digest(DVC_FILE) or "",
        "notes": notes,
        "total": sum(len(selection.questions) for selection in selections.values()),
    }
    io.write_text(PAGE, templates.environment(Path(__file__).parent).get_template("page.html.j2").render(contents))
    numbers = [count(len(selections[name].questions), noun) for name, (noun, _) in kinds.items()]
    print(f"{PAGE}: {', '.join(numbers)}, {PAGE.stat().st_size / 1e6:.1f} MB", *notes, sep="\n")
    if contents["total"]:
        print(f"Next: open {PAGE} in a browser, and run `make relabel VERDICTS=verdicts.csv` with what it downloads.")


def left_out(noun: str, selection: Selection) -> list[str]:
    """A sentence for each reason why questions are not on the page."""
    sentences = []
    if selection.judged:
        sentences.append(f"{count(selection.judged, noun)} left out, because there is a verdict already.")
    if selection.stale:
        sentences.append(
            f"{count(selection.stale, noun)} left out, because the image has changed since: run `dvc repro`, then "
            "`make review` again."
        )
    if selection.later:
        sentences.append(
            f"{count(selection.later, noun)} left out, because a page shows no more: apply these verdicts, then run "
            "`make review` again."
        )
    return sentences


if __name__ == "__main__":
    command.run(main)
