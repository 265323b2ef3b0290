"""A repository with a small committed dataset, for the tests of reviews and of their verdicts."""

import csv
import shutil

from runs import ROOT, dvc, run, run_forked
from transfer.dataset import decoding

CLASSES = ("glass", "metal", "paper")
VERDICTS = "verdicts.csv"
PARAMS = "params.yaml"


def create(folder, make_dataset, classes=CLASSES):
    """A repository whose dataset has ten images of each class in train, and two in the other splits."""
    folder.mkdir(parents=True)
    run(folder, "git", "init", "--quiet")
    dvc(folder, "init", "--quiet")
    # Data bound to a remote inside the repository, as the embedded sample is.
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n['remote \"embedded\"']\n    url = ../remote\n")
    for name in (PARAMS, ".gitignore", ".dvcignore", ".gitattributes"):
        shutil.copy(ROOT / name, folder)
    make_dataset(folder / "dataset_images", classes, (10, 2, 2))
    dvc(folder, "add", "--quiet", "dataset_images")
    with (folder / "dataset_images.dvc").open("a") as file:
        file.write("  remote: embedded\n  push: false\n")
    commit(folder)
    return folder


def commit(folder):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--allow-empty", "--message", "All")


def contents(folder):
    """The content of each file by its path, apart from those of Git, DVC and the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".dvc", ".scratch"} & set(path.relative_to(folder).parts)
    }


def pixels(folder, path):
    return decoding.decode(folder / "dataset_images" / path).digest


def write_verdicts(folder, *rows, name=VERDICTS):
    """Write verdicts, given as (path, verdict), with the digests of the images as they are now."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "pixels", "verdict"])
        writer.writerows([path, pixels(folder, path), verdict] for path, verdict in rows)
    return folder / name


def relabel(folder, name=VERDICTS):
    """Run the command; the status may be any."""
    return run_forked(folder, "-m", "commands.relabel", str(name))


def table(path):
    """The rows of a CSV file, the header first."""
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
