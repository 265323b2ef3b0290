"""The table that `make run` prints: accuracies with intervals, and whether the models differ by more than chance."""

import json

import pytest

from runs import run_forked

pytestmark = pytest.mark.xdist_group("project")


def test_cross_validation_comes_first_and_the_table_gives_intervals_counts_and_the_verdict(project):
    done = run_forked(project[0], "-m", "commands.summary")
    assert (done.returncode, done.stderr) == (0, "")
    metrics = json.loads((project[0] / "metrics/evaluate.json").read_text(encoding="utf-8"))
    for model in ("train_tl", "finetune"):
        for label, of_class in metrics[model]["classes"].items():
            [row] = [line for line in done.stdout.splitlines() if f" {label}, 2 images" in line]
            low, high = of_class["accuracy_low"], of_class["accuracy_high"]
            assert f"{of_class['accuracy']:.2f} ({low:.2f} to {high:.2f})" in row
    printed = " ".join(done.stdout.split())
    recipe = json.loads((project[0] / "metrics/cross_validation.json").read_text(encoding="utf-8"))
    # The recipe comes first, with what its accuracy estimates; the test split is called what it is.
    assert printed.startswith(
        f"Cross-validated accuracy {recipe['accuracy']:.4f}, 95 % interval {recipe['accuracy_low']:.3f} to "
        f"{recipe['accuracy_high']:.3f}, by {recipe['repeats']} x {recipe['folds']} heads on {recipe['images']} "
        f"images. It estimates the {recipe['estimates']}. "
    )
    selected = metrics[metrics["selected"]]
    width = round(100 * (selected["accuracy_high"] - selected["accuracy_low"]))
    images = sum(of_class["support"] for of_class in selected["classes"].values())
    assert f"One test split of {images} images: an interval {width} points wide" in printed
    assert printed.index("It estimates") < printed.index("One test split") < printed.index("test accuracy")
    for sentence in (metrics["comparison"]["verdict"], metrics["selected_because"]):
        readable = sentence.replace("train_tl", "transfer learning").replace("finetune", "fine-tuned")
        assert readable[:1].upper() + readable[1:] in printed
