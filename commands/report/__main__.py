"""One page of the last run that opens anywhere, without a network: report/index.html.

With a revision, every figure that can be compared is, on the test images that both have.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import jinja2
import pandas as pd

from commands.programs import answer
from commands.report import changes, drawings, results, words
from commands.summary import MODELS, named
from transfer import command, params_file
from transfer.common import io
from transfer.plotting import gallery_selection

PAGE = Path("report/index.html")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make report [REV=revision]", description=__doc__)
    parser.add_argument("--rev", metavar="REVISION", help="a commit, branch or tag to compare with")
    revision = parser.parse_args().rev

    metrics = results.evaluated()
    counts = {f"images.{name}": int for name in ("total", *results.SPLITS)}
    images = io.read_json("metrics/prepare.json", counts)["images"]
    splits = results.Table("plots/splits.csv", ("model", "split"), ("accuracy", "accuracy_low", "accuracy_high"))
    of_class = ("support", "accuracy", "accuracy_low", "accuracy_high", "precision", "f1")
    per_class = results.Table("plots/per_class.csv", ("model", "class"), of_class)
    classes = list(metrics["train_tl"]["classes"])
    changed, left_out = changes.compared(revision) if revision else ([], [])
    settings = params_file.load()
    shown = settings.evaluate.gallery_class
    if shown == gallery_selection.WORST:
        shown = metrics.classes_worst_first(pd.DataFrame([per_class[metrics["selected"], name] for name in classes]))[0]
    with tempfile.TemporaryDirectory() as temporary:
        charts, pictures = drawings.drawn(revision, Path(temporary), shown)

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("page.html.j2").render(
        title="Image classification report",
        subtitle=f"{images['total']} images of {len(classes)} classes: "
        + ", ".join(f"{images[split]} {split}" for split in results.SPLITS)
        + f". {results.state()}",
        stale=results.stale(json.loads(answer(sys.executable, "-m", "dvc", "status", "--json"))),
        tests=images["test"],
        models=list(MODELS.values()),
        headline=words.headline(metrics, splits),
        selected_because=named(metrics["selected_because"]),
        verdict=named(metrics["comparison"]["verdict"]),
        sides=io.read_csv("plots/changed_sides.csv", ("path", "actual", *MODELS)).itertuples(index=False, name=None),
        selected=MODELS[metrics["selected"]],
        mistaken=words.mistakes(changes.predictions_here(), metrics["selected"]),
        leakage=" ".join(words.leakage(metrics)),
        revision=revision,
        changes=changed,
        left_out=left_out,
        classes=[words.class_row(name, per_class) for name in classes],
        charts=charts,
        charts_of=drawings.CHARTS,
        pictures=pictures,
        pictures_of=drawings.PICTURES,
        parameters=words.flat(settings.model_dump()),
    )
    io.write_text(PAGE, page)
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    command.run(main)
