"""Classify photographs: `python predict.py PATH...` takes files and folders in any mix.

It needs only models/, which `dvc pull models/backbone models/train_tl models/finetune models/calibration` brings.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from transfer import command
from transfer.inference import doubts, inputs, model_choice, outputs
from transfer.interface.errors import UserError
from transfer.loading.batches import pad_batch
from transfer.uncertainty import calibration

MODELS = Path(__file__).resolve().parent / "models"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python predict.py", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a photograph, or a folder of photographs")
    parser.add_argument(
        "--output", type=Path, metavar="FILE.csv", help="write a table with the probability of every class"
    )
    parser.add_argument(
        "--model", choices=model_choice.MODELS, help="default: the model with the better validation accuracy"
    )
    parser.add_argument(
        "--coverage",
        type=doubts.coverage,
        metavar="SHARE",
        help="add a set of classes, which holds the true one for this share of images, such as 0.9",
    )
    parser.add_argument("--unknown", action="store_true", help="add whether an image looks like nothing in the dataset")
    return parser


def main() -> None:
    options = parser().parse_args()
    if options.output:
        outputs.check_output(options.output)
    failed = False

    def report(error: UserError | str) -> None:
        nonlocal failed
        failed = True
        print(error, file=sys.stderr)

    # Which images, and which model
    paths, errors, notes = inputs.find_images(options.paths)
    for sentence in errors:
        report(sentence)
    for sentence in notes:
        print(sentence, file=sys.stderr)
    if not paths:
        sys.exit(1)
    name, metadata = model_choice.choose_model(MODELS, options.model)
    classes, size, resize, batch_size = (metadata[key] for key in ("classes", "image_size", "resize", "batch_size"))
    of_model = calibration.load(MODELS, name)
    further = doubts.columns(of_model, classes, options.coverage, options.unknown)
    if of_model is None:
        print(calibration.missing(MODELS, name), file=sys.stderr)

    from transfer.models import backbone, classifier, tensorflow  # imported late: TensorFlow takes seconds
    from transfer.uncertainty import scoring

    # Every batch has the same shape: the probabilities of an image cannot depend on the number of images beside it.
    tensorflow.start(seed=0)
    loaded = classifier.load(MODELS / name, backbone.load(MODELS / "backbone"), classes)
    model = scoring.calibrated(loaded, of_model)
    head = classifier.head_function(model.head)
    # The first call builds the model's functions; its time must not count.
    model(np.zeros((batch_size, size, size, 3), np.uint8))
    predicted, computed, seconds = 0, 0, 0.0
    csv_writer = options.output and outputs.csv_writer(options.output, classes, list(further))
    with csv_writer or outputs.terminal_writer(classes) as add:
        for batch_paths, images in inputs.read_batches(paths, size, resize, batch_size, report):
            start = time.perf_counter()
            [features] = model.feature_extractor(pad_batch(images, batch_size))
            [probabilities] = head(features)
            seconds += time.perf_counter() - start
            computed += batch_size
            predicted += len(batch_paths)
            for path, of_image, feature in zip(batch_paths, probabilities, features, strict=False):
                add(path, of_image, {column: judge(of_image, feature) for column, judge in further.items()})

    # The padding of the last batch costs as much time as images do, so it counts.
    rate = f", {computed / seconds:.1f} a second in the model" if seconds else ""
    print(f"{predicted} images by {name}{rate}" + (f": {options.output}" if options.output else ""))
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    command.run(main)
