"""evaluate: score both models on the test split. No choice depends on the test split.

Writes its own results, and those that the other stages left in results/, into metrics/ and plots/, which are in Git. If
another stage had outs in Git, DVC would run it again even for inputs that its run-cache has.
"""

from pathlib import Path

from transfer import command, params_file
from transfer.common import atomic, io
from transfer.evaluation import calibration, intervals, metrics, model_selection, near_duplicates, significance, tables
from transfer.loading import batches, features, prepared
from transfer.plotting import confusion_matrix, gallery, gallery_selection, pairs


def main() -> None:
    settings = params_file.load()
    splits = prepared.load_splits()
    test = splits["test"]
    gallery_selection.check_class(settings.evaluate.gallery_class, test.classes)

    # What the other stages left, and which of the two models validation selects
    fits = model_selection.load_fits(Path("results"))
    cross_validation = io.read_json("results/cross_validate/metrics/cross_validation.json", {"accuracy": io.NUMBER})
    for stage in ("prepare", "cross_validate", *fits):
        atomic.copy_files(Path("results", stage), Path())
    selected, reason = model_selection.select_model({model: fit["validation"] for model, fit in fits.items()})

    from transfer.models import backbone as backbones
    from transfer.models import classifier, tensorflow
    from transfer.plotting import grad_cam  # imported late: TensorFlow takes seconds

    # Each model's probabilities; for the head alone, the features of the test images exist already
    tensorflow.start(settings.seed)
    backbone = backbones.load(Path("models/backbone"))
    of_images = features.load_image_features(splits, backbone.channels)
    head = classifier.load_head(Path("models/train_tl"), settings.seed, backbone.description(), test.classes)
    tuned = classifier.load(Path("models/finetune"), backbone, test.classes)
    of_head = batches.map_split(classifier.head_function(head), of_images["test"], settings.batch_size, "train_tl")
    of_tuned = batches.map_split(tuned, test.images, settings.batch_size, "finetune")
    probabilities = {"train_tl": of_head, "finetune": of_tuned}

    # Metrics over all images, by class, without near-duplicates, and of the two models on the same images
    predicted = {model: output.argmax(axis=1) for model, output in probabilities.items()}
    right = {model: labels == test.labels for model, labels in predicted.items()}
    of_class = {model: metrics.class_table(test.labels, predicted[model], test.classes) for model in fits}
    scores = {model: metrics.summarize(test.labels, probabilities[model], of_class[model]) for model in fits}
    comparison = significance.compare_paired(right["train_tl"], right["finetune"])
    choice = {"comparison": comparison.metrics(*fits), "selected": selected, "selected_because": reason}
    near = near_duplicates.find_near_duplicates(of_images, settings.evaluate.near_duplicate)
    io.write_json("metrics/evaluate.json", scores | choice | {"near_duplicates": near.metrics(right)})
    io.write_json("metrics/summary.json", metrics.headline(fits, scores, comparison.p_value, cross_validation))
    io.write_csv("plots/per_class.csv", tables.stack_by_model(of_class))
    bins = {model: calibration.calibration_table(right[model], probabilities[model].max(axis=1)) for model in fits}
    io.write_csv("plots/evaluate/calibration.csv", tables.stack_by_model(bins))
    io.write_csv("plots/evaluate/classes.csv", tables.class_numbers(test.classes))
    io.write_csv("plots/evaluate/near_duplicates.csv", near.table(splits))
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
        gallery.draw(test.images, shown, heat, Path(f"plots/images/{shown.name}.png"))
    title = f"Confusion matrix: {model_selection.MODELS[selected]}, {len(test)} test images"
    confusion_matrix.draw(test.labels, predicted[selected], test.classes, title, Path("plots/images/confusion.png"))
    pairs.draw(near.title, near.image_pairs(splits), Path("plots/images/near_duplicates.png"), near.notes(splits))

    accuracies = [f"{model}: test accuracy {intervals.format_accuracy(of_model)}" for model, of_model in scores.items()]
    print(*accuracies, comparison.verdict(*fits), reason, sep="\n")


if __name__ == "__main__":
    command.run(main)
