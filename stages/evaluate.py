"""evaluate: score both models on the test split. No choice depends on the test split.

Writes evaluate.json, summary.json and cross_validation.json in metrics/, the tables that dvc.yaml names, and pictures.
"""

from collections.abc import Callable
from pathlib import Path

from transfer import command, params_file
from transfer.common import io
from transfer.evaluation import calibration, intervals, metrics, model_selection, near_duplicates, significance, tables
from transfer.loading import batches, prepared
from transfer.plotting import confusion_matrix, gallery, gallery_selection, pairs

PICTURES = Path("plots/images")


def main() -> None:
    settings = params_file.load()
    splits = prepared.load_splits()
    test = splits["test"]
    gallery_selection.check_class(settings.evaluate.gallery_class, test.classes)

    # Which of the two models is selected, by validation alone
    fits = model_selection.load_fits(Path("metrics"))
    selected, reason = model_selection.select_model({model: fit["validation"] for model, fit in fits.items()})

    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow
    from transfer.plotting import grad_cam  # imported late: TensorFlow takes seconds

    # Each model's probabilities; for the head alone, the features of the test images exist already
    tensorflow.start(settings.seed)
    backbone = backbones.load(Path("models/backbone"))
    features = near_duplicates.load_features(Path("features"), splits, backbone.channels)
    head = classifier.load_head(Path("models/train_tl"), settings.seed, backbone.description(), test.classes)
    tuned = classifier.load(Path("models/finetune"), backbone, test.classes)
    models: dict[str, tuple[Callable, Callable]] = {
        "train_tl": (classifier.head_function(head), lambda rows: features["test"][rows]),
        "finetune": (tuned, lambda rows: test.images[rows]),
    }
    probabilities = {key: batches.map_split(*how, len(test), settings.batch_size, key) for key, how in models.items()}

    # Metrics over all images, by class, without near-duplicates, and of the two models on the same images
    predicted = {model: output.argmax(axis=1) for model, output in probabilities.items()}
    right = {model: labels == test.labels for model, labels in predicted.items()}
    of_class = {model: metrics.class_table(test.labels, predicted[model], test.classes) for model in models}
    scores = {model: metrics.summarize(test.labels, probabilities[model], of_class[model]) for model in models}
    comparison = significance.compare_paired(right["train_tl"], right["finetune"])
    choice = {"comparison": comparison.metrics(*models), "selected": selected, "selected_because": reason}
    nearest = near_duplicates.find_near_duplicates(features, settings.evaluate.near_duplicate)
    io.write_json("metrics/evaluate.json", scores | choice | {"near_duplicates": nearest.metrics(right)})
    io.write_json("metrics/summary.json", metrics.headline(fits, scores, comparison.p_value, tables.publish()))
    io.write_csv("plots/per_class.csv", tables.stack_by_model(of_class))
    bins = {model: calibration.calibration_table(right[model], probabilities[model].max(axis=1)) for model in models}
    io.write_csv("plots/evaluate/calibration.csv", tables.stack_by_model(bins))
    io.write_csv("plots/evaluate/classes.csv", tables.class_numbers(test.classes))
    io.write_csv("plots/evaluate/near_duplicates.csv", nearest.table(splits))
    io.write_csv("plots/evaluate/splits.csv", tables.accuracy_by_split(fits, scores, splits))
    io.write_csv("plots/evaluate/changed_sides.csv", tables.changed_sides(test, predicted))
    io.write_csv("plots/predictions.csv", predictions := tables.predictions(test, probabilities))
    for model, rows in predictions.groupby("model"):
        io.write_csv(f"plots/confusion/{model}.csv", rows[["actual", "predicted"]])

    # The selected model's galleries with heat maps, its confusion matrix, and the nearest images of other splits
    names = settings.evaluate.gallery_class, metrics.classes_worst_first(of_class[selected])[0]
    explained = (backbone, tuned.head) if selected == "finetune" else (backbones.load(Path("models/backbone")), head)
    for shown in gallery_selection.model_galleries(*names, test, probabilities[selected]):
        heat = grad_cam.heat_maps(*explained, test.images[shown.rows], predicted[selected][shown.rows])
        gallery.draw(test.images, shown, heat, PICTURES / f"{shown.name}.png")
    title = f"Confusion matrix: {model_selection.MODELS[selected]}, {len(test)} test images"
    confusion_matrix.draw(test.labels, predicted[selected], test.classes, title, PICTURES / "confusion.png")
    pairs.draw(nearest.title, nearest.image_pairs(splits), PICTURES / "near_duplicates.png", nearest.notes(splits))

    accuracies = [f"{model}: test accuracy {intervals.format_accuracy(of_model)}" for model, of_model in scores.items()]
    print(*accuracies, comparison.verdict(*models), reason, sep="\n")


if __name__ == "__main__":
    command.run(main)
