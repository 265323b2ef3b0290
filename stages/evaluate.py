"""evaluate: score both models on the test split, which nothing is chosen by.

Leaves metrics/evaluate.json, plots/per_class.csv, plots/predictions.csv, plots/confusion/ and the pictures
confusion.png, true_positives.png, false_negatives.png and false_positives.png in plots/images/.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from transfer import batches, files, galleries, params, pictures, prepared, scores
from transfer.faults import run

FEATURES = Path("features")
BACKBONE = Path("models/backbone")
PICTURES = Path("plots/images")


def main() -> None:
    settings = params.load()
    test = prepared.load("test")
    galleries.check_class(settings.evaluate.gallery_class, test.classes)

    from transfer import backbone as backbones  # TensorFlow takes seconds to import: a fault should not wait for it
    from transfer import classifier, runtime

    # What each model makes of the test images; for the head alone, the backbone has seen them already
    runtime.start(settings.seed)
    features = files.open_array(FEATURES / "test.npy")
    head = classifier.load_head(Path("models/train_tl"), settings.seed)
    tuned = classifier.load(Path("models/finetune"), backbones.load(BACKBONE))
    models: dict[str, tuple[Callable, Callable]] = {
        "train_tl": (classifier.probabilities(head), lambda rows: features[rows, 0]),
        "finetune": (tuned, lambda rows: test.images[rows]),
    }
    probabilities = {
        model: np.concatenate(
            [found for _, [found] in batches.through(function, read, len(test), settings.batch_size, model)]
        )
        for model, (function, read) in models.items()
    }

    # Which of the two is selected: by validation alone
    validation = {
        "train_tl": files.read_json("metrics/train_tl.json")["validation"]["accuracy"],
        "finetune": files.read_json("metrics/finetune.json")["kept"]["validation"]["accuracy"],
    }
    selected = scores.selected(validation)

    # The scores, over all images and by class
    predicted = {model: found.argmax(axis=1) for model, found in probabilities.items()}
    tables = {model: scores.per_class(test.labels, predicted[model], test.classes) for model in models}
    metrics = {model: scores.summary(test.labels, probabilities[model], tables[model]) for model in models}
    files.write_json("metrics/evaluate.json", metrics | {"selected": selected})
    files.write_csv("plots/per_class.csv", pd.concat(tables, names=["model"]).reset_index("model"))
    predictions = scores.predictions(test, probabilities)
    files.write_csv("plots/predictions.csv", predictions)
    for model, rows in predictions.groupby("model", sort=False):
        files.write_csv(f"plots/confusion/{model}.csv", rows[["actual", "predicted"]])

    # What the selected model's mistakes look like
    asked = settings.evaluate.gallery_class
    shown = scores.worst_first(tables[selected])[0] if asked == galleries.WORST else asked
    label, probability = test.classes.index(shown), probabilities[selected].max(axis=1)
    for gallery in galleries.of_class(label, test.labels, predicted[selected], probability, test.classes):
        pictures.gallery(test.images[gallery.rows], gallery.captions, gallery.title, PICTURES / f"{gallery.name}.png")
    title = f"{selected} on {len(test)} test images"
    pictures.confusion(test.labels, predicted[selected], test.classes, title, PICTURES / "confusion.png")

    for model, found in metrics.items():
        low, high = found["accuracy_low"], found["accuracy_high"]
        print(f"{model}: test accuracy {found['accuracy']:.4f}, 95 % interval {low:.3f} to {high:.3f}")
    print(f"Selected by validation accuracy: {selected}; shown: {shown}")


if __name__ == "__main__":
    run(main)
