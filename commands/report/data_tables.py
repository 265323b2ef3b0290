"""The tables on the data and on the last sweep.

They say what more images would give, whose labels are doubtful, where features come from, and which recipes were tried.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from commands.comparison import label_doubts
from commands.formatting.sentences import percent_with_interval
from commands.formatting.tables import Rows, table
from commands.sweep import table as sweep_table
from transfer.common import io
from transfer.cross_validation import learning_curve
from transfer.cross_validation.scores import COLUMNS
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.loading import features
from transfer.loading.prepared import SPLITS

# The tables that name every image, by its pixels.
PATHS = {"plots/cross_validation/predictions.csv": COLUMNS, "plots/predictions.csv": PREDICTION_COLUMNS}


def gains(cross_validation: Mapping[str, Any]) -> Rows:
    """A row for each class: its cross-validated accuracy, its images, and what more of them would give.

    Args:
        cross_validation: metrics/cross_validation.json.
    """
    curve, classes = cross_validation["learning_curve"], cross_validation["classes"]

    def cells(scores: Mapping[str, Any], gain: Mapping[str, Any]) -> list[str]:
        points = "–" if gain["gain"] is None else learning_curve.points(gain)
        return [percent_with_interval(scores), str(scores["images"]), points]

    rows = [["all classes", *cells(cross_validation, curve)]]
    rows += [[name, *cells(of_class, curve["classes"][name])] for name, of_class in classes.items()]
    columns = ("Class", "Cross-validated accuracy", "Images", f"{curve['more_images']} more would give")
    return table("Accuracy by cross-validation, and what more images would give, with 95 % intervals", columns, rows)


def doubtful_labels() -> Rows:
    """The training and validation images whose label is in doubt, the most doubtful first."""
    doubts = io.read_csv(label_doubts.PATH, label_doubts.TEXT)
    cells = doubts[["path", "label", "suggested", "score"]].itertuples(index=False, name=None)
    caption = f"The {len(doubts)} labels in doubt among training and validation images, the most doubtful first"
    return table(caption, label_doubts.COLUMNS, cells)


def processors() -> list[Rows]:
    """The number of images whose features each kind of processor computed, and the images of the rarer kinds.

    Nothing where one kind computed all features, and in a clone without features/.
    """
    if not (features.FOLDER / features.INDEX).exists():
        return []
    index = io.read_csv(features.FOLDER / features.INDEX, features.COLUMNS)
    kinds = index["processor"].value_counts()
    if len(kinds) < 2:
        return []
    counts = pd.crosstab(index["processor"], index["split"]).reindex(index=kinds.index, columns=SPLITS, fill_value=0)
    paths = pd.concat(io.read_csv(file, columns)[["pixels", "path"]] for file, columns in PATHS.items())
    others = index[index["processor"] != kinds.index[0]].merge(paths.drop_duplicates("pixels"), "left", "pixels")
    return [
        table(
            "Images by the kind of processor that computed their features; the last bits differ between kinds",
            ("Images", *SPLITS, "Processor"),
            [(sum(numbers), *numbers, kind) for kind, *numbers in counts.itertuples(name=None)],
        ),
        table(
            "The images whose features come from another kind of processor than those of most images",
            ("Image", "Processor"),
            others[["path", "processor"]].fillna("–").itertuples(index=False, name=None),
        ),
    ]


def sweep() -> dict[str, Any] | None:
    """The `table` of the last sweep and its `notes`; None if there was none."""
    recipes = sweep_table.read()
    if recipes is None or recipes.empty:
        return None
    start = f"The recipes of the last sweep. Its experiments start from the commit {recipes['commit'][0][:7]}."
    return {"table": sweep_table.for_people(recipes), "notes": [start, *sweep_table.notes(recipes)]}
