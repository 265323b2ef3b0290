"""Nasty names of classes and files, from `make dataset` to `make verify`: each works, or is refused by a sentence."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from markupsafe import escape
from PIL import Image

from runs import ROOT, STAGES, dvc, run, run_forked, run_stage, write_params
from transfer.common import io

pytestmark = pytest.mark.xdist_group("names")

# Each has a meaning for a shell, Make, CSV, YAML, HTML, a template, a chart, pandas or a font, or looks like a value.
CLASSES = [
    *("it's", 'say "a"', "$HOME", "100%", "#1", "a & b", "a; touch x", "back\\slash", "-rf", "a, b", "a|b", "`id`"),
    *("<script>alert(1)", "{{ 7 * 7 }}", "{label}", "$x$", "a:b", "*", "[a]", "~", "(a)", "=1+1", "x" * 200),
    *(
        "café",
        "\N{BOTTLE WITH POPPING CORK}",
        "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}",
        "\N{CJK UNIFIED IDEOGRAPH-65E5}",
    ),
    *("null", "007", "NA", "nan", "True", "1e3", "2001-02-03", "no", "a.b", "worst"),
    # Blanks at the ends, a split, escapes, devices of Windows, invisible letters, letters that turn the writing round.
    *("blank at the end ", " blank before", "train", "%41%2F%00", "CON", "aux.", "--"),
    *("right\N{RIGHT-TO-LEFT OVERRIDE}left", "zero\N{ZERO WIDTH SPACE}width"),
]
FILES = [*CLASSES[:23], "cafe\N{COMBINING ACUTE ACCENT}", " blanks ", "train", "two  blanks", "%2F", "CON", "y" * 240]
IMAGES = 10
TINY = {"batch_size": 64, "augment__views": 1, "train_tl__epochs": 1, "finetune__epochs": 1}
TINY |= {"finetune__frozen_layers": [150], "finetune__warmup_epochs": 0}


def draw(path, seed):
    """Write an image that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)).save(path, "PNG")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of class folders, and beside it a file of groups."""
    folder = tmp_path_factory.mktemp("names") / 'my "photographs" & $more'
    for number, label in enumerate(CLASSES):
        for image in range(IMAGES):
            file = FILES[(number * IMAGES + image) % len(FILES)]
            draw(folder / label / f"{file}.png", seed=number * IMAGES + image)
    paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    with (folder.parent / "groups, '1'.csv").open("w", newline="", encoding="utf-8") as file:
        # The first two images of each class are one group, which has the name of the class.
        rows = [(path, path.partition("/")[0]) for number, path in enumerate(paths) if number % IMAGES < 2]
        csv.writer(file).writerows([("path", "group"), *rows])
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory, photographs):
    """A clone with these images, made as a user does, in which all stages have run; its results are committed."""
    folder = tmp_path_factory.mktemp("nasty") / "project"
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(folder))
    for path in (folder / "weights").glob("*.dvc"):
        path.unlink()
    write_params(folder, **TINY)
    run(folder, "git", "commit", "--all", "--quiet", "--message", "parameters")
    groups = str(photographs.parent / "groups, '1'.csv")
    run(folder, "python", "-m", "commands.dataset", str(photographs), "--groups", groups)
    write_params(folder, **TINY)
    (folder / "weights").mkdir(exist_ok=True)
    for stage in STAGES:
        done = run_stage(stage, folder)
        assert (done.returncode, done.stderr) == (0, ""), stage
    dvc(folder, "commit", "--quiet", "--force")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "results")
    return folder


def test_every_class_and_file_is_in_the_dataset_and_groups_stay_together(project, photographs):
    made = {path.relative_to(project / "dataset_images") for path in (project / "dataset_images").rglob("*.png")}
    assert {Path(*path.parts[1:]) for path in made} == {
        path.relative_to(photographs) for path in photographs.rglob("*.png")
    }
    split_of = {Path(*path.parts[1:]).as_posix(): path.parts[0] for path in made}
    with (photographs.parent / "groups, '1'.csv").open(newline="", encoding="utf-8") as file:
        groups = pd.DataFrame(csv.DictReader(file))
    splits = groups["path"].map(split_of).groupby(groups["group"]).nunique()
    assert splits.to_dict() == dict.fromkeys(CLASSES, 1)


def test_every_result_has_the_classes_by_their_names(project):
    metrics = json.loads((project / "metrics/evaluate.json").read_text(encoding="utf-8"))
    assert list(metrics["finetune"]["classes"]) == sorted(CLASSES)
    for name, column in (("plots/dataset.csv", "class"), ("plots/per_class.csv", "class")):
        assert set(io.read_csv(project / name, (column,))[column]) == set(CLASSES)
    predictions = io.read_csv(project / "plots/predictions.csv", ("path", "actual", "predicted"))
    assert set(predictions["actual"]) == set(CLASSES) >= set(predictions["predicted"])
    assert all(
        path.split("/")[1] == label for path, label in zip(predictions["path"], predictions["actual"], strict=True)
    )
    done = run_forked(project, "-m", "commands.summary")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"{label}, " in done.stdout for label in CLASSES if len(label) < 30)


def test_the_report_shows_the_names_as_text(project):
    done = run_forked(project, "-m", "commands.report", "--rev", "HEAD")
    assert (done.returncode, done.stderr) == (0, "")
    page = (project / "report/index.html").read_text(encoding="utf-8")
    for label in CLASSES:
        assert re.search(rf'<th scope="row">(<bdi[^>]*>)?{re.escape(escape(label))}(</bdi>)?</th>', page), label
    assert "<script" not in page


def test_an_export_lists_the_names(project):
    done = run_forked(project, "-m", "commands.export", "export folder")
    assert done.returncode == 0, done.stderr
    listed = (project / "export folder/labels.txt").read_text(encoding="utf-8").split("\n")
    assert listed == [*sorted(CLASSES), ""]
    described = json.loads((project / "export folder/model.json").read_text(encoding="utf-8"))
    assert described["classes"] == sorted(CLASSES)
    # Each class has a row in two tables of the model card: its results, and its images.
    tokens = (
        MarkdownIt("commonmark")
        .enable("table")
        .parse((project / "export folder/MODEL_CARD.md").read_text(encoding="utf-8"))
    )
    starts = [number for number, token in enumerate(tokens) if token.type == "tr_open"]
    # The cell after the beginning of a row and of its first cell; other cells hold values, and one may be `null` too.
    first = ["".join(child.content for child in tokens[number + 2].children) for number in starts]
    # A cell has no blanks at its ends.
    assert [label for label in CLASSES if first.count(label.strip()) != 2] == []
    assert "html_block" not in {token.type for token in tokens}


def test_predictions_are_of_every_file_under_its_name(project, photographs):
    done = run_forked(project, "predict.py", str(photographs), "--output", "the table.csv")
    assert (done.returncode, done.stderr) == (0, "")
    with (project / "the table.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["path", "predicted", "probability", *(f"p_{label}" for label in sorted(CLASSES))]
    assert {row[0] for row in rows} == {str(path) for path in photographs.rglob("*.png")}
    assert {row[1] for row in rows} <= set(CLASSES)


def test_the_commit_is_reproduced(project):
    done = run_forked(project, "-m", "commands.verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("is reproduced, byte for byte.\n")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    dvc(folder, "init", "--quiet")
    write_params(folder)
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "empty")
    return folder


@pytest.mark.parametrize("where", ["class", "file"])
@pytest.mark.parametrize("name", [b"two\nlines", b"a\rb", b"a\tb", b"\x1b[31mred", b"latin \xe9"])
def test_names_that_are_no_text_of_one_line_are_refused(repository, tmp_path, name, where):
    source = os.fsencode(tmp_path / "photographs")
    for label in (b"a", b"b"):
        for image in range(IMAGES):
            draw(Path(os.fsdecode(source + b"/" + label + b"/%d.png" % image)), seed=ord(label) * IMAGES + image)
    before, after = (b"/a", b"/" + name) if where == "class" else (b"/a/1.png", b"/a/" + name + b".png")
    os.rename(source + before, source + after)  # noqa: PTH104 - bytes that are not text
    command = [sys.executable, "-m", "commands.dataset", str(tmp_path / "photographs")]
    done = subprocess.run(command, cwd=repository, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    for line in done.stderr.decode().splitlines():
        assert " has " in line or " name" in line, line
    assert not (repository / "dataset_images").exists() and not (repository / "dataset_images.dvc").exists()
