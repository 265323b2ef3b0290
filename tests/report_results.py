"""Results of a run that never was, for tests of the report: any classes and predictions, without data or training."""

import shutil

import numpy as np
import pandas as pd

from runs import ROOT, SAMPLE_PARAMS, run
from transfer.common import io as files
from transfer.cross_validation import folds, learning_curve, pool, scores
from transfer.evaluation import metrics, reliability, significance, tables
from transfer.loading.prepared import SPLITS, Split
from transfer.uncertainty import label_issues

MODELS = ("train_tl", "finetune")
# Names of classes that page, chart and Markdown must show as they are.
NAMES = (
    *(
        "ガラス瓶",
        "紙",
        "プラスチック容器・包装（その他のリサイクル可能なもの）",
        "แก้ว",
        "กระดาษลูกฟูก",
        "زجاج",
        "ورق مقوى",
    ),
    *("בקבוק", "🍾 bottle", "👩‍👩‍👧", "<b>bold</b> & <script>", "a|b `c` *d*", "@octocat #1", "$x$", "{{ 7 * 7 }}"),
)


def class_names(number):
    """This many names of classes, with those of `NAMES` first."""
    return sorted([*NAMES[:number], *(f"class {count:03}" for count in range(number - len(NAMES)))])


def make_repository(folder):
    """A clone of this repository, with its committed results and the sample's parameters."""
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(folder))
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
    run(folder, "git", "commit", "--all", "--allow-empty", "--quiet", "--message", "Parameters of the sample")
    return folder


def split(classes, counts, prefix):
    """Images of each class; their digests are numbered, so that runs with the same classes have the same images."""
    labels = np.repeat(np.arange(len(classes)), counts)
    paths = [f"{prefix}/{classes[label]}/{row:05}.jpg" for row, label in enumerate(labels)]
    digests = [f"{prefix}{row:012}" for row in range(len(labels))]
    return Split(np.empty((len(labels), 0)), labels, paths, digests, list(classes))


def write_cross_validation(folder, splits, share_right):
    """Write what `cross_validate` leaves for these splits; the same for the same images and share."""
    random = np.random.default_rng(0)
    parts = {name: (splits[name], np.zeros((len(splits[name]), 1, 1))) for name in ("train", "validation")}
    images = pool.join(parts)
    # With two folds, there would be one degree of freedom, with which hardly any difference is more than chance.
    fold = np.stack([folds.deal(images, np.arange(len(images)), 5, 1, repeat) for repeat in range(2)])
    right = random.random((2, len(images))) < share_right
    probabilities = np.full((2, len(images), len(images.classes)), 0.1 / len(images.classes))
    predicted = np.where(right, images.labels, (images.labels + 1) % len(images.classes))
    np.put_along_axis(probabilities, predicted[..., None], 0.9, axis=2)
    curve = learning_curve.LearningCurve(images, {2: right & (random.random(right.shape) < 0.9), 1: right}, fold)
    metrics = scores.summarize(images, probabilities, fold, []) | {"learning_curve": curve.metrics()}
    files.write_json(folder / "metrics/cross_validation.json", metrics)
    of_recipe = folder / "plots/cross_validation"
    files.write_csv(of_recipe / "predictions.csv", scores.predictions(images, probabilities, fold))
    files.write_csv(of_recipe / "learning_curve.csv", curve.table())
    pooled = {name: of_split for name, (of_split, _) in parts.items()}
    files.write_csv(folder / "plots/label_issues.csv", label_issues.find(pooled, probabilities.mean(axis=0)).table())


def write_results(folder, classes, share_right=(0.6, 0.8), counts=(8, 2, 2), epochs=3, seed=0, recipe=0.7):
    """Write metrics/ and plots/ as the stages do, for random predictions.

    Args:
        share_right: the share of correct predictions of each model.
        counts: the number of images of each class in each split; each may be a list, with a number for each class.
        recipe: the share of correct predictions by cross-validation.
    """
    random = np.random.default_rng(seed)
    splits = {name: split(classes, count, name) for name, count in zip(SPLITS, counts, strict=True)}
    test = splits["test"]
    probabilities = {}
    for model, share in zip(MODELS, share_right, strict=True):
        shift = np.where(random.random(len(test)) < share, 0, random.integers(1, len(classes), len(test)))
        output = np.full((len(test), len(classes)), 0.3 / len(classes))
        output[np.arange(len(test)), (test.labels + shift) % len(classes)] += random.uniform(0.4, 0.7, len(test))
        probabilities[model] = output
    predicted = {model: output.argmax(axis=1) for model, output in probabilities.items()}
    right = {model: labels == test.labels for model, labels in predicted.items()}
    of_class = {model: metrics.class_table(test.labels, predicted[model], classes) for model in MODELS}
    scores = {model: metrics.summarize(test.labels, probabilities[model], of_class[model]) for model in MODELS}
    fit = {name: {"accuracy": 0.75, "loss": 0.6} for name in ("train", "validation")}
    fit |= {"epochs": epochs, "best_epoch": epochs}

    images = {name: len(of_split) for name, of_split in splits.items()}
    images["total"] = sum(images.values())
    write_cross_validation(folder, splits, recipe)
    files.write_json(folder / "metrics/prepare.json", {"images": images, "classes": len(classes)})
    files.write_json(folder / "metrics/train_tl.json", fit)
    files.write_json(folder / "metrics/finetune.json", {"kept": fit | {"round": 1}})
    choice = {
        "comparison": significance.compare_paired(right["train_tl"], right["finetune"]).metrics(*MODELS),
        "selected": "finetune",
        "selected_because": "finetune is selected for its validation accuracy; the test images have no say.",
        "near_duplicates": {
            **{"threshold": 0.99, "compared_with": "train and validation", "highest_cosine": 0.9, "images": 0},
            "without": {"images": len(test)} | {model: scores[model] for model in MODELS},
        },
    }
    files.write_json(folder / "metrics/evaluate.json", scores | choice)
    plots = folder / "plots"
    rows = [
        (name, label, int((of_split.labels == number).sum()))
        for name, of_split in splits.items()
        for number, label in enumerate(classes)
    ]
    files.write_csv(plots / "dataset.csv", pd.DataFrame(rows, columns=["split", "class", "images"]))
    files.write_csv(plots / "per_class.csv", tables.stack_by_model(of_class))
    bins = {model: reliability.calibration_table(right[model], probabilities[model].max(axis=1)) for model in MODELS}
    files.write_csv(plots / "evaluate/calibration.csv", tables.stack_by_model(bins))
    fits = dict.fromkeys(MODELS, fit)
    files.write_csv(plots / "evaluate/splits.csv", tables.accuracy_by_split(fits, scores, splits))
    files.write_csv(plots / "evaluate/changed_sides.csv", tables.changed_sides(test, predicted))
    files.write_csv(plots / "predictions.csv", predictions := tables.predictions(test, probabilities))
    for model, of_model in predictions.groupby("model"):
        files.write_csv(plots / f"confusion/{model}.csv", of_model[["actual", "predicted"]])
        for part in ("train", "validation"):
            for metric in ("accuracy", "loss"):
                values = "".join(f"{step}\t{0.5 + 0.4 * step / epochs}\n" for step in range(epochs))
                curve = plots / model / "plots/metrics" / part / f"{metric}.tsv"
                files.write_text(curve, f"step\t{metric}\n{values}")
