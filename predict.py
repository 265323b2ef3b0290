"""What is on a photograph: `python predict.py PATH...`, files and folders in any mix.

Needs models/ alone: `dvc pull models/backbone models/train_tl models/finetune` brings it.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from transfer import command
from transfer.inference import inputs, model_choice, outputs
from transfer.interface.errors import UserError

MODELS = Path(__file__).resolve().parent / "models"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python predict.py", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a photograph, or a folder of them")
    parser.add_argument("--output", type=Path, metavar="FILE.csv", help="write a table, with every class's probability")
    parser.add_argument("--model", choices=model_choice.MODELS, help="the one that validation selected, if not said")
    asked = parser.parse_args()
    if asked.output:
        outputs.check_output(asked.output)
    faults: list[str] = []

    def refuse(fault: UserError | str) -> None:
        faults.append(str(fault))
        print(fault, file=sys.stderr)

    # Which images, and which model
    paths, missing = inputs.find_images(asked.paths)
    for sentence in missing:
        refuse(sentence)
    if not paths:
        sys.exit(1)
    name, about = model_choice.choose_model(MODELS, asked.model)
    classes, size, batch_size = (about[key] for key in ("classes", "image_size", "batch_size"))

    from transfer.loading.batches import pad_batch
    from transfer.models import backbone, classifier, tensorflow

    # Batch by batch, always of one shape: what an image gets cannot depend on how many came with it
    tensorflow.start(seed=0)
    model = classifier.load(MODELS / name, backbone.load(MODELS / "backbone"), classes)
    # The first call makes things ready, and would count as slow
    model(np.zeros((batch_size, size, size, 3), np.uint8))
    predicted, run_through, seconds = 0, 0, 0.0
    with outputs.csv_writer(asked.output, classes) if asked.output else outputs.terminal_writer(classes) as add:
        for names, images in inputs.read_batches(paths, size, batch_size, refuse):
            begun = time.perf_counter()
            [found] = model(pad_batch(images, batch_size))
            seconds += time.perf_counter() - begun
            run_through += batch_size
            predicted += len(names)
            for path, probabilities in zip(names, found, strict=False):
                add(path, probabilities)

    # What fills up the last batch costs as much as an image
    rate = f", {run_through / seconds:.1f} a second in the model" if seconds else ""
    print(f"{predicted} images by {name}{rate}" + (f": {asked.output}" if asked.output else ""))
    if faults:
        sys.exit(1)


if __name__ == "__main__":
    command.run(main)
