"""Write report/index.html: one page about the last run, which needs no network.

With a revision, the page also compares the run with it, on the test images that both have.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import jinja2
import pandas as pd

from commands.programs import check_repository, output_of
from commands.report import changes, charts, results, sentences
from commands.summary import MODELS, readable
from transfer import command, params_file
from transfer.common import io
from transfer.evaluation.metrics import classes_worst_first
from transfer.loading.prepared import SPLITS
from transfer.plotting import gallery_selection

PAGE = Path("report/index.html")
INTERVAL = ("accuracy", "accuracy_low", "accuracy_high")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make report [REV=revision]", description=__doc__)
    parser.add_argument("--rev", metavar="REVISION", help="a commit, branch or tag to compare with")
    return parser


def main() -> None:
    revision = parser().parse_args().rev
    check_repository()

    metrics = results.load_metrics()
    images = io.read_json("metrics/prepare.json", {f"images.{name}": int for name in ("total", *SPLITS)})["images"]
    splits = results.Table("plots/evaluate/splits.csv", ("model", "split"), INTERVAL)
    per_class = results.Table("plots/per_class.csv", ("model", "class"), ("support", *INTERVAL, "precision", "f1"))
    changed_sides = io.read_csv("plots/evaluate/changed_sides.csv", ("path", "actual", *MODELS))
    classes = list(metrics["train_tl"]["classes"])
    compared, left_out = changes.since(revision) if revision else ([], [])
    settings = params_file.load()
    gallery_class = settings.evaluate.gallery_class
    if gallery_class == gallery_selection.WORST:
        of_selected = pd.DataFrame([per_class[metrics["selected"], name] for name in classes])
        gallery_class = classes_worst_first(of_selected)[0]
    with tempfile.TemporaryDirectory() as temporary:
        drawn, pictures = charts.load(revision, Path(temporary), gallery_class)

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("page.html.j2").render(
        title="Image classification report",
        subtitle=f"{images['total']} images of {len(classes)} classes: "
        + ", ".join(f"{images[split]} {split}" for split in SPLITS)
        + f". {results.workspace_state()}",
        stale=results.stale_warning(json.loads(output_of(sys.executable, "-m", "dvc", "status", "--json"))),
        test_images=images["test"],
        models=list(MODELS.values()),
        headline=sentences.headline(metrics, splits),
        selected_because=readable(metrics["selected_because"]),
        verdict=readable(metrics["comparison"]["verdict"]),
        changed_sides=changed_sides.itertuples(index=False, name=None),
        selected=MODELS[metrics["selected"]],
        mistakes=sentences.mistakes(changes.workspace_predictions(), metrics["selected"]),
        leakage=" ".join(sentences.leakage(metrics)),
        revision=revision,
        changes=compared,
        left_out=left_out,
        classes=[sentences.class_row(name, per_class) for name in classes],
        charts=drawn,
        charts_of=charts.CHARTS,
        pictures=pictures,
        pictures_of=charts.PICTURES,
        parameters=sentences.parameter_rows(settings.model_dump()),
    )
    io.write_text(PAGE, page)
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    command.run(main)
