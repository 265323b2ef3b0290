"""One page of the last run that opens anywhere, without a network: report/index.html.

With a revision, every figure that can be compared is, on the test images that both have.
"""

import argparse
import base64
import json
import mimetypes
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import jinja2
import pandas as pd
import vl_convert
from markupsafe import Markup

from commands.programs import answer, succeeds
from commands.summary import MODELS
from transfer import comparison, files, galleries, params, revisions, scores
from transfer.faults import Fault, run
from transfer.files import NUMBER

PAGE = Path("report/index.html")
METRICS = "metrics/evaluate.json"
PREDICTIONS = "plots/predictions.csv"
SPLITS = ("train", "validation", "test")
# In which section a chart or a picture of dvc.yaml stands; those that are not named here come at the end
CHARTS = {
    "accuracy": ("Training, validation and test", "Calibration"),
    "classes": ("Accuracy of each class", "Confusion, transfer learning", "Confusion, fine-tuned"),
    "curves": (
        "Transfer learning, accuracy",
        "Transfer learning, loss",
        "Fine-tuning, accuracy",
        "Fine-tuning, loss",
    ),
    "dataset": ("Dataset",),
}
# What each shows, for who does not see it, and what there is to say about it
PICTURES = {
    "mistakes": {
        "plots/images/confusion.png": (
            "How many test images of each class the selected model took for each class",
            "Confusion matrix of the selected model. The table of its chart under Classes has the same counts.",
        ),
        "plots/images/mistakes.png": (
            "Images of all classes that the selected model took for something else, each with its class, what it was "
            "taken for, and how sure the model was",
            "The surest mistakes: an image whose label is wrong is likely to be among them.",
        ),
        "plots/images/false_negatives.png": (
            "Images of {label} that the selected model took for something else, each with what it was taken for",
            "False negatives. Below each image, where the model saw what it took it for.",
        ),
        "plots/images/false_positives.png": (
            "Images of other classes that the selected model took for {label}, each with the class that it is of",
            "False positives. Below each image, where the model saw the class that it took it for.",
        ),
        "plots/images/true_positives.png": (
            "Images of {label} that the selected model found",
            "True positives. Below each image, where the model saw the class.",
        ),
    },
    "leakage": {
        "plots/images/near_duplicates.png": (
            "Pairs of a test image and the training or validation image nearest to it, nearest first",
            "On a coloured ground stand those that count as near-duplicates.",
        )
    },
    "dataset": {
        "plots/images/augmentation.png": (
            "A training image and augmented views of it",
            "In training, an epoch sees each image in one view.",
        )
    },
}
NEEDED: files.Needed = {
    "selected": str,
    "selected_because": str,
    "comparison.verdict": str,
    "near_duplicates.threshold": NUMBER,
    "near_duplicates.compared_with": str,
    "near_duplicates.highest_cosine": NUMBER,
    "near_duplicates.images": int,
    "near_duplicates.without.images": int,
    **{
        f"{model}.{name}": NUMBER
        for model in MODELS
        for name in (
            "accuracy",
            "accuracy_low",
            "accuracy_high",
            "top2_accuracy",
            "top2_accuracy_low",
            "top2_accuracy_high",
            "macro_f1",
            "expected_calibration_error",
            "mean_class_accuracy",
            "mean_without_worst",
        )
    },
    **{f"{model}.mean_without_two_worst": (*NUMBER, NoneType) for model in MODELS},
    **{f"{model}.classes": dict for model in MODELS},
}


class Table(dict[tuple[str, ...], dict[Any, Any]]):
    """The rows of a CSV by what their text columns say; a row or a column that is not there is a Fault."""

    def __init__(self, path: str, text_columns: tuple[str, ...], number_columns: tuple[str, ...]):
        found = files.read_csv(path, text_columns)
        for name in number_columns:
            if name not in found or not pd.api.types.is_numeric_dtype(found[name]):
                raise Fault(f"{path} has no column {name} of numbers: make it anew with `dvc repro`.")
        super().__init__((tuple(row[name] for name in text_columns), row) for row in found.to_dict("records"))
        self.path = path

    def __missing__(self, key: tuple[str, ...]) -> dict[Any, Any]:
        raise Fault(f"{self.path} has no row of {' and '.join(key)}: make it anew with `dvc repro`.")


@dataclass(frozen=True)
class Chart:
    """A chart as it is drawn, and in a table what it is drawn from."""

    svg: Markup
    table: pd.DataFrame


