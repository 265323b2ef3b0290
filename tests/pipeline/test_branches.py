"""The pipeline under Git and DVC: what a new key reruns, and what two branches do when they are merged.

The stages' scripts are stubs (see `stubs`), so that a run takes no time.
"""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import stubs
from runs import dvc, ran, run

pytestmark = pytest.mark.xdist_group("branches")
# The stages that read each section whole. What several stages share is listed key by key.
READERS = {
    "data": ["prepare"],
    "backbone": ["features"],
    "train_tl": ["train_tl", "cross_validate"],
    "finetune": ["finetune"],
}
READERS |= {"evaluate": ["evaluate"], "augment": []}
SCHEMAS = {
    "data": ("dataset", "DataParams"),
    "backbone": ("models", "BackboneParams"),
    "augment": ("loading", "AugmentParams"),
    "train_tl": ("training", "TrainTlParams"),
    "finetune": ("training", "FinetuneParams"),
    "evaluate": ("evaluation", "EvaluateParams"),
}
DRIVERS = {
    "merge.dvc-lock.driver": f"{sys.executable} -m commands.merge_lock %O %A %B",
    "merge.generated.driver": "true",
}


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    return stubs.make_project(tmp_path_factory.mktemp("branches") / "project")


@pytest.fixture
def project(committed, tmp_path):
    """A copy of the clone, to be changed."""
    folder = tmp_path / "project"
    shutil.copytree(committed, folder, symlinks=True)
    return folder


def set_parameter(folder, section, key, value):
    """Change a parameter as a person would: its line alone, or a new line if the section has no such key."""
    path = folder / "params.yaml"
    before, header, after = path.read_text().partition(f"\n{section}:\n")
    if re.search(rf"^  {key}: ", after, re.MULTILINE):
        after = re.sub(rf"^  {key}: \S+", f"  {key}: {value}", after, count=1, flags=re.MULTILINE)
    else:
        after = f"  {key}: {value}\n{after}"
    path.write_text(before + header + after)


def commit_run(folder, message):
    """Run the pipeline, commit everything, and return the stages that ran."""
    stages = ran(dvc(folder, "repro"))
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", message)
    return stages


def branch(folder, name, section, key, value):
    """A branch from main on which one parameter is changed and the pipeline has run; returns the stages that ran."""
    run(folder, "git", "checkout", "--quiet", "-b", name, "main")
    dvc(folder, "checkout", "--quiet", "--force")
    set_parameter(folder, section, key, value)
    return commit_run(folder, f"change {section}.{key}")


def merge(folder, name, drivers=True):
    """Merge a branch into the current one; returns whether Git merged without a conflict."""
    for key, command in DRIVERS.items() if drivers else ():
        run(folder, "git", "config", key, command)
    run(folder, "git", "config", "user.name", "test")
    run(folder, "git", "config", "user.email", "test@localhost")
    done = subprocess.run(["git", "merge", "--quiet", "--no-edit", name], cwd=folder, capture_output=True, text=True)
    return done.returncode == 0


@pytest.mark.parametrize("section", READERS)
def test_a_new_key_reruns_only_the_stages_that_read_its_section(project, section):
    assert dvc(project, "status", "--json").strip() == "{}"
    room, schema = SCHEMAS[section]
    path = project / "transfer" / room / "params.py"
    text = path.read_text()
    before, head, after = text.partition(f"class {schema}(")
    first_line, rest = after.split("\n", 1)
    if rest.lstrip().startswith("candidates"):
        ignored, rest = rest.split("\n", 1)
        first_line += f"\n{ignored}"
    path.write_text(f"{before}{head}{first_line}\n    brand_new: int\n{rest}")
    set_parameter(project, section, "brand_new", 1)
    # The key is one that the check of the whole file accepts, and requires.
    load = "from transfer import params_file; print(params_file.load()." + section + ".brand_new)"
    assert run(project, "python", "-c", load) == "1\n"
    assert list(json.loads(dvc(project, "status", "--json"))) == READERS[section]


def test_a_changed_room_reruns_the_stages_that_list_it(project):
    path = project / "transfer" / "evaluation" / "metrics.py"
    path.write_text(path.read_text() + "# changed\n")
    # Neither a cache nor a stray file is code.
    (project / "transfer" / "common" / "notes.txt").write_text("not code")
    (project / "transfer" / "common" / "__pycache__").mkdir(exist_ok=True)
    (project / "transfer" / "common" / "__pycache__" / "io.pyc").write_bytes(b"cache")
    assert list(json.loads(dvc(project, "status", "--json"))) == ["cross_validate", "evaluate"]


def test_code_without_a_result_reruns_nothing(project):
    names = ("interface/errors.py", "interface/schema.py", "engine/ray_engine.py", "params_file.py", "command.py")
    for name in (*names, "training/params.py"):
        path = project / "transfer" / name
        path.write_text(path.read_text() + "# changed\n")
    assert dvc(project, "status", "--json").strip() == "{}"


def test_branches_that_change_different_stages_merge_and_only_what_is_new_runs(project):
    assert branch(project, "head", "train_tl", "dropout", 0.3) == ["train_tl", "cross_validate", "finetune", "evaluate"]
    assert branch(project, "gallery", "evaluate", "gallery_class", "glass") == ["evaluate"]
    assert merge(project, "head")
    dvc(project, "checkout", "--quiet", "--force")
    # Both trainings come from the branch that changed them; the evaluation of both changes is new.
    assert commit_run(project, "merged") == ["evaluate"]
    assert dvc(project, "status", "--json").strip() == "{}"
    params = yaml.safe_load((project / "params.yaml").read_text())
    assert (params["train_tl"]["dropout"], params["evaluate"]["gallery_class"]) == (0.3, "glass")
    # Nothing in the lock is a mixture: a run from scratch gives the same.
    merged = (project / "dvc.lock").read_text()
    dvc(project, "repro", "--force", "--quiet")
    assert (project / "dvc.lock").read_text() == merged


def test_branches_that_change_the_same_stage_are_a_conflict_that_two_commands_resolve(project):
    branch(project, "more", "train_tl", "dropout", 0.5)
    branch(project, "less", "train_tl", "dropout", 0.1)
    assert not merge(project, "more")
    conflicts = run(project, "git", "diff", "--name-only", "--diff-filter=U").split()
    assert conflicts == ["dvc.lock", "params.yaml"]
    # What a person decides: one of the values.
    run(project, "git", "checkout", "--theirs", "params.yaml")
    # The two commands of docs/how-to/merge-conflicts.md.
    run(project, "git", "checkout", "--ours", "dvc.lock", "metrics", "plots")
    # DVC's run-cache has what the branch ran with this value.
    assert ran(dvc(project, "repro")) == ["evaluate"]
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--no-edit")
    assert dvc(project, "status", "--json").strip() == "{}"
    assert yaml.safe_load((project / "params.yaml").read_text())["train_tl"]["dropout"] == 0.5


def test_without_the_drivers_the_same_two_commands_resolve_the_conflict(project):
    branch(project, "more", "train_tl", "dropout", 0.5)
    branch(project, "less", "finetune", "learning_rate", 0.1)
    assert not merge(project, "more", drivers=False)
    assert "dvc.lock" in run(project, "git", "diff", "--name-only", "--diff-filter=U").split()
    run(project, "git", "checkout", "--ours", "dvc.lock", "metrics", "plots")
    # Neither branch has run fine-tuning on the other's head.
    assert ran(dvc(project, "repro")) == ["finetune", "evaluate"]
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--no-edit")
    assert dvc(project, "status", "--json").strip() == "{}"
