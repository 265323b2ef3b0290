"""The charts and pictures of dvc.yaml, drawn without a browser or a network."""

import base64
import json
import mimetypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from markupsafe import Markup

from commands.formatting.tables import Rows, table
from commands.programs import output_of
from commands.summary import MODELS
from transfer.cross_validation import learning_curve
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar

# The charts of each section of the page, by their names in dvc.yaml. Charts and pictures that neither table names come
# at the end of the page.
CHARTS = {
    "accuracy": ("Training, validation and test", "Calibration"),
    "classes": ("Accuracy of each class", "Confusion, transfer learning", "Confusion, fine-tuned"),
    "curves": (
        "Transfer learning, accuracy",
        "Transfer learning, loss",
        "Fine-tuning, accuracy",
        "Fine-tuning, loss",
    ),
    "more_images": ("Learning curve",),
    "dataset": ("Dataset",),
}
# Those that have a mark for each class: with more classes than this, the page has tables instead.
OF_CLASSES = (*CHARTS["classes"], *CHARTS["dataset"])
MOST_CLASSES = 30
# The pictures of each section, each with a text alternative and a caption.
PICTURES = {
    "mistakes": {
        "plots/images/confusion.png": (
            "The number of test images of each class that the selected model predicted as each class",
            "Confusion matrix of the selected model. The table of its chart under Classes has the same counts.",
        ),
        "plots/images/mistakes.png": (
            "Images of all classes that the selected model classified wrongly, each with its class, the predicted "
            "class and the probability of the prediction",
            "The most confident mistakes. Images with a wrong label are likely to be among them.",
        ),
        "plots/images/false_negatives.png": (
            "Images of {label} that the selected model predicted as another class, each with the predicted class",
            "False negatives. The heat map below each image shows where the model saw the predicted class.",
        ),
        "plots/images/false_positives.png": (
            "Images of other classes that the selected model predicted as {label}, each with its class",
            "False positives. The heat map below each image shows where the model saw the predicted class.",
        ),
        "plots/images/true_positives.png": (
            "Images of {label} that the selected model classified correctly",
            "True positives. The heat map below each image shows where the model saw the class.",
        ),
    },
    "labels": {
        "plots/images/label_issues.png": (
            "Training and validation images whose label is in doubt, each with its label, the suggested class and the "
            "score of the label",
            "The most doubtful labels. A label that is certainly wrong has the score 0.",
        )
    },
    "leakage": {
        "plots/images/near_duplicates.png": (
            "Pairs of a test image and the training or validation image nearest to it, nearest first",
            "Pairs on a coloured background count as near-duplicates.",
        )
    },
    "dataset": {
        "plots/images/augmentation.png": (
            "A training image and augmented views of it",
            "Each epoch of training uses one view of each image.",
        )
    },
}


# Git has all plots but the learning curves, which are in DVC as the outs of the trainings.
CURVES_FOLDERS = (Path("plots/train_tl"), Path("plots/finetune"))
# What the files of learning curves, as DVCLive names them, and their axis are called in tables.
CURVES = {r"^(.*/)?train/.*": "training", r"^(.*/)?validation/.*": "validation"}
EPOCH = "epoch"


@dataclass(frozen=True)
class Chart:
    """A chart, and the table that it is drawn from. A curve of a single point is not drawn: it would be empty."""

    svg: Markup | None
    table: Rows


@dataclass(frozen=True)
class Picture:
    """A picture as a data URL, with a text alternative and a caption."""

    data: str
    alternative: str
    caption: str


