"""Make dataset_images/ from your own images, and choose a recipe for photographs in params.yaml.

The source is a folder or a zip file. It holds class folders, or splits (train, validation and test, under any of the
usual names) with class folders each. Class folders are split by the shares in params.yaml, class by class. The split of
a source is kept: a split that it lacks is drawn from train, and if the shares differ from those in params.yaml, they
replace them. Of images with the same pixels, only one is used. A CSV file of groups (columns path, relative to the
folder of class folders or splits, and group) keeps the images of each group in one split; an image that the file does
not list is a group of its own. If one image is in two classes, splits or groups, dataset_conflicts.csv lists the files;
write keep or remove into its column decision, and run again with DECISIONS.

With ADD, the images of the source are added to dataset_images/, and every image that is there keeps its split and its
path. New images are dealt so that the shares in params.yaml hold for each class; those of a split stay in it. Images
that are in the dataset already are skipped. A near-copy of an image of the dataset goes to the split of that image, and
so does an image whose group is in the dataset. A new image that resembles images of two splits is left out. params.yaml
is not changed. Groups are kept in dataset_groups.csv.

If params.yaml names the weights of the embedded sample, which are of no use for photographs, its keys are set for
BACKBONE, a class of keras.applications with ImageNet weights; commands/dataset/recipes.yaml has the values.
"""

import argparse
import zipfile
from pathlib import Path

from commands.dataset import (
    adding,
    archive,
    arranging,
    existing,
    groups,
    params_editor,
    recipes,
    saving,
    splitting,
    versions,
)
from commands.dataset import source as sources
from commands.dataset.versions import DATASET, DVC_FILE
from commands.paths import user_path
from commands.programs import check_repository
from transfer import command, params_file
from transfer.dataset import checks
from transfer.interface.errors import UserError, UserErrors


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make dataset SOURCE=folder-or-zip [ADD=1] [GROUPS=file.csv] [DECISIONS=file.csv] [BACKBONE=name] "
        "[RECIPE=study] [KEEP_PARAMS=1]",
        description=__doc__,
    )
    parser.add_argument("source", type=user_path, help="the folder or zip file with the images")
    parser.add_argument("--add", action="store_true", help="add the images to the dataset that exists")
    parser.add_argument("--groups", type=user_path, metavar="FILE", help="a CSV file with the columns path and group")
    parser.add_argument(
        "--decisions", type=user_path, metavar="FILE", help="dataset_conflicts.csv with keep or remove in each row"
    )
    parser.add_argument(
        "--backbone",
        metavar="NAME",
        help=f"a class of keras.applications; {recipes.DEFAULT_BACKBONE} in place of the sample's backbone",
    )
    parser.add_argument(
        "--recipe", choices=recipes.trainings(), help="how to train: study sets constant rates and early stopping"
    )
    parser.add_argument("--keep-params", action="store_true", help="leave params.yaml as it is")
    return parser


def main() -> None:
    options = parser().parse_args()
    check_repository()
    settings = params_file.load()
    check_source(options.source)
    if saving.take_back():
        print("The last addition did not finish: what it had changed was taken back.")
    versions.refuse_to_lose_data(
        f"commit the data (`dvc add {DATASET}`, `git commit {DVC_FILE}`) or move them away first."
    )
    if options.add:
        add(settings, options)
    else:
        make(settings, options)


