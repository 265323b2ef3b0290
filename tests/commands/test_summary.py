"""The table that `make run` ends with: no bare accuracy, and in words whether the two models can be told apart."""

import json

import pytest

from runs import run_python

pytestmark = pytest.mark.xdist_group("project")


def test_the_table_gives_intervals_counts_and_the_verdict(project):
    done = run_python(project[0], "-m", "commands.summary")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((project[0] / "metrics/evaluate.json").read_text(encoding="utf-8"))
    for model in ("train_tl", "finetune"):
        for label, about in found[model]["classes"].items():
            [row] = [line for line in done.stdout.splitlines() if f" {label}, 2 images" in line]
            assert f"{about['accuracy']:.2f} ({about['accuracy_low']:.2f} to {about['accuracy_high']:.2f})" in row
    sentences = " ".join(done.stdout.split())
    for told in (found["comparison"]["verdict"], found["selected_because"]):
        told = told.replace("train_tl", "transfer learning").replace("finetune", "fine-tuned")
        assert told[:1].upper() + told[1:] in sentences
