"""Write report/index.html: one page about the last run, which needs no network.

With a revision, the page also compares the run with it, on the test images that both have, and lists what changed. As
Markdown, it is report/report.md, without pictures: the comment that `python -m commands.review` prints.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from commands import contents
from commands.comparison import changes
from commands.formatting import sentences
from commands.formatting.names import inline
from commands.formatting.tables import table
from commands.pages import templates
from commands.parameters import parameter_rows
from commands.programs import check_repository
from commands.report import charts, data_tables
from commands.review import comment
from commands.summary import MODELS
from transfer import command, params_file
from transfer.common import io
from transfer.cross_validation import learning_curve
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS
from transfer.plotting import gallery_selection

# The file of each format.
FILES = {"html": Path("report/index.html"), "md": Path("report/report.md")}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make report [REV=revision] [FORMAT=md]", description=__doc__)
    parser.add_argument("--rev", metavar="REVISION", help="a commit, branch or tag to compare with")
    parser.add_argument("--format", default="html", help="html, or md for Markdown")
    return parser


def main() -> None:
    arguments = parser().parse_args()
    if arguments.format not in FILES:
        raise UserError(f"{arguments.format} is not a format of the report: choose {' or '.join(FILES)}.")
    check_repository()
    if arguments.rev:
        # The page is about the comparison of results; without those of the revision, there is nothing to compare.
        changes.revision_predictions(arguments.rev)
    path = FILES[arguments.format]
    io.write_text(path, comment.render(arguments.rev) if arguments.format == "md" else page(arguments.rev))
    size = path.stat().st_size
    print(f"{path}: {size / 1e6:.1f} MB" if size > 1e5 else f"{path}: {size / 1e3:.0f} kB")


def page(revision: str | None) -> str:
    """The page as HTML."""
    template = templates.environment(Path(__file__).parent).get_template("index.html.j2")
    with tempfile.TemporaryDirectory() as temporary:
        return template.render(collect(revision, Path(temporary)))


def collect(revision: str | None, folder: Path) -> dict[str, Any]:
    """Everything that the page shows, by the names that the template uses.

    Args:
        revision: what to compare with.
        folder: where DVC may write pictures.
    """
    predictions = changes.workspace_predictions()
    settings = params_file.load()
    shared = contents.collect(revision, plots=lambda: charts.read(revision, folder))
    classes, metrics = shared["classes"], shared["metrics"]
    gallery_class = settings.evaluate.gallery_class
    if gallery_class == gallery_selection.WORST:
        gallery_class = contents.weakest(classes, shared["per_class"], metrics["selected"])[0]
    many = len(classes) > charts.MOST_CLASSES
    drawn, pictures = charts.draw(shared["plots"], gallery_class, charts.OF_CLASSES if many else ())
    return (
        shared
        | {"title": "Image classification report", "charts": drawn, "pictures": pictures}
        | {
            "parameters": table(
                "All parameters of params.yaml that results depend on",
                ("Key", "Value"),
                parameter_rows(settings.model_dump(exclude={"engine"})),
            )
        }
        | {
            "training_views": settings.augment.views,
            "curves": [name for name in charts.CHARTS["curves"] if name in drawn],
            "curves_folders": charts.CURVES_FOLDERS,
            "more_images": " ".join(learning_curve.sentences(shared["cross_validation"]["learning_curve"], inline)),
            "gains": data_tables.gains(shared["cross_validation"]),
            "doubtful_labels": data_tables.doubtful_labels(),
            "processors": data_tables.processors(),
            "sweep": data_tables.sweep(),
        }
        | tables_and_charts(metrics, predictions, many)
    )


def tables_and_charts(metrics: dict[str, Any], predictions: pd.DataFrame, many: bool) -> dict[str, Any]:
    """The tables that only the page has, and which section has which charts and pictures.

    Args:
        predictions: plots/predictions.csv.
        many: whether tables replace the charts of classes.
    """
    sides = io.read_csv("plots/evaluate/changed_sides.csv", ("path", "actual", *MODELS))
    selected = metrics["selected"]
    page: dict[str, Any] = {
        "changed_sides": table(
            "Test images that only one of the two models classifies correctly",
            ("Image", "Class", *MODELS.values()),
            sides[["path", "actual", *MODELS]].itertuples(index=False, name=None),
        ),
        "mistakes": table(
            f"All mistakes of the selected model ({MODELS[selected]}), most confident first",
            ("Image", "Class", "Predicted as", "Probability"),
            sentences.mistakes(predictions, selected),
        ),
        "leakage": " ".join(sentences.leakage(metrics)),
        "charts_of": charts.CHARTS,
        "pictures_of": charts.PICTURES,
        "confusions": [],
        "counts": [],
    }
    if many:
        page["charts_of"] = {
            section: [name for name in of_section if name not in charts.OF_CLASSES]
            for section, of_section in charts.CHARTS.items()
        }
        page["confusions"] = [
            table(
                f"Classes that are confused, {name}, the most frequent first",
                ("Class", "Predicted as", "Images"),
                sentences.confusions(predictions, model),
            )
            for model, name in MODELS.items()
        ]
        numbers = io.read_csv("plots/dataset.csv", ("split", "class"))
        by_class = numbers.pivot_table("images", "class", "split", "sum", 0)[list(SPLITS)]
        page["counts"] = [table("Images of each class", ("Class", *SPLITS), by_class.itertuples(name=None))]
    return page


if __name__ == "__main__":
    command.run(main)
