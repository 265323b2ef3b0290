"""Reading the results of the last run, and the warning about stale results."""

import json
import re
import shutil
from pathlib import Path

import pytest

from commands import results
from commands.formatting import sentences
from transfer.interface.errors import UserError


def test_missing_files_do_not_make_results_stale():
    absent = {"prepare": [{"changed deps": {"dataset_images": "deleted"}}, {"changed outs": {"a": "not in cache"}}]}
    absent |= {"features": [{"changed deps": {"weights": "modified"}}]}
    warning = results.stale_warning(absent)
    assert warning.startswith("These results are older") and "names features." in warning
    # A folder is modified if a file in it is absent.
    absent |= {"weights/some.h5.dvc": [{"changed outs": {"weights/some.h5": "not in cache"}}]}
    assert results.stale_warning({}) == results.stale_warning(absent) == ""
    changed = absent | {"evaluate": [{"changed deps": {"params.yaml": {"evaluate.x": "modified"}}}]}
    assert results.stale_warning(changed) == (
        "These results are older than the data, code or parameters in the workspace: `dvc status` names evaluate. "
        "Run `dvc repro` to update them."
    )
    assert "names train_tl." in results.stale_warning({"train_tl": ["changed checksum"]})


def test_results_that_dvc_lock_does_not_record_are_told_from_stale_ones():
    outs = {"evaluate": [{"changed outs": {"metrics/evaluate.json": "modified"}}]}
    sentence = (
        "dvc.lock records other results than the workspace has: `dvc status` names evaluate. Run `dvc repro`, and "
        "commit dvc.lock, metrics/ and plots/ together."
    )
    assert results.stale_warning(outs) == sentence
    both = outs | {"prepare": [{"changed deps": {"dataset_images": "modified"}}]}
    assert "names prepare. Run `dvc repro` to update them. dvc.lock records" in results.stale_warning(both)
    # A stage whose inputs changed is stale anyway.
    stale = {"evaluate": [*outs["evaluate"], {"changed deps": {"features": "modified"}}]}
    assert "dvc.lock" not in results.stale_warning(stale)


def test_other_data_are_noticed_where_the_data_are_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert results.stages_of_other_data() == []
    stages = {
        "prepare": {"deps": [{"path": "dataset_images", "md5": "a.dir"}, {"path": "stages/prepare.py", "md5": "b"}]},
        "features": {"deps": [{"path": "prepared", "md5": "c.dir"}]},
    }
    Path("dvc.lock").write_text(json.dumps({"stages": stages}))
    for digest, names in (("a.dir", []), ("d.dir", ["prepare"])):
        Path("dataset_images.dvc").write_text(json.dumps({"outs": [{"path": "dataset_images", "md5": digest}]}))
        assert results.stages_of_other_data() == names
    absent = {"prepare": [{"changed deps": {"dataset_images": "deleted"}}]}
    assert "names prepare. Run `dvc repro`" in results.stale_warning(absent, ["prepare"])
    Path("dvc.lock").write_text("<<<<<<< HEAD\n")
    assert results.stages_of_other_data() == []


@pytest.fixture
def copy(clone, tmp_path, monkeypatch):
    """The metrics and plots of a clone, copied to a folder that is the working folder."""
    for name in ("metrics", "plots"):
        shutil.copytree(clone / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.xdist_group("clone")
@pytest.mark.parametrize("name", [*results.REQUIRED_KEYS])
def test_the_error_of_a_missing_metric_names_it(copy, name):
    optional = name.endswith("mean_without_two_worst")
    metrics = json.loads(Path(results.METRICS).read_text())
    *outer, last = name.split(".")
    section = metrics
    for key in outer:
        section = section[key]
    del section[last]
    Path(results.METRICS).write_text(json.dumps(metrics))
    if optional:
        assert results.load_metrics()
    else:
        message = rf"^metrics/evaluate\.json has no usable value for {re.escape(name)}: restore it"
        with pytest.raises(UserError, match=message):
            results.load_metrics()


@pytest.mark.xdist_group("clone")
def test_the_error_of_a_damaged_cross_validation_names_the_value_or_the_class(copy):
    path = Path(results.CROSS_VALIDATION)
    metrics = json.loads(path.read_text())
    assert results.load_cross_validation() == metrics
    name = next(iter(metrics["classes"]))
    damaged = [
        (metrics | {"estimates": None}, "value for estimates"),
        (metrics | {"classes": metrics["classes"] | {name: {"accuracy": 0.5}}}, f"values for the class {name}"),
        (metrics | {"classes": metrics["classes"] | {name: None}}, f"values for the class {name}"),
        (metrics | {"classes": metrics["classes"] | {"a.b": metrics["classes"][name]}}, "values for the class a.b"),
    ]
    for content, subject in damaged:
        path.write_text(json.dumps(content))
        with pytest.raises(UserError, match=rf"^metrics/cross_validation\.json has no usable {subject}: restore it"):
            results.load_cross_validation()
    # Too few images for a learning curve
    gains = {key: None if key.startswith("gain") else value for key, value in metrics["learning_curve"].items()}
    path.write_text(json.dumps(metrics | {"learning_curve": gains}))
    assert results.load_cross_validation()["learning_curve"]["gain"] is None


@pytest.mark.xdist_group("clone")
def test_metrics_without_a_search_of_validation_are_accepted(copy):
    metrics = json.loads(Path(results.METRICS).read_text())
    metrics["near_duplicates"].pop("validation_in_train", None)
    Path(results.METRICS).write_text(json.dumps(metrics))
    assert sentences.leakage(results.load_metrics())
    metrics["near_duplicates"] |= {"validation_in_train": {"images": 0}}
    Path(results.METRICS).write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"has no usable value for near_duplicates\.validation_in_train\.of:"):
        results.load_metrics()
    metrics["near_duplicates"] |= {"validation_in_train": None}
    del metrics["near_duplicates"]["without"]["train_tl"]["accuracy"]
    Path(results.METRICS).write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"has no usable value for near_duplicates\.without\.train_tl\.accuracy:"):
        results.load_metrics()


def test_the_error_of_a_table_names_the_missing_row_or_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("splits.csv")

    def splits():
        return results.Table("splits.csv", ("model", "split"), ("accuracy",))

    path.write_text("model,split,accuracy\nfinetune,test,0.5\n")
    assert splits()["finetune", "test"]["accuracy"] == 0.5
    message = r"^splits\.csv has no row for train_tl and validation: make it again with `dvc repro`\.$"
    with pytest.raises(UserError, match=message):
        splits()["train_tl", "validation"]
    for text in ("model,split\nfinetune,test\n", "model,split,accuracy\nfinetune,test,much\n"):
        path.write_text(text)
        with pytest.raises(UserError, match=r"^splits\.csv has no column accuracy with numbers: make it again"):
            splits()
