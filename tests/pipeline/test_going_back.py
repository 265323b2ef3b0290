"""Going back to a version of the sample: data, models and metrics are there in seconds, and nothing is computed."""

import json
import shutil
import time

import pytest

from runs import dvc, ran, run

pytestmark = pytest.mark.xdist_group("clone")
OUTS = ("dataset_images", "prepared", "features", "models")
# Seconds in which a person who has a question about an earlier version still waits.
LIMIT = 10


@pytest.fixture(scope="module")
def versions(clone, tmp_path_factory):
    """A clone with two versions, the tags v1 and v2: of the data, of every out and of the metrics."""
    folder = shutil.copytree(clone, tmp_path_factory.mktemp("versions") / "project", symlinks=True)
    run(folder, "git", "tag", "v1")
    for name in ("backbone", "fine-tuned", "dataset"):
        run(folder, "git", "tag", "--annotate", f"{name}@v1.0.0", "--message", f"The first version of {name}")
    for image in sorted((folder / "dataset_images/train/glass").iterdir())[:12]:
        image.unlink()
    for path in ("prepared/resize.json", "features/note.txt", "models/finetune/model.json"):
        # DVC links files into the cache, so they are replaced and not changed.
        (folder / path).unlink(missing_ok=True)
        (folder / path).write_text('{"version": 2}\n')
    metrics = json.loads((folder / "metrics/evaluate.json").read_text())
    (folder / "metrics/evaluate.json").write_text(json.dumps(metrics | {"version": 2}))
    predictions = (folder / "plots/predictions.csv").read_text().splitlines(keepends=True)
    # One image less in the test split, for both models.
    image = predictions[1].split(",")[1]
    (folder / "plots/predictions.csv").write_text("".join(line for line in predictions if f",{image}," not in line))
    counts = (folder / "plots/dataset.csv").read_text()
    (folder / "plots/dataset.csv").write_text(counts.replace("train,glass,160", "train,glass,148"))
    # As if the pipeline had run.
    dvc(folder, "commit", "--quiet", "--force")
    run(folder, "git", "commit", "--quiet", "--all", "--message", "Version 2")
    run(folder, "git", "tag", "v2")
    run(folder, "git", "tag", "--annotate", "fine-tuned@v1.1.0", "--message", "The second version of fine-tuned")
    return folder


def files(folder, *names):
    """The content of each file below these folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in names
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("present", [True, False], ids=["from-version-2", "without-any-out"])
def test_going_back_takes_seconds_and_computes_nothing(clone, versions, present):
    run(versions, "git", "checkout", "--quiet", "v2")
    dvc(versions, "checkout", "--quiet")
    assert json.loads((versions / "metrics/evaluate.json").read_text())["version"] == 2
    if not present:
        for name in OUTS:
            shutil.rmtree(versions / name)
    start = time.monotonic()
    run(versions, "git", "checkout", "--quiet", "v1")
    dvc(versions, "checkout", "--quiet")
    assert time.monotonic() - start < LIMIT
    names = (*OUTS, "metrics", "plots")
    assert files(versions, *names) == files(clone, *names)
    assert ran(dvc(versions, "repro")) == []
    assert run(versions, "git", "status", "--porcelain") == ""


def test_only_the_data_of_a_version(versions):
    run(versions, "git", "checkout", "--quiet", "v2")
    dvc(versions, "checkout", "--quiet")
    assert len(list((versions / "dataset_images/train/glass").iterdir())) == 148
    run(versions, "git", "checkout", "v1", "--", "dataset_images.dvc")
    dvc(versions, "checkout", "--quiet", "dataset_images.dvc")
    assert len(list((versions / "dataset_images/train/glass").iterdir())) == 160
    assert "dataset_images" in json.dumps(json.loads(dvc(versions, "status", "--json"))["prepare"])
    run(versions, "git", "reset", "--hard", "--quiet")


def test_versions_of_other_data_are_compared(versions):
    run(versions, "git", "checkout", "--quiet", "v2")
    dvc(versions, "checkout", "--quiet")
    run(versions, "python", "-m", "commands.report", "--rev", "v1", "--format", "md")
    text = (versions / "report/report.md").read_text(encoding="utf-8")
    assert text.startswith("## The same predictions as v1\n")
    assert "12 removed" in text and "160 → 148" in text
    assert "(1 removed, 0 added)" in text and "The test split changed." in text


def test_another_project_gets_a_version_of_a_model_or_of_the_data(clone, versions, tmp_path):
    url = str(versions)
    dvc(tmp_path, "artifacts", "get", url, "fine-tuned", "--rev", "v1.0.0", "--out", "models/finetune")
    dvc(tmp_path, "artifacts", "get", url, "fine-tuned", "--out", "latest")
    dvc(tmp_path, "artifacts", "get", url, "dataset")
    assert files(tmp_path, "models/finetune") == files(clone, "models/finetune")
    assert files(tmp_path, "dataset_images") == files(clone, "dataset_images") != {}
    assert json.loads((tmp_path / "latest/model.json").read_text()) == {"version": 2}
    dvc(tmp_path, "artifacts", "get", url, "fine-tuned", "--rev", "v9.0.0", "--out", "nothing", status=1)
    assert not (tmp_path / "nothing").exists()
