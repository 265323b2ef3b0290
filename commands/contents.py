"""What the report and the comment of a pull request have in common: the results of a run, and their comparison."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pandas as pd

from commands import results
from commands.comparison import changes, history, label_doubts, leaks, model_changes, verdict
from commands.comparison import revision as revisions
from commands.formatting import names, sentences
from commands.formatting.tables import LONG, Rows, table
from commands.programs import output_of
from commands.summary import MODELS, points_wide, readable
from transfer.common import io
from transfer.evaluation.metrics import classes_worst_first
from transfer.interface.progress import progress_bar
from transfer.loading.prepared import SPLITS

# How many classes a table begins with, where there are many.
FIRST_CLASSES = 10


def collect(revision: str | None, **tasks: Callable[[], Any]) -> dict[str, Any]:
    """The results of the workspace, by the names that the templates use.

    Args:
        revision: what to compare with.
        tasks: run at the same time; what each returns is under its name.

    Raises:
        UserError: results of the workspace are missing or cannot be used.
    """
    metrics, cross_validation = results.load_metrics(), results.load_cross_validation()
    classes = list(metrics["train_tl"]["classes"])
    per_class = results.Table(
        "plots/per_class.csv", ("model", "class"), ("support", *results.INTERVAL, "precision", "f1")
    )
    images = io.read_json("metrics/prepare.json", {f"images.{name}": int for name in ("total", *SPLITS)})["images"]
    tasks["status"] = lambda: json.loads(output_of(sys.executable, "-m", "dvc", "status", "--json", quiet=True))
    if revision:
        tasks |= {
            "changes": lambda: changes.since(revision, metrics, cross_validation),
            "history": lambda: history.since(revision),
        }
    collected = together(tasks)
    compared = collected.get("changes")
    if compared and compared.verdict.predictions_changed and collected["history"].unchanged:
        compared.verdict.sentences.append(history.UNEXPLAINED)
    return collected | {
        "subtitle": f"{images['total']} images of {len(classes)} classes: "
        + ", ".join(f"{images[split]} {split}" for split in SPLITS)
        + f". {results.workspace_state()}",
        "stale": results.stale_warning(collected["status"], results.stages_of_other_data()),
        "revision": revision,
        "compared_with": names.inline(revisions.describe(revision)) if revision else None,
        "verdict": compared.verdict if compared else verdict.of_run(metrics, cross_validation),
        "changes": compared,
        "history": collected.get("history"),
        **(what_changed(revision, collected["history"]) if revision else {}),
        "p_explained": model_changes.P_EXPLAINED,
        "metrics": metrics,
        "cross_validation": cross_validation,
        "recipe": sentences.recipe(cross_validation),
        "selected_because": readable(metrics["selected_because"]),
        "headline": headline(metrics, images["test"]),
        "classes": classes,
        "per_class": per_class,
        "class_tables": class_tables(classes, per_class, metrics["selected"]),
    }


def together(tasks: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each task returns. They run at the same time, because most of it is waiting for DVC and Git."""
    with ThreadPoolExecutor() as pool:
        futures = {pool.submit(task): name for name, task in tasks.items()}
        finished = progress_bar(as_completed(futures), "Reading results", len(futures), unit="step")
        return {futures[future]: future.result() for future in finished}


def what_changed(revision: str, changed: history.History) -> dict[str, Any]:
    """A line for each kind of change, and the tables behind these lines."""
    sections = {"Near-duplicates": leaks.since(revision, changed.renamed), "Label doubts": label_doubts.since(revision)}
    lines = [(name, section.summary) for name, section in sections.items() if section]
    tables = [section.table for section in sections.values() if section and section.table]
    parameters_and_data, code_and_commits = changed.summary[:2], changed.summary[2:]
    return {
        "what_changed": parameters_and_data + lines + code_and_commits,
        "tables_of_changes": changed.tables + tables,
    }


def headline(metrics: dict[str, Any], test_images: int) -> Rows:
    """The table of both models' figures."""
    splits = results.Table("plots/evaluate/splits.csv", ("model", "split"), results.INTERVAL)
    caption = (
        f"One test split of {test_images} images; 95 % Wilson intervals in brackets, that of the selected model "
        f"{points_wide(metrics[metrics['selected']])}"
    )
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