@dataclass(frozen=True)
class Picture:
    """A picture as a data URL, in words for who does not see it, and what there is to say about it."""

    data: str
    alternative: str
    caption: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="make report [REV=revision]", description=__doc__)
    parser.add_argument("--rev", metavar="REVISION", help="a commit, branch or tag to compare with")
    revision = parser.parse_args().rev

    metrics = evaluated()
    images = files.read_json("metrics/prepare.json", {f"images.{name}": int for name in ("total", *SPLITS)})["images"]
    splits = Table("plots/splits.csv", ("model", "split"), ("accuracy", "accuracy_low", "accuracy_high"))
    of_class = ("support", "accuracy", "accuracy_low", "accuracy_high", "precision", "f1")
    per_class = Table("plots/per_class.csv", ("model", "class"), of_class)
    classes = list(metrics["train_tl"]["classes"])
    changes, left_out = compared(revision) if revision else ([], [])
    settings = params.load()
    shown = settings.evaluate.gallery_class
    if shown == galleries.WORST:
        shown = scores.worst_first(pd.DataFrame([per_class[metrics["selected"], name] for name in classes]))[0]
    with tempfile.TemporaryDirectory() as temporary:
        charts, pictures = drawn(revision, Path(temporary), shown)

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        title="Image classification report",
        subtitle=f"{images['total']} images of {len(classes)} classes: "
        + ", ".join(f"{images[split]} {split}" for split in SPLITS)
        + f". {state()}",
        stale=stale(json.loads(answer(sys.executable, "-m", "dvc", "status", "--json"))),
        tests=images["test"],
        models=list(MODELS.values()),
        headline=headline(metrics, splits),
        selected_because=named(metrics["selected_because"]),
        verdict=named(metrics["comparison"]["verdict"]),
        leakage=" ".join(leakage(metrics)),
        revision=revision,
        changes=changes,
        left_out=left_out,
        classes=[class_row(name, per_class) for name in classes],
        charts=charts,
        charts_of=CHARTS,
        pictures=pictures,
        pictures_of=PICTURES,
        parameters=flat(settings.model_dump()),
    )
    files.write_text(PAGE, page)
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB")


def evaluated() -> dict[str, Any]:
    """The metrics of `evaluate`. Raises Fault if something is missing that the page says; what may be null may."""
    near = files.read_json(METRICS, NEEDED)["near_duplicates"]
    further: dict[str, type | tuple[type, ...]] = {}
    if near["without"]["images"]:
        names = [f"{model}.{name}" for model in MODELS for name in ("accuracy", "accuracy_low", "accuracy_high")]
        further |= {f"near_duplicates.without.{name}": NUMBER for name in names}
    if near.get("validation_in_train") is not None:
        further |= {f"near_duplicates.validation_in_train.{name}": int for name in ("images", "of")}
    return files.read_json(METRICS, further)


def state() -> str:
    """In a sentence, which commit the workspace is of, and whether it is still that."""
    if not succeeds("git", "rev-parse", "--verify", "HEAD", quiet=True):
        return "Nothing is committed yet."
    changed = " with uncommitted changes" if answer("git", "status", "--porcelain") else ""
    return f"Commit {answer('git', 'rev-parse', '--short', 'HEAD').strip()}{changed}."


def stale(status: Mapping[str, Any]) -> str:
    """In a sentence, of which stages the results are not of what is in the workspace; nothing if there are none.

    What is merely not here, as in a clone before `dvc pull`, makes no result an old one.

    Args:
        status: what `dvc status --json` says.
    """
    entries = [entry for found in status.values() for entry in found if isinstance(entry, dict)]
    states = [of.items() for entry in entries for of in entry.values()]
    absent = [Path(path) for of in states for path, state in of if state in ("deleted", "not in cache")]

    def changed(entry: Any) -> bool:
        """Whether a path or a parameter is otherwise, or the stage itself: not a folder that only lacks something."""
        if isinstance(entry, str):
            return True
        return any(not any(lacked.is_relative_to(path) for lacked in absent) for of in entry.values() for path in of)

    if names := [name for name, found in status.items() if any(map(changed, found))]:
        return (
            "These results are older than the data, code or parameters in the workspace: `dvc status` names "
            f"{', '.join(names)}. Run `dvc repro` to make them anew."
        )
    return ""


