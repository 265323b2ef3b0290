"""The reference pages: complete, and as the code has them."""

import json
import re

import pytest

from commands.reference import __main__ as reference
from commands.reference import command_page, file_pages, parameter_page
from provenance import data_are_the_sample, of_the_sample
from runs import ROOT
from transfer import params_file
from transfer.interface.errors import UserErrors


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def changed_project(tmp_path, monkeypatch):
    """A copy of what the pages are made from, to be changed."""
    for name in ("dvc.yaml", "params.yaml", "Makefile"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in ("metrics", "plots"):
        (tmp_path / name).mkdir()
        for path in sorted((ROOT / name).rglob("*")):
            target = tmp_path / path.relative_to(ROOT)
            target.mkdir(exist_ok=True) if path.is_dir() else target.write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_committed_pages_are_those_that_the_code_gives(name):
    if name == "parameters.md" and not data_are_the_sample():
        pytest.skip("the page has the sample's parameters, and dataset_images.dvc is not the sample")
    assert (ROOT / "docs" / "reference" / name).read_text() == reference.PAGES[name](), "run `make docs`"


@of_the_sample
def test_every_parameter_is_listed():
    page = parameter_page.page()
    values = params_file.load().model_dump()
    keys = [key for key, _, _ in parameter_page.leaves(values)]
    assert {"seed", "data.split.train", "finetune.early_stopping.patience", "evaluate.near_duplicate"} <= set(keys)
    for key in keys:
        assert page.count(f"| `{key}` |") == 1, key


def test_every_stage_and_every_out_is_listed():
    page = file_pages.files()
    for stage, outs in file_pages.pipeline_outs().items():
        assert f"\n## {stage}\n" in page
        assert all(f"`{out}" in page for out in outs)


def test_a_parameter_without_a_comment_is_an_error(changed_project):
    path = changed_project / "params.yaml"
    path.write_text(re.sub(r"^(seed: \d+) +#.*", r"\1", path.read_text(), flags=re.MULTILINE))
    with pytest.raises(UserErrors, match="seed has no comment"):
        parameter_page.page()


def test_a_metric_that_is_not_described_is_an_error(changed_project):
    path = changed_project / "metrics" / "prepare.json"
    path.write_text(path.read_text().replace('"classes":', '"brand_new": 1, "classes":'))
    with pytest.raises(UserErrors, match="the key brand_new is not described"):
        file_pages.metrics()


def test_a_metric_that_no_stage_writes_any_more_is_an_error(changed_project):
    path = changed_project / "metrics" / "prepare.json"
    path.write_text(re.sub(r'"classes": \d+,', "", path.read_text()))
    with pytest.raises(UserErrors, match="the key classes is described but does not exist"):
        file_pages.metrics()


def test_a_new_column_is_an_error(changed_project):
    path = changed_project / "plots" / "per_class.csv"
    path.write_text(path.read_text().replace("model,class", "model,brand_new,class", 1))
    with pytest.raises(UserErrors, match="the column brand_new is not described"):
        file_pages.files()


def test_a_new_file_is_an_error(changed_project):
    (changed_project / "plots" / "evaluate" / "brand_new.csv").write_text("a,b\n")
    with pytest.raises(UserErrors, match=r"plots/evaluate/brand_new\.csv is not described"):
        file_pages.files()


def test_a_new_out_is_an_error(changed_project):
    path = changed_project / "dvc.yaml"
    path.write_text(
        path.read_text().replace("      - prepared\n      - results", "      - prepared\n      - new\n      - results")
    )
    with pytest.raises(UserErrors, match="The out new is not described"):
        file_pages.files()


def test_a_target_without_help_is_an_error(changed_project):
    path = changed_project / "Makefile"
    path.write_text(path.read_text().replace(".PHONY: help", ".PHONY: help brand-new"))
    with pytest.raises(UserErrors, match="the target brand-new is not in `make help`"):
        command_page.page()


def test_metric_keys_have_placeholders_for_names(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(
        '{"train_tl": {"accuracy": 1, "classes": {"a.b": {"f1": 1}}}, "rounds": {"2": {"gap": 1}}, '
        '"near_duplicates": {"without": {"finetune": {"accuracy": 1}}}, "shares": {"test": 1}}'
    )
    assert file_pages.metric_keys(path) == {
        "<model>.accuracy",
        "<model>.classes.<class>.f1",
        "rounds.<round>.gap",
        "near_duplicates.without.<model>.accuracy",
        "shares.<split>",
    }


def test_a_section_that_is_null_in_a_run_stays_described(changed_project):
    path = changed_project / "metrics" / "evaluate.json"
    metrics = json.loads(path.read_text())
    metrics["near_duplicates"]["validation_in_train"] = None
    metrics["train_tl"]["classes"] = metrics["finetune"]["classes"] = {
        "a.b": metrics["finetune"]["classes"].popitem()[1]
    }
    path.write_text(json.dumps(metrics))
    assert "`near_duplicates.validation_in_train.of`" in file_pages.metrics()
    metrics["near_duplicates"]["without"]["train_tl"] = {"brand_new": None}
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserErrors, match=r"the key near_duplicates\.without\.<model>\.brand_new is not described"):
        file_pages.metrics()
