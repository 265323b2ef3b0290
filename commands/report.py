"""One page of the last run that opens anywhere, without a network: report/index.html.

With a revision, every figure that can be compared is, on the test images that both have.
"""

import argparse
import base64
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert
from markupsafe import Markup

from commands.programs import answer, succeeds
from commands.summary import MODELS
from transfer import files, params, revisions
from transfer.comparison import LEVEL, Comparison
from transfer.faults import Fault, run

PAGE = Path("report/index.html")
ALTERNATIVES = {
    "near_duplicates": "Pairs of a test image and the training or validation image nearest to it, nearest first",
    "confusion": "How many test images of each class the selected model took for each class",
    "mistakes": "The mistakes that the selected model was surest of, over all classes",
    "false_negatives": "Images of the class shown that the selected model took for something else",
    "false_positives": "Images of other classes that the selected model took for the class shown",
    "true_positives": "Images of the class shown that the selected model found",
    "augmentation": "A training image and augmented views of it",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make report [REV=revision]", description=__doc__)
    parser.add_argument("--rev", metavar="REVISION", help="a commit, branch or tag to compare with")
    revision = parser.parse_args().rev

    metrics = files.read_json("metrics/evaluate.json")
    fits = {
        "train_tl": files.read_json("metrics/train_tl.json"),
        "finetune": files.read_json("metrics/finetune.json")["kept"],
    }
    dataset = files.read_json("metrics/prepare.json")["images"]
    per_class = files.read_csv("plots/per_class.csv", text_columns=("model", "class"))
    changes = compared(revision) if revision else []
    with tempfile.TemporaryDirectory() as temporary:
        vega, images = plots(revision, Path(temporary))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        title="Image classification report",
        subtitle=f"{dataset['total']} images of {len(metrics['train_tl']['classes'])} classes: "
        + ", ".join(f"{dataset[split]} {split}" for split in ("train", "validation", "test")),
        tests=dataset["test"],
        models=list(MODELS.values()),
        headline=[headline(name, metrics[model], fits[model]) for model, name in MODELS.items()],
        selected_because=named(metrics["selected_because"]),
        verdict=named(metrics["comparison"]["verdict"]),
        leakage=" ".join(leakage(metrics)),
        revision=revision,
        changes=changes,
        classes=class_rows(per_class),
        vega=vega,
        images=images,
        parameters=flat(params.load().model_dump()),
    )
    files.write_text(PAGE, page)
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB")


def headline(name: str, found: dict[str, Any], fit: dict[str, Any]) -> dict[str, str]:
    return {
        "name": name,
        "accuracy": share(found["accuracy"]),
        "interval": interval(found["accuracy_low"], found["accuracy_high"]),
        "validation": share(fit["validation"]["accuracy"]),
        "train": share(fit["train"]["accuracy"]),
        "macro_f1": f"{found['macro_f1']:.3f}",
        "top2": share(found["top2_accuracy"]),
        "calibration": f"{found['expected_calibration_error']:.3f}",
    }


def leakage(metrics: dict[str, Any]) -> list[str]:
    """In sentences, how many test images training or validation has seen, and what accuracy is without them."""
    found, without = metrics["near_duplicates"], metrics["near_duplicates"]["without"]
    total = found["images"] + without["images"]
    limit = f"{found['threshold']:g} (evaluate.near_duplicate)"
    told = []
    if "train" not in found["compared_with"]:
        told.append("Training images were not compared: with augment.views at 0 they have no features.")
    if not found["images"]:
        told.append(
            f"None of {total} test images has a near-duplicate in {found['compared_with']}: the highest cosine of "
            f"two features is {found['highest_cosine']:.3f}, and counted is what reaches {limit}."
        )
        return told
    told.append(
        f"{found['images']} of {total} test images {'has' if found['images'] == 1 else 'have'} a near-duplicate in "
        f"{found['compared_with']}: an image whose feature has a cosine of at least {limit} with its own."
    )
    if not without["images"]:
        return [*told, "Without them no test image is left: the threshold is too low for this backbone."]
    changes = [
        f"{name} {share(without[model]['accuracy'])} "
        f"({interval(without[model]['accuracy_low'], without[model]['accuracy_high'])}) "
        f"instead of {share(metrics[model]['accuracy'])}"
        for model, name in MODELS.items()
    ]
    return [*told, f"Test accuracy on the other {without['images']}: {'; '.join(changes)}."]


