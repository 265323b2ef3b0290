"""dvc.yaml names all that the stages read: their code with everything it imports, and the parameters they use."""

import ast
import hashlib
import json
from functools import reduce
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = ["prepare", "features", "train_tl", "finetune", "evaluate"]
# Only checked there, so that a fault in it is told before the work and not after: no result depends on it.
CHECKED_EARLY = {("features", "finetune.frozen_layers")}


def imported(path):
    """The library's modules that a file imports, themselves or names out of them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "transfer":
            names = [alias.name for alias in node.names] if node.module == "transfer" else [node.module.split(".")[1]]
            yield from (ROOT / "transfer" / f"{name}.py" for name in names)


def code_of(stage):
    found, todo = set(), [ROOT / "stages" / f"{stage}.py"]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imported(path)
    return {path.relative_to(ROOT).as_posix() for path in found}


def parameters_of(stage):
    """The dotted names that follow `settings.` in a stage's script."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "stages" / f"{stage}.py").read_text())):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id == "settings":
            names.add(".".join(part for part in reversed(parts) if part != "model_dump"))
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def test_the_stages_stand_in_order():
    assert list(PIPELINE["stages"]) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_the_code_it_runs_and_on_no_other(stage):
    listed = {path for path in PIPELINE["stages"][stage]["deps"] if path.endswith(".py")}
    assert listed == code_of(stage)


def covers(one, other):
    """Whether one dotted name is the other, or a section that one of them stands in."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_parameters_it_reads_and_no_others(stage):
    listed = set(PIPELINE["stages"][stage]["params"])
    used = {name for name in parameters_of(stage) if (stage, name) not in CHECKED_EARLY}
    assert {name for name in used if not any(covers(name, key) for key in listed)} == set()
    assert {key for key in listed if not any(covers(name, key) for name in used)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_recipe_of_30_to_80_lines(stage):
    assert 30 <= len((ROOT / "stages" / f"{stage}.py").read_text().splitlines()) <= 80


def digest(path):
    """As DVC has it."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_the_committed_results_are_of_the_committed_code_and_parameters():
    locked = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    assert list(locked) == STAGES
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    stale = []
    for stage, found in locked.items():
        assert {entry["path"] for entry in found["deps"]} == set(PIPELINE["stages"][stage]["deps"])
        code = {entry["path"]: entry["md5"] for entry in found["deps"] if entry["path"].endswith(".py")}
        stale += [path for path, md5 in code.items() if digest(ROOT / path) != md5]
        for key, value in found["params"]["params.yaml"].items():
            of_key = reduce(lambda place, name: place[name], key.split("."), params)
            stale += [key] if of_key != value else []
    assert not stale, "run `dvc repro`, and commit what it has changed"


def test_metrics_and_plots_live_in_git_and_the_rest_in_dvc():
    for stage in PIPELINE["stages"].values():
        for out in stage.get("outs", []) + stage.get("metrics", []):
            [(path, options)] = {out: {}}.items() if isinstance(out, str) else out.items()
            cached = options.get("cache", True)
            assert cached == (not path.startswith(("metrics/", "plots/"))), path


def test_the_readmes_figures_of_the_sample_are_those_of_the_committed_metrics():
    test, head, tuned = (
        json.loads((ROOT / f"metrics/{name}.json").read_text()) for name in ("evaluate", "train_tl", "finetune")
    )
    fits = {"transfer learning": ("train_tl", head), "fine-tuned, 54 of 154 layers frozen": ("finetune", tuned["kept"])}
    readme = (ROOT / "README.md").read_text()
    for told, (model, fit) in fits.items():
        accuracy, low, high = (test[model][name] for name in ("accuracy", "accuracy_low", "accuracy_high"))
        row = f"| {told} | {accuracy:.3f} | {low:.3f} to {high:.3f} | {fit['validation']['accuracy']:.3f} |"
        assert row in readme