def make(settings: params_file.Params, options: argparse.Namespace) -> None:
    """Replace the dataset by the images of the source."""
    if options.keep_params and (options.backbone or options.recipe):
        raise UserError("KEEP_PARAMS leaves params.yaml as it is: leave it out to set BACKBONE or RECIPE.")
    recipe = recipe_for(settings, options.backbone, options.recipe, options.keep_params)
    text, changes = params_editor.edited(params_file.PATH, recipe.values)

    # All errors are reported before anything is written.
    with sources.opened(options.source) as folder:
        contents = sources.read(folder)
        shares, tolerance = settings.data.split.model_dump(), settings.data.tolerance
        smaller = "make groups smaller, " if options.groups else ""
        remedy = f"add images, {smaller}or change data.split or data.tolerance in params.yaml."
        errors = contents.errors
        if options.keep_params and len(contents.splits) == len(shares):
            errors += checks.share_errors(contents.top, contents.sizes, shares, tolerance, remedy)
        dataset = arranging.arrange(contents, shares, settings.seed, options.groups, options.decisions, errors)
        errors = checks.share_errors(contents.top, dataset.sizes, shares, tolerance, remedy)
        if errors and contents.splits and not options.keep_params:
            # A split that was published is kept, and its shares are the targets from now on.
            own_shares = {f"data.split.{split}": share for split, share in splitting.shares(dataset.sizes).items()}
            text, changes = params_editor.edited(params_file.PATH, recipe.values | own_shares)
        elif errors:
            # What is skipped may be the reason.
            raise UserErrors(errors + checks.skipped_sentences(checks.left_out(contents.skipped)))
        had_groups = bool(groups.read_stored(set())[1])
        origin = saving.replace(dataset.files, dataset.group_of)
    if changes:
        params_editor.write(params_file.PATH, text)

    counts = ", ".join(f"{number} {split}" for split, number in dataset.sizes.items())
    print(*contents.notes, *dataset.notes, f"{DATASET}/ holds {len(dataset.files)} images: {counts}", sep="\n")
    for sentence in skipped_sentences(contents, options.source):
        print(sentence)
    if origin:
        print(f"{DVC_FILE} was an import from {origin}: the images are now your own data, which `dvc push` sends.")
    if had_groups and not dataset.group_of:
        print(f"{groups.FILE} was emptied: its groups were those of the old data.")
    for key, (before, after) in changes.items():
        print(f"params.yaml: {key} was {before}, is {after}")
    print(*recipe.remarks, sep="\n", end="\n" if recipe.remarks else "")
    changed = [str(DVC_FILE)]
    if dataset.group_of or had_groups:
        changed.append(str(groups.FILE))
    if changes:
        changed.append(str(params_file.PATH))
    print(f"Next: `git add {' '.join(changed)}`, `dvc repro`, and `git commit` when you are satisfied.")


def add(settings: params_file.Params, options: argparse.Namespace) -> None:
    """Add the images of the source to the dataset."""
    if options.backbone or options.recipe:
        raise UserError("ADD leaves params.yaml as it is: leave out BACKBONE and RECIPE.")
    dataset = existing.read()

    # All errors are reported before anything is written.
    with sources.opened(options.source) as folder:
        contents = sources.read(folder, dataset.classes)
        group_of, errors = existing.with_groups(dataset, options.groups, contents.images)
        errors += dataset.errors + checks.name_errors([*dataset.classes, *contents.classes], "classes")
        addition = adding.arrange(dataset.images, contents.images, group_of, options.decisions, settings, errors)
        released = saving.extend(addition.files, (), addition.group_of)

    skipped = skipped_sentences(contents, options.source)
    absent = sorted(set(dataset.classes) - set(contents.classes))
    untouched = [f"The source has no images of {', '.join(absent)}: these classes stay as they are."] if absent else []
    lines = [*dataset.notes, *contents.notes, *skipped, *untouched, *addition.lines(), *released]
    print(*lines, *saving.next_steps(settings, addition.sizes), sep="\n")


def recipe_for(settings: params_file.Params, backbone: str | None, training: str | None, keep: bool) -> recipes.Recipe:
    """The recipe that a user asks for; without a wish, one that replaces the sample's weights, and no other."""
    if backbone or training or (params_file.uses_weights_of_sample(settings) and not keep):
        return recipes.choose(backbone, training)
    return recipes.Recipe({}, [])


def skipped_sentences(contents: sources.Contents, source: Path) -> list[str]:
    """Sentences about what is skipped, in which the folder of an extracted archive is called by the archive's name."""
    return [line.replace(str(archive.FOLDER), str(source)) for line in checks.skipped_sentences(contents.skipped)]


def check_source(source: Path) -> None:
    """Raises UserError if the source cannot be used."""
    if not source.exists():
        raise UserError(f"{source} is missing: SOURCE must be a folder of class folders, or a zip file of one.")
    if not source.is_dir() and not zipfile.is_zipfile(source):
        raise UserError(
            f"{source} is neither a folder nor a whole zip file: SOURCE must be a folder of class folders, or a zip "
            "file of one."
        )
    if source.resolve().is_relative_to(DATASET.resolve()) or DATASET.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{source} overlaps with {DATASET}/: SOURCE must be a folder elsewhere.")


if __name__ == "__main__":
    command.run(main)