def read(revision: str | None, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The charts and pictures of the workspace, and of a revision beside it, as DVC gives them, by name in dvc.yaml.

    Args:
        folder: where DVC may write files.
    """
    arguments = ["diff", revision] if revision else ["show"]
    output = output_of(sys.executable, "-m", "dvc", "plots", *arguments, "--json", "--out", str(folder), quiet=True)
    return json.loads(output)["data"]


def draw(
    plots: Mapping[str, list[dict[str, Any]]], gallery_class: str, left_out: Sequence[str] = ()
) -> tuple[dict[str, Chart], dict[str, list[Picture]]]:
    """Every chart and picture that DVC would show, by its name in dvc.yaml. Pictures are a list: one for each revision.

    Args:
        plots: see `read`. Its files must still exist.
        gallery_class: the class that the workspace's galleries show.
        left_out: charts that are not drawn. Nor are learning curves that a fresh clone lacks.

    Raises:
        UserError: a chart or a picture that the page needs is missing.
    """
    here = {name for name, of_name in plots.items() if any("workspace" in plot["revisions"] for plot in of_name)}
    expected = [name for names in (*CHARTS.values(), *PICTURES.values()) for name in names]
    if not all(folder.is_dir() for folder in CURVES_FOLDERS):
        expected = [name for name in expected if name not in CHARTS["curves"]]
    for name in expected:
        if name not in here:
            raise UserError(f"The plot {name} is missing: restore it in dvc.yaml, or run `dvc repro` to make its file.")
    charts: dict[str, Chart] = {}
    pictures: dict[str, list[Picture]] = {}
    drawn = {name: of_name for name, of_name in plots.items() if name not in left_out}
    for name, of_name in progress_bar(drawn.items(), "Drawing charts", len(drawn), unit="plot"):
        for plot in of_name:
            if plot["type"] == "vega":
                charts[name] = draw_chart(name, plot["content"])
            else:
                picture = load_picture(name, Path(plot["url"]), plot["revisions"][0], gallery_class)
                add_picture(pictures.setdefault(name, []), picture, plot["revisions"][0])
    return charts, pictures


def draw_chart(name: str, spec: dict[str, Any]) -> Chart:
    """Draw a chart from DVC's Vega-Lite specification."""
    points = chart_table(spec.get("data", {}).get("values", []))
    cells = [*map(str, points)], points.itertuples(index=False, name=None)
    if cells[0][:1] == [EPOCH] and len(points) == 1:
        return Chart(None, table(f"{name}, of one epoch", *cells))
    svg = vl_convert.vegalite_to_svg(spec)
    # Vega draws the project's own tables and escapes their text, so its output is safe markup.
    svg = Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(name)}" ', 1))  # noqa: S704
    return Chart(svg, table(f"{name}, as a table", *cells))


def add_picture(pictures: list[Picture], picture: Picture, revision: str) -> None:
    """Add the picture of a revision; the same picture is not shown twice."""
    for number, other in enumerate(pictures):
        if other.data == picture.data:
            pictures[number] = replace(other, caption=f"{other.caption} It is the same in {revision}.")
            return
    pictures.append(picture)


def chart_table(points: list[dict[str, Any]]) -> pd.DataFrame:
    """The table that a chart is drawn from: a row for each point, curves side by side, equal rows counted.

    Args:
        points: the rows of the chart's file, to which DVC adds the revision, file and column of each.
    """
    cells = pd.DataFrame(points).rename(columns={"step": EPOCH})
    cells = cells.replace({"model": MODELS, "class": {learning_curve.ALL: "all classes"}})
    if "filename" in cells:
        cells["filename"] = cells["filename"].replace(CURVES, regex=True)
    origin = [name for name in ("rev", "filename", "field") if name in cells and cells[name].nunique() > 1]
    rest = [name for name in cells if name not in ("rev", "filename", "field")]
    cells = cells[[*origin, *rest]].fillna("")
    if cells.duplicated().any():
        cells = cells.value_counts(sort=False).unstack(fill_value=0).sort_index().sort_index(axis=1)
        return cells.add_prefix(f"{cells.columns.name}: ").reset_index()
    if "filename" in origin and len(rest) == 2 and EPOCH in rest:
        cells[EPOCH] = pd.to_numeric(cells[EPOCH])
        cells = cells.pivot(index=EPOCH, columns=origin, values=[name for name in rest if name != EPOCH]).fillna("")
        columns = [" ".join(map(str, names[1:])) for names in cells.columns.to_flat_index()]
        return cells.set_axis(columns, axis=1).reset_index()
    return cells


def load_picture(name: str, path: Path, revision: str, gallery_class: str) -> Picture:
    """A picture of dvc.yaml, as one revision has it."""
    here = revision == "workspace"
    texts = {name: of_picture for of_section in PICTURES.values() for name, of_picture in of_section.items()}
    alternative, caption = texts.get(name, (name, name))
    # Only the title of another revision's gallery says which class it shows.
    alternative = alternative.format(label=f"the class {gallery_class}" if here else "the class in its title")
    prefix = "" if here else f"{revision}: "
    kind = mimetypes.guess_type(path)[0] or "image/png"
    data = base64.b64encode(path.read_bytes()).decode()
    return Picture(f"data:{kind};base64,{data}", prefix + alternative, prefix + caption)