def class_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a class: how many test images, and each model's accuracy with its interval."""
    rows = []
    for name in table["class"].unique():
        of_class = table[table["class"] == name].set_index("model")
        found = [of_class.loc[model] for model in MODELS]
        cells = [
            {"accuracy": share(cell["accuracy"]), "interval": interval(cell["accuracy_low"], cell["accuracy_high"])}
            for cell in found
        ]
        rows.append({"name": name, "support": int(found[0]["support"]), "cells": cells})
    return rows


def compared(revision: str) -> list[dict[str, Any]]:
    """What changed since a revision, model by model.

    Raises:
        Fault: the revision does not exist or has no predictions.
    """
    commit = f"{revision}^{{commit}}"
    if revision.startswith("-") or not succeeds("git", "rev-parse", "--verify", commit, quiet=True):
        raise Fault(f"{revision} is no revision of this repository: give a commit, a branch or a tag, such as HEAD~1.")
    if not succeeds("git", "cat-file", "-e", f"{revision}:plots/predictions.csv", quiet=True):
        raise Fault(f"{revision} has no plots/predictions.csv: choose a commit that has the results of a run.")
    text = dict.fromkeys(("model", "path", "pixels", "actual", "predicted"), str)
    before = pd.read_csv(
        io.StringIO(answer("git", "show", f"{revision}:plots/predictions.csv")), dtype=text, keep_default_na=False
    )
    after = files.read_csv("plots/predictions.csv", text_columns=tuple(text))
    told = []
    for change in revisions.compare(before, after, revision):
        name = MODELS.get(change.model, change.model)
        rows = [("all", change.overall), *change.classes.items()]
        told.append(
            {
                "name": name,
                "images": change.images_told(),
                "verdict": sentence(change.overall.verdict(revision, "now")),
                "rows": [change_row(label, found) for label, found in rows],
            }
        )
    return told


def change_row(name: str, found: Comparison) -> dict[str, Any]:
    return {
        "name": name,
        "images": found.images,
        "before": found.only_first,
        "after": found.only_second,
        "difference": f"{100 * found.difference:+.1f} points",
        "p": f"{found.p_value:.3f}",
        "told": "yes" if found.p_value < LEVEL else "no",
    }


def plots(revision: str | None, folder: Path) -> tuple[dict[str, Markup], dict[str, list[dict[str, str]]]]:
    """Everything that DVC would show, drawn: charts as SVG by their names, pictures as data by their file's stem."""
    asked = ["diff", revision] if revision else ["show"]
    found = json.loads(answer(sys.executable, "-m", "dvc", "plots", *asked, "--json", "--out", str(folder)))["data"]
    vega: dict[str, Markup] = {}
    images: dict[str, list[dict[str, str]]] = {}
    for name, drawn in found.items():
        for plot in drawn:
            if plot["type"] == "vega":
                spec = plot["content"] if isinstance(plot["content"], dict) else json.loads(plot["content"])
                svg = vl_convert.vegalite_to_svg(spec)
                # Drawn by Vega from the project's own tables, text escaped: markup, not text
                vega[name] = Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(name)}" ', 1))  # noqa: S704
            else:
                stem, [shown] = Path(name).stem, plot["revisions"]
                when = "" if shown == "workspace" else f" ({shown})"
                data = base64.b64encode(Path(plot["url"]).read_bytes()).decode()
                images.setdefault(stem, []).append(
                    {"data": f"data:image/png;base64,{data}", "alt": ALTERNATIVES.get(stem, stem) + when}
                )
    return vega, images


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as dotted keys."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "null" if value is None else str(value)))
    return rows


def share(value: float) -> str:
    return f"{value:.1%}"


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
