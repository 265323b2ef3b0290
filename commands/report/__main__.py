"""Write report/index.html: one page about the last run, which needs no network.

With a revision, the page also compares the run with it, on the test images that both have, and lists what changed. As
Markdown, for the comment of a pull request, it is report/report.md, without pictures.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from commands.parameters import parameter_rows
from commands.programs import check_repository, output_of
from commands.report import changes, charts, history, names, results, sentences, verdict
from commands.report import revision as revisions
from commands.report.tables import LONG, Rows, table
from commands.summary import MODELS, readable
from transfer import command, params_file
from transfer.common import io
from transfer.evaluation.metrics import classes_worst_first
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import SPLITS
from transfer.plotting import gallery_selection

# The file of each format.
FILES = {"html": Path("report/index.html"), "md": Path("report/report.md")}
INTERVAL = ("accuracy", "accuracy_low", "accuracy_high")
# A comment on GitHub may have 65,536 characters.
MOST_MARKDOWN_ROWS = 20
# How many classes a table begins with, where there are many.
FIRST_CLASSES = 10


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
        revisions.check(arguments.rev)
    path = FILES[arguments.format]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=arguments.format == "md",  # in Markdown, a line break is markup
    )
    environment.filters |= {"cell": names.html_cell, "md": names.markdown, "md_cell": names.markdown_cell}
    with tempfile.TemporaryDirectory() as temporary:
        contents = collect(arguments.rev, Path(temporary), with_charts=arguments.format == "html")
    io.write_text(path, environment.get_template(f"{path.name}.j2").render(contents))
    size = path.stat().st_size
    print(f"{path}: {size / 1e6:.1f} MB" if size > 1e5 else f"{path}: {size / 1e3:.0f} kB")


def collect(revision: str | None, folder: Path, with_charts: bool) -> dict[str, Any]:
    """Everything that the page shows, by the names that the templates use.

    Args:
        revision: what to compare with.
        folder: where DVC may write pictures.
        with_charts: whether the page has charts and pictures.
    """
    metrics = results.load_metrics()
    classes = list(metrics["train_tl"]["classes"])
    per_class = results.Table("plots/per_class.csv", ("model", "class"), ("support", *INTERVAL, "precision", "f1"))
    images = io.read_json("metrics/prepare.json", {f"images.{name}": int for name in ("total", *SPLITS)})["images"]
    predictions = changes.workspace_predictions()
    settings = params_file.load()

    tasks: dict[str, Callable[[], Any]] = {
        "stale": lambda: json.loads(output_of(sys.executable, "-m", "dvc", "status", "--json", quiet=True))
    }
    if revision:
        tasks |= {"changes": lambda: changes.since(revision, metrics), "history": lambda: history.since(revision)}
    if with_charts:
        tasks["plots"] = lambda: charts.read(revision, folder)
    collected = together(tasks)

    compared = collected.get("changes")
    if compared and compared.verdict.predictions_changed and collected["history"].unchanged:
        compared.verdict.sentences.append(history.UNEXPLAINED)
    contents = {
        "title": "Image classification report",
        "subtitle": f"{images['total']} images of {len(classes)} classes: "
        + ", ".join(f"{images[split]} {split}" for split in SPLITS)
        + f". {results.workspace_state()}",
        "stale": results.stale_warning(collected["stale"]),
        "revision": revision,
        "compared_with": names.isolate(revisions.describe(revision)) if revision else None,
        "verdict": compared.verdict if compared else verdict.of_run(metrics),
        "changes": compared,
        "history": collected.get("history"),
        "p_explained": changes.P_EXPLAINED,
        "most_rows": MOST_MARKDOWN_ROWS,
        "selected_because": readable(metrics["selected_because"]),
        "headline": headline(metrics, images["test"]),
        "class_tables": class_tables(classes, per_class, metrics["selected"]),
    }
    if with_charts:
        gallery_class = settings.evaluate.gallery_class
        if gallery_class == gallery_selection.WORST:
            gallery_class = weakest(classes, per_class, metrics["selected"])[0]
        many = len(classes) > charts.MOST_CLASSES
        contents["charts"], contents["pictures"] = charts.draw(
            collected["plots"], gallery_class, charts.OF_CLASSES if many else ()
        )
        contents |= html_only(metrics, predictions, many)
        contents["parameters"] = table(
            "All parameters of params.yaml that results depend on",
            ("Key", "Value"),
            parameter_rows(settings.model_dump(exclude={"engine"})),
        )
    return contents


def together(tasks: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each task returns. They run at the same time, because most of it is waiting for DVC and Git."""
    with ThreadPoolExecutor() as pool:
        futures = {pool.submit(task): name for name, task in tasks.items()}
        finished = progress_bar(as_completed(futures), "Reading results", len(futures), unit="step")
        return {futures[future]: future.result() for future in finished}


def headline(metrics: dict[str, Any], test_images: int) -> Rows:
    """The table of both models' figures."""
    splits = results.Table("plots/evaluate/splits.csv", ("model", "split"), INTERVAL)
    caption = f"{test_images} test images; 95 % Wilson intervals in brackets"
    return table(caption, ("", *MODELS.values()), sentences.headline(metrics, splits))


def weakest(classes: list[str], per_class: results.Table, model: str) -> list[str]:
    """The classes, the one with the lowest accuracy first."""
    return classes_worst_first(pd.DataFrame([per_class[model, name] for name in classes]))


def class_tables(classes: list[str], per_class: results.Table, selected: str) -> list[Rows]:
    """The scores of each class; of many classes, those of the weakest come first."""
    columns = ["Class", "Images"]
    columns += [f"{score}, {name}" for name in MODELS.values() for score in ("Accuracy", "Precision", "F1")]
    caption = (
        "Accuracy of each class, that is the share of its test images that are classified correctly, with its 95 % "
        "interval in brackets; precision and F1"
    )
    tables = [table(caption, columns, [sentences.class_row(name, per_class) for name in classes])]
    if len(classes) > LONG:
        first = weakest(classes, per_class, selected)[:FIRST_CLASSES]
        rows = [sentences.class_row(name, per_class) for name in first]
        tables.insert(0, table(f"The {len(first)} classes with the lowest accuracy", columns, rows))
    return tables


def html_only(metrics: dict[str, Any], predictions: pd.DataFrame, many: bool) -> dict[str, Any]:
    """What the Markdown leaves out, apart from charts and pictures.

    Args:
        predictions: plots/predictions.csv.
        many: whether tables replace the charts of classes.
    """
    sides = io.read_csv("plots/evaluate/changed_sides.csv", ("path", "actual", *MODELS))
    selected = metrics["selected"]
    contents: dict[str, Any] = {
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
        contents["charts_of"] = {
            section: [name for name in of_section if name not in charts.OF_CLASSES]
            for section, of_section in charts.CHARTS.items()
        }
        contents["confusions"] = [
            table(
                f"Classes that are confused, {name}, the most frequent first",
                ("Class", "Predicted as", "Images"),
                sentences.confusions(predictions, model),
            )
            for model, name in MODELS.items()
        ]
        numbers = io.read_csv("plots/dataset.csv", ("split", "class"))
        by_class = numbers.pivot_table("images", "class", "split", "sum", 0)[list(SPLITS)]
        contents["counts"] = [table("Images of each class", ("Class", *SPLITS), by_class.itertuples(name=None))]
    return contents


if __name__ == "__main__":
    command.run(main)