def headline(metrics: Mapping[str, Any], splits: Table) -> list[list[str]]:
    """A row a figure: what it is called, and what it is for each model."""
    rows: dict[str, Callable[[str], str]] = {
        "Test accuracy": lambda model: within(metrics[model]),
        "Validation accuracy": lambda model: within(splits[model, "validation"]),
        "Training accuracy (augmented, with dropout)": lambda model: share(splits[model, "train"]["accuracy"]),
        "Top-2 test accuracy": lambda model: within(metrics[model], "top2_accuracy"),
        "Test accuracy, mean over classes": lambda model: share(metrics[model]["mean_class_accuracy"]),
        "… without the worst class": lambda model: share(metrics[model]["mean_without_worst"]),
        "… without the two worst": lambda model: share(metrics[model].get("mean_without_two_worst")),
        "Macro F1": lambda model: f"{metrics[model]['macro_f1']:.3f}",
        "Expected calibration error": lambda model: f"{metrics[model]['expected_calibration_error']:.3f}",
    }
    return [[name, *map(value, MODELS)] for name, value in rows.items()]


def leakage(metrics: dict[str, Any]) -> list[str]:
    """In sentences, which test and validation images another split has seen, and what accuracy is without them."""
    found, without = metrics["near_duplicates"], metrics["near_duplicates"]["without"]
    total = found["images"] + without["images"]
    limit = f"{found['threshold']:g} (evaluate.near_duplicate)"
    told = []
    if "train" not in found["compared_with"]:
        told.append("Training images were not compared: with augment.views at 0 they have no features.")
    if found["images"]:
        told.append(
            f"{found['images']} of {total} test images {'has' if found['images'] == 1 else 'have'} a near-duplicate in "
            f"{found['compared_with']}: an image whose feature has a cosine of at least {limit} with its own."
        )
    else:
        told.append(
            f"None of {total} test images has a near-duplicate in {found['compared_with']}: the highest cosine of "
            f"two features is {found['highest_cosine']:.3f}, and counted is what reaches {limit}."
        )
    if not without["images"]:
        told.append("Without them no test image is left: the threshold is too low for this backbone.")
    elif found["images"]:
        changes = [
            f"{name} {within(without[model])} instead of {share(metrics[model]['accuracy'])}"
            for model, name in MODELS.items()
        ]
        told.append(f"Test accuracy on the other {without['images']}: {'; '.join(changes)}.")
    if chosen := found.get("validation_in_train"):
        told.append(
            f"{chosen['images'] or 'None'} of {chosen['of']} validation images, by which rounds and models are chosen, "
            f"{'has' if chosen['images'] < 2 else 'have'} one in training."
        )
    return told


def class_row(name: str, table: Table) -> dict[str, Any]:
    """How many test images a class has, and each model's accuracy with its interval, precision and F1."""
    found = [table[model, name] for model in MODELS]
    cells = [
        cell for of_model in found for cell in (within(of_model), share(of_model["precision"]), f"{of_model['f1']:.3f}")
    ]
    return {"name": name, "support": found[0]["support"], "cells": cells}


