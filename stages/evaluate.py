"""evaluate: score both models on the test split, which nothing is chosen by.

Leaves metrics/evaluate.json, the tables and folders in plots/ that dvc.yaml names, and the pictures in plots/images/.
"""

from collections.abc import Callable
from pathlib import Path

from transfer import batches, calibration, comparison, files, galleries, leakage, params, pictures, prepared, scores
from transfer.faults import run

FEATURES = Path("features")
BACKBONE = Path("models/backbone")
PICTURES = Path("plots/images")


def main() -> None:
    settings = params.load()
    splits = prepared.load_all()
    test = splits["test"]
    galleries.check_class(settings.evaluate.gallery_class, test.classes)

    # Which of the two is selected, by validation alone
    tuned_fit = files.read_json("metrics/finetune.json", scores.fit_needed("kept."))["kept"]
    fits = {"train_tl": files.read_json("metrics/train_tl.json", scores.fit_needed()), "finetune": tuned_fit}
    selected, reason = scores.selected({model: fit["validation"] for model, fit in fits.items()})

    from transfer import backbone as backbones  # TensorFlow takes seconds to import: a fault should not wait for it
    from transfer import classifier, heatmaps, runtime

    # What each model makes of the test images; for the head alone, the backbone has seen them already
    runtime.start(settings.seed)
    backbone = backbones.load(BACKBONE)
    features = leakage.features(FEATURES, splits, backbone.channels)
    head = classifier.load_head(Path("models/train_tl"), settings.seed, backbone.description(), test.classes)
    tuned = classifier.load(Path("models/finetune"), backbone, test.classes)
    models: dict[str, tuple[Callable, Callable]] = {
        "train_tl": (classifier.probabilities(head), lambda rows: features["test"][rows]),
        "finetune": (tuned, lambda rows: test.images[rows]),
    }
    probabilities = {
        model: batches.results(*how, len(test), settings.batch_size, model) for model, how in models.items()
    }

    # The scores, over all images, by class and without near-duplicates, and the two models on the same images
    predicted = {model: found.argmax(axis=1) for model, found in probabilities.items()}
    right = {model: found == test.labels for model, found in predicted.items()}
    tables = {model: scores.per_class(test.labels, predicted[model], test.classes) for model in models}
    metrics = {model: scores.summary(test.labels, probabilities[model], tables[model]) for model in models}
    compared = comparison.paired(right["train_tl"], right["finetune"])
    about = {"comparison": compared.metrics(*models), "selected": selected, "selected_because": reason}
    seen = leakage.search(features, settings.evaluate.near_duplicate)
    files.write_json("metrics/evaluate.json", metrics | about | {"near_duplicates": seen.metrics(right)})
    files.write_csv("plots/near_duplicates.csv", seen.table(splits))
    files.write_csv("plots/per_class.csv", scores.by_model(tables))
    bins = {model: calibration.table(right[model], probabilities[model].max(axis=1)) for model in models}
    files.write_csv("plots/calibration.csv", scores.by_model(bins))
    files.write_csv("plots/splits.csv", scores.splits(fits, metrics, splits))
    files.write_csv("plots/changed_sides.csv", scores.sides(test, predicted))
    files.write_csv("plots/predictions.csv", predictions := scores.predictions(test, probabilities))
    for model, rows in predictions.groupby("model"):
        files.write_csv(f"plots/confusion/{model}.csv", rows[["actual", "predicted"]])

    # What the selected model's mistakes look like, and the test images nearest to what the models were made with
    shown = settings.evaluate.gallery_class, scores.worst_first(tables[selected])[0]
    looking = (backbone, tuned.head) if selected == "finetune" else (backbones.load(BACKBONE), head)
    for gallery in galleries.of_model(*shown, test, probabilities[selected]):
        heat = heatmaps.maps(*looking, test.images[gallery.rows], predicted[selected][gallery.rows])
        pictures.gallery(test.images, gallery, heat, PICTURES / f"{gallery.name}.png")
    title = f"{selected} on {len(test)} test images"
    pictures.confusion(test.labels, predicted[selected], test.classes, title, PICTURES / "confusion.png")
    pictures.pairs(seen.title, seen.shown(splits), PICTURES / "near_duplicates.png")

    for model, found in metrics.items():
        print(f"{model}: test accuracy {scores.told(found)}")
    print(compared.verdict(*models), reason, sep="\n")


if __name__ == "__main__":
    run(main)
