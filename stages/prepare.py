"""prepare: check the dataset and its split, decode every image once.

Leaves prepared/ (the images as 8-bit squares), metrics/prepare.json, plots/dataset.csv and
plots/images/augmentation.png.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from transfer import binding, dataset, files, params, pictures, prepared, views
from transfer.faults import run

DATASET = Path("dataset_images")
PREVIEWED_VIEWS = 8


def main() -> None:
    settings = params.load()

    # Which images there are, and how they are split
    found = dataset.listing(DATASET)
    shares, tolerance = settings.data.split.model_dump(), settings.data.tolerance
    remedy = "split anew with `make dataset`, or change data.split or data.tolerance in params.yaml."
    faults = binding.faults(Path(f"{DATASET}.dvc")) + dataset.split_faults(found, shares, tolerance, remedy)

    # Decode each image once; every fault of the dataset is told here, and nothing is left behind
    odd = prepared.build(found, settings.image_size, faults)

    # What the dataset is
    table = pd.DataFrame([(entry.split, entry.label) for entry in found.entries], columns=["split", "class"])
    counts = table.groupby(["split", "class"]).size().reset_index(name="images")
    counts = counts.sort_values("split", key=lambda names: names.map(dataset.SPLITS.index), kind="stable")
    files.write_csv("plots/dataset.csv", counts)
    images, total = found.images, len(table)
    files.write_json(
        "metrics/prepare.json",
        {
            "images": images | {"total": total},
            "shares": {split: number / total for split, number in images.items()},
            "classes": len(found.classes),
            "problems": {"not_images": len(found.skipped)}
            | {kind: odd[kind] for kind in ("other_modes", "turned_by_exif", "enlarged", "elongated")},
        },
    )

    # One training image as the trainings will see it
    train = prepared.load("train")
    augmentation = views.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    preview = [views.batch(train, augmentation, view, np.array([0])) for view in range(PREVIEWED_VIEWS)]
    pictures.augmentation(
        np.concatenate(preview), f"Augmentation of {train.paths[0]}", Path("plots/images/augmentation.png")
    )

    print(
        f"{total} images of {len(found.classes)} classes: " + ", ".join(f"{n} {split}" for split, n in images.items())
    )
    if found.skipped:
        print(f"Skipped {len(found.skipped)} files that are no images, {found.skipped[0]} the first.")


if __name__ == "__main__":
    run(main)
