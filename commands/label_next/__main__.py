"""Rank unlabelled images by what their labels would teach the model, in next/next.csv and next/index.html.

First come images of which the model after transfer learning is uncertain, and that differ from those in the dataset and
from each other. Images that the dataset has already, that a review removed, or that are in the folder twice are left
out, and listed in next/left_out.csv. Nothing is put into the dataset. The command needs prepared/, features/,
models/backbone/ and models/train_tl/, which `dvc repro` makes or `dvc pull` brings.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from commands.formatting.tables import count
from commands.label_next import ranking
from commands.label_next.unlabelled import Unlabelled
from commands.label_review.images import picture
from commands.pages import templates
from commands.paths import user_path
from commands.relabel import record
from transfer import command
from transfer.common import io
from transfer.dataset.checks import printable
from transfer.inference import inputs
from transfer.inference.outputs import PROBABILITY_DECIMALS
from transfer.interface.errors import UserError
from transfer.loading import features as dataset_features
from transfer.loading import prepared
from transfer.loading.batches import pad_batch
from transfer.models import checkpoint
from transfer.uncertainty import calibration, temperature

TABLE, LEFT_OUT, PAGE = Path("next/next.csv"), Path("next/left_out.csv"), Path("next/index.html")
BACKBONE, HEAD = Path("models/backbone"), Path("models/train_tl")
DEFAULT_COUNT, MOST_COUNT = 50, 10_000
# The page shows so many images, the table has all. With all of them, it stays below 10 MB.
MOST_SHOWN = 100
# So many images that are left out are named; a table has all.
NAMED = 10


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make next SOURCE=folder [COUNT=50]", description=__doc__)
    parser.add_argument("source", type=user_path, help="a folder of images without labels")
    parser.add_argument("--count", default=str(DEFAULT_COUNT), help="how many images to rank; 50 if not given")
    return parser


def main() -> None:
    options = parser().parse_args()
    if not options.count.isdecimal() or not 1 <= int(options.count) <= MOST_COUNT:
        raise UserError(f"COUNT is {options.count!r}: it must be a whole number from 1 to {MOST_COUNT}.")
    if not options.source.is_dir():
        raise UserError(f"{options.source} is not a folder: SOURCE must be a folder of images without labels.")
    paths, errors, notes = inputs.find_images([str(options.source)])
    metadata = checkpoint.read_metadata(HEAD)
    splits = prepared.load_splits()
    unlabelled = Unlabelled(paths, splits, record.read())

    # Features and probabilities, by the model whose features of the dataset are at hand
    of_model = calibration.load(HEAD.parent, HEAD.name)
    names, features, probabilities = predict(unlabelled, metadata)
    cached = dataset_features.load_image_features(splits, features.shape[1])
    labelled = {name: of_split[:] for name, of_split in cached.items()}
    errors += unlabelled.errors
    notes += [f"{printable(path)} is left out: it is {reason}." for path, reason in unlabelled.left_out.items()][:NAMED]
    if len(unlabelled.left_out) > NAMED:
        notes.append(f"{len(unlabelled.left_out)} images are left out: {LEFT_OUT} lists all of them.")
    if of_model is None:
        notes.append(calibration.missing(HEAD.parent, HEAD.name))
    if "train" not in labelled:
        notes.append("Training images have no features, because augment.views is 0: images may resemble them.")
    for sentence in errors + notes:
        print(sentence, file=sys.stderr)
    io.write_csv(LEFT_OUT, pd.DataFrame(list(unlabelled.left_out.items()), columns=["path", "reason"]))
    if not names:
        raise UserError(f"{options.source} has no image that needs a label: name another folder.")

    order = ranking.rank(features, probabilities, list(labelled.values()), int(options.count))
    # The order is that of the probabilities before calibration, for which it was measured.
    shown = temperature.scale(probabilities[order], of_model.temperature if of_model else 1)
    table = pd.DataFrame(
        {
            "path": [names[row] for row in order],
            "rank": np.arange(len(order)) + 1,
            "predicted": [metadata["classes"][label] for label in probabilities[order].argmax(axis=1)],
            "probability": shown.max(axis=1).round(PROBABILITY_DECIMALS),
        }
    )
    io.write_csv(TABLE, table)
    pictures = [(row, *picture(Path(row["path"]))[1:]) for row in table.head(MOST_SHOWN).to_dict("records")]
    template = templates.environment(Path(__file__).parent).get_template("page.html.j2")
    contents = {"images": pictures, "ranked": len(table), "total": len(names), "notes": errors + notes, "table": TABLE}
    io.write_text(PAGE, template.render(contents))
    print(f"{TABLE}, {PAGE}: the {len(table)} of {count(len(names), 'image')} to label first")
    if errors:
        sys.exit(1)


def predict(unlabelled: Unlabelled, metadata: dict) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The paths of images, their features (images, channels), and their probabilities (images, classes).

    Args:
        metadata: of the head's checkpoint.
    """
    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow  # imported late: TensorFlow takes seconds

    tensorflow.start(seed=0)
    backbone = backbones.load(BACKBONE)
    head = classifier.head_function(classifier.load_head(HEAD, 0, backbone.description(), metadata["classes"]))
    names: list[str] = []
    features = [np.zeros((0, backbone.channels), np.float32)]
    batch: list[np.ndarray] = []

    def run() -> None:
        [of_batch] = backbone.feature_extractor(pad_batch(np.stack(batch), metadata["batch_size"]))
        features.append(of_batch[: len(batch)])
        batch.clear()

    for path, square in unlabelled.squares(metadata["image_size"], metadata["resize"]):
        names.append(path)
        batch.append(square)
        if len(batch) == metadata["batch_size"]:
            run()
    if batch:
        run()
    of_images = np.concatenate(features)
    [probabilities] = head(of_images)
    return names, of_images, probabilities


if __name__ == "__main__":
    command.run(main)
