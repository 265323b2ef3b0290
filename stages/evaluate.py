"""evaluate: calibrate both models, and score them on the test split. No choice depends on the test split.

Writes models/calibration/ and, into Git, metrics/ and plots/: its own results, and those that the other stages left in
results/. If another stage had outs in Git, DVC would run it again even for inputs that its run-cache has.
"""

from pathlib import Path

from transfer import command, params_file
from transfer.common import io
from transfer.evaluation import intervals, metrics, model_selection, near_duplicates, reliability, significance, tables
from transfer.loading import prepared
from transfer.plotting import confusion_matrix, figure, gallery, gallery_selection, pairs
from transfer.uncertainty import calibration, label_issues, out_of_fold


def main() -> None:
    settings = params_file.load()
    splits = prepared.load_splits()
    test = splits["test"]
    gallery_selection.check_class(settings.evaluate.gallery_class, test.classes)

    # What the other stages left, and which of the two models validation selects
    fits = model_selection.load_fits(Path("results"))
    held_out = out_of_fold.read(Path("results/cross_validate"), splits)
    tables.publish(Path("results"), ("prepare", "cross_validate", *fits))
    selected, reason = model_selection.select_model({model: fit["validation"] for model, fit in fits.items()})

    from transfer.models import tensorflow
    from transfer.plotting import grad_cam  # imported late: TensorFlow takes seconds
    from transfer.uncertainty import scoring

    # Calibrate each model on images that it has not been trained on, none of them a test image, before it scores these
    tensorflow.start(settings.seed)
    models, of_images = scoring.load(Path("models"), splits, settings.batch_size)
    calibration.save(Path("models"), calibrations := scoring.calibrate(models, held_out))
    probabilities = {name: model.test_probabilities(calibrations[name].temperature) for name, model in models.items()}

    # Metrics over all images, by class, without near-duplicates, and of the two models on the same images
    predicted = {model: output.argmax(axis=1) for model, output in probabilities.items()}
    right = {model: labels == test.labels for model, labels in predicted.items()}
    of_class = {model: metrics.class_table(test.labels, predicted[model], test.classes) for model in fits}
    scores = {model: metrics.summarize(test.labels, probabilities[model], of_class[model]) for model in fits}
    comparison = significance.compare_paired(right["train_tl"], right["finetune"])
    choice = {"comparison": comparison.metrics(*fits), "selected": selected, "selected_because": reason}
    near = near_duplicates.find_near_duplicates(of_images, settings.evaluate.near_duplicate)
    effects = {"calibration": scoring.effects(models, calibrations, test.labels)}
    io.write_json("metrics/evaluate.json", scores | choice | effects | {"near_duplicates": near.metrics(right)})
    io.write_json("metrics/summary.json", metrics.headline(fits, scores, choice, held_out.metrics))
    io.write_csv("plots/per_class.csv", tables.stack_by_model(of_class))
    bins = {model: reliability.calibration_table(right[model], probabilities[model].max(axis=1)) for model in fits}
    io.write_csv("plots/evaluate/calibration.csv", tables.stack_by_model(bins))
    io.write_csv("plots/evaluate/classes.csv", tables.class_numbers(test.classes))
    io.write_csv("plots/evaluate/near_duplicates.csv", near.table(splits))
    io.write_csv("plots/evaluate/splits.csv", tables.accuracy_by_split(fits, scores, splits))
    io.write_csv("plots/evaluate/changed_sides.csv", tables.changed_sides(test, predicted))
    io.write_csv("plots/predictions.csv", predictions := tables.predictions(test, probabilities))
    for model, rows in predictions.groupby("model"):
        io.write_csv(f"plots/confusion/{model}.csv", rows[["actual", "predicted"]])
    doubts = label_issues.find(held_out.splits, held_out.over_views)
    io.write_csv("plots/label_issues.csv", doubts.table())
    test_doubts = label_issues.find({"test": test}, probabilities[selected])
    io.write_csv("plots/evaluate/test_label_issues.csv", test_doubts.table())

    # The selected model's galleries with heat maps, its confusion matrix, and the nearest images of other splits
    names = settings.evaluate.gallery_class, metrics.classes_worst_first(of_class[selected])[0]
    for shown in gallery_selection.model_galleries(*names, test, probabilities[selected]):
        heat = grad_cam.heat_maps(*models[selected].explained, test.images[shown.rows], predicted[selected][shown.rows])
        gallery.draw(test.images, shown, heat, Path(f"plots/images/{shown.name}.png"))
    title = f"Confusion matrix: {model_selection.MODELS[selected]}, {len(test)} test images"
    confusion_matrix.draw(test.labels, predicted[selected], test.classes, title, Path("plots/images/confusion.png"))
    pairs.draw(near.title, near.image_pairs(splits), Path("plots/images/near_duplicates.png"), near.notes(splits))
    figure.draw_tiles(doubts.title, doubts.tiles(), Path("plots/images/label_issues.png"), doubts.notes())

    accuracies = [f"{model}: test accuracy {intervals.format_accuracy(of_model)}" for model, of_model in scores.items()]
    print(*accuracies, comparison.verdict(*fits), reason, sep="\n")


if __name__ == "__main__":
    command.run(main)