def compared(revision: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What changed since a revision, model by model, and in sentences what cannot be compared.

    Raises:
        Fault: the revision does not exist or has no predictions that can be used.
    """
    before = predictions_of(revision).replace({"model": MODELS})
    after = files.read_csv(PREDICTIONS, text_columns=revisions.TEXT_COLUMNS).replace({"model": MODELS})
    told = []
    for change in revisions.compare(before, after, revision):
        rows = [change_row("all", change.overall), f1_row(change.macro_f1)]
        told.append(
            {
                "name": change.model,
                "images": change.images_told(),
                "verdict": sentence(change.overall.verdict(f"revision {revision}", revisions.WORKSPACE)),
                "rows": rows + [change_row(name, found) for name, found in change.classes.items()],
            }
        )
    return told, revisions.left_out(before, after, revision)


def predictions_of(revision: str) -> pd.DataFrame:
    """The predictions that a revision has committed. Raises Fault if there are none."""
    commit = f"{revision}^{{commit}}"
    if revision.startswith("-") or not succeeds("git", "rev-parse", "--verify", commit, quiet=True):
        raise Fault(f"{revision} is no revision of this repository: give a commit, a branch or a tag, such as HEAD~1.")
    if not succeeds("git", "cat-file", "-e", f"{revision}:{PREDICTIONS}", quiet=True):
        raise Fault(f"{revision} has no {PREDICTIONS}: choose a commit that has the results of a run.")
    try:
        return revisions.read(answer("git", "show", f"{revision}:{PREDICTIONS}"), revision)
    except UnicodeDecodeError:
        raise Fault(f"{PREDICTIONS} of {revision} is no text: choose a commit that has the results of a run.") from None


def change_row(name: str, found: comparison.Comparison) -> list[str]:
    """A row of the comparison's table, by accuracy."""
    shares = [share(accuracy) for accuracy in found.accuracies]
    change = f"{100 * found.difference:+.1f} points"
    return [name, str(found.images), *shares, change, str(found.only_first), str(found.only_second), *chance(found)]


def f1_row(found: comparison.MacroF1) -> list[str]:
    """The same by macro F1, which is of no images one by one."""
    return [
        "macro F1",
        "",
        f"{found.first:.3f}",
        f"{found.second:.3f}",
        f"{found.difference:+.3f}",
        "",
        "",
        *chance(found),
    ]


def chance(found: comparison.Comparison | comparison.MacroF1) -> tuple[str, str]:
    """The p value, and whether the change is more than chance."""
    return comparison.told(found.p_value).removeprefix("= "), "yes" if found.p_value < comparison.LEVEL else "no"


def drawn(revision: str | None, folder: Path, gallery_class: str) -> tuple[dict[str, Chart], dict[str, list[Picture]]]:
    """Everything that DVC would show, by its name in dvc.yaml; a picture of each revision that has it.

    Raises:
        Fault: one that the page is made of is missing.
    """
    asked = ["diff", revision] if revision else ["show"]
    found = json.loads(answer(sys.executable, "-m", "dvc", "plots", *asked, "--json", "--out", str(folder)))["data"]
    here = {name for name, plots in found.items() if any("workspace" in plot["revisions"] for plot in plots)}
    expected = [name for names in (*CHARTS.values(), *PICTURES.values()) for name in names]
    for name in expected:
        if name not in here:
            raise Fault(
                f"The plot {name} is missing: dvc.yaml must have it and `dvc repro` must have made what it shows."
            )
    charts: dict[str, Chart] = {}
    pictures: dict[str, list[Picture]] = {}
    for name, plots in found.items():
        for plot in plots:
            if plot["type"] == "vega":
                charts[name] = chart(name, plot["content"])
            else:
                pictures.setdefault(name, []).append(
                    picture(name, Path(plot["url"]), plot["revisions"][0], gallery_class)
                )
    return charts, pictures


def chart(name: str, spec: dict[str, Any]) -> Chart:
    """Draw what DVC hands to Vega-Lite."""
    svg = vl_convert.vegalite_to_svg(spec)
    # Drawn by Vega from the project's own tables, text escaped: markup, not text
    svg = Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(name)}" ', 1))  # noqa: S704
    return Chart(svg, behind(spec.get("data", {}).get("values", [])))


def behind(points: list[dict[str, Any]]) -> pd.DataFrame:
    """The table that a chart is drawn from: a row a point, curves side by side, counts where rows are alike.

    Args:
        points: the rows of the chart's file, to which DVC adds of which revision, file and column each is.
    """
    found = pd.DataFrame(points).replace({"model": MODELS})
    about = [name for name in ("rev", "filename", "field") if name in found and found[name].nunique() > 1]
    rest = [name for name in found if name not in ("rev", "filename", "field")]
    found = found[[*about, *rest]].fillna("")
    if found.duplicated().any():
        found = found.value_counts(sort=False).unstack(fill_value=0).sort_index().sort_index(axis=1)
        return found.add_prefix(f"{found.columns.name}: ").reset_index()
    if "filename" in about and len(rest) == 2 and "step" in rest:
        found["step"] = pd.to_numeric(found["step"])
        found = found.pivot(index="step", columns=about, values=[name for name in rest if name != "step"]).fillna("")
        return found.set_axis(
            [" ".join(map(str, names[1:])) for names in found.columns.to_flat_index()], axis=1
        ).reset_index()
    return found


def picture(name: str, path: Path, revision: str, gallery_class: str) -> Picture:
    """One revision's picture of a name in dvc.yaml."""
    here = revision == "workspace"
    told = {name: words for names in PICTURES.values() for name, words in names.items()}
    alternative, caption = told.get(name, (name, name))
    # Of which class another revision's galleries are stands in them alone
    alternative = alternative.format(label=f"the class {gallery_class}" if here else "the class that it names")
    when = "" if here else f"{revision}: "
    kind = mimetypes.guess_type(path)[0] or "image/png"
    data = base64.b64encode(path.read_bytes()).decode()
    return Picture(f"data:{kind};base64,{data}", when + alternative, when + caption)


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as dotted keys."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "null" if value is None else str(value)))
    return rows


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def within(found: Mapping[str, Any], name: str = "accuracy") -> str:
    """A share with its interval."""
    return f"{share(found[name])} ({interval(found[f'{name}_low'], found[f'{name}_high'])})"


def interval(low: float, high: float) -> str:
    return f"{low:.1%} to {high:.1%}"


def named(text: str) -> str:
    """A sentence with the models called by their names for people."""
    for model, name in MODELS.items():
        text = text.replace(model, name)
    return sentence(text)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    run(main)
