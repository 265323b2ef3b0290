"""The charts and pictures of dvc.yaml, drawn without a browser or a network."""

import base64
import json
import mimetypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from markupsafe import Markup

from commands.programs import answer
from commands.summary import MODELS
from transfer.interface.errors import UserError

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
            raise UserError(
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
