"""prepare: check the dataset and its split, decode every image that the last version does not have.

Writes prepared/ (the images as 8-bit squares) and, in results/prepare/, metrics/prepare.json, plots/dataset.csv,
plots/problems.csv and plots/images/augmentation.png.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from transfer import command, params_file
from transfer.common import dvcfile, io
from transfer.dataset import checks, listing, preparing
from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation, augment_batch
from transfer.plotting import augmentation_preview
from transfer.reuse import images as reuse

DATASET = Path("dataset_images")
RESULTS = Path("results/prepare")
PREVIEWED_VIEWS = 8


def main() -> None:
    settings = params_file.load()

    # Which images there are, and how they are split
    dataset = listing.list_dataset(DATASET)
    shares, tolerance = settings.data.split.model_dump(), settings.data.tolerance
    remedy = "split the images again with `make dataset`, or change data.split or data.tolerance in params.yaml."
    errors = dvcfile.binding_errors(Path(f"{DATASET}.dvc"))
    errors += checks.split_errors(dataset, shares, tolerance, remedy)
    # What is skipped may be the reason.
    errors += checks.skipped_sentences(checks.left_out(dataset.skipped)) if errors else []

    # Decode each new image once. This reports every error of the dataset; after an error, nothing is left behind.
    resize = prepared.Resize(fit=settings.resize.fit, antialias=settings.resize.antialias)
    last = reuse.last_images(settings.image_size, resize, DATASET)
    preparation = preparing.prepare_images(dataset, settings.image_size, resize, errors, last)

    # What the dataset holds
    table = pd.DataFrame([(entry.split, entry.label) for entry in dataset.entries], columns=["split", "class"])
    counts = table.groupby(["split", "class"]).size().reset_index(name="images")
    counts = counts.sort_values("split", key=lambda names: names.map(prepared.SPLITS.index), kind="stable")
    io.write_csv(RESULTS / "plots/dataset.csv", counts)
    rows = [(checks.printable(other.path.relative_to(DATASET).as_posix()), other.kind) for other in dataset.skipped]
    problems = pd.DataFrame(rows + preparation.oddities, columns=["path", "kind"])
    io.write_csv(RESULTS / "plots/problems.csv", problems)
    images, total = dataset.images, len(table)
    io.write_json(
        RESULTS / "metrics/prepare.json",
        {
            "images": images | {"total": total},
            "shares": {split: number / total for split, number in images.items()},
            "classes": len(dataset.classes),
            "problems": {
                kind: len(problems[problems["kind"] == kind]) for kind in (*listing.KINDS, *preparing.ODDITIES)
            },
        },
    )

    # One training image as the trainings will see it
    train = prepared.load_split("train")
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    preview = [augment_batch(train, augmentation, view, np.array([0])) for view in range(PREVIEWED_VIEWS)]
    title = f"Augmented views of {train.paths[0]}"
    augmentation_preview.draw(np.concatenate(preview), title, RESULTS / "plots/images/augmentation.png")

    sizes = ", ".join(f"{number} {split}" for split, number in images.items())
    print(f"{total} images of {len(dataset.classes)} classes: {sizes}")
    if preparation.taken_over:
        print(f"{preparation.taken_over} of them are taken over from the last version, and need no decoding.")
    for sentence in checks.skipped_sentences(dataset.skipped):
        print(sentence)


if __name__ == "__main__":
    command.run(main)
