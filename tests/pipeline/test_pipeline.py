"""The whole pipeline as users run it: DVC on the embedded sample, in a clone of its own."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from PIL import Image

from provenance import of_the_sample
from runs import STAGES, dvc, ran, run
from transfer.common import dvcfile

pytestmark = pytest.mark.xdist_group("clone")
# All stages in seconds: what is tested is which of them run, and that they run.
SMALL = {
    "image_size": 32,
    "augment.views": 1,
    "train_tl.epochs": 2,
    "finetune.epochs": 2,
    "finetune.frozen_layers": "[140]",
}


@pytest.fixture
def changing(clone):
    """The clone, to be changed; afterwards it is as it was committed, for the tests that share it."""
    yield clone
    run(clone, "git", "checkout", "--quiet", ".")
    dvc(clone, "checkout", "--quiet", "--force")


def test_the_sample_has_the_sizes_of_the_studys_dataset(clone):
    assert json.loads((clone / "metrics/prepare.json").read_text())["images"] == {
        "train": 937,
        "validation": 123,
        "test": 118,
        "total": 1178,
    }
    classes = json.loads((clone / "metrics/evaluate.json").read_text())["train_tl"]["classes"]
    assert {name: scores["support"] for name, scores in classes.items()} == {
        **dict.fromkeys(("cardboard", "glass", "metal", "paper", "plastic"), 20),
        "trash": 18,
    }


@of_the_sample
def test_both_trainings_learn_something_on_the_sample(clone):
    metrics = json.loads((clone / "metrics/evaluate.json").read_text())
    assert metrics["finetune"]["accuracy"] > metrics["train_tl"]["accuracy"] > 0.6


def test_a_second_run_does_nothing_and_the_status_is_clean(clone):
    assert ran(dvc(clone, "repro")) == []
    assert "up to date" in dvc(clone, "status")
    assert run(clone, "git", "status", "--porcelain") == ""


def test_a_parameter_of_the_head_reruns_the_head_and_what_follows(changing):
    short = ["-S", "train_tl.epochs=2", "-S", "finetune.epochs=1", "-S", "finetune.frozen_layers=[140]"]
    output = dvc(changing, "exp", "run", "-S", "train_tl.dropout=0.3", "-S", "finetune.learning_rate=2e-5", *short)
    assert ran(output) == ["train_tl", "cross_validate", "finetune", "evaluate"]
    # DVC writes the rate without a point, which a reader of YAML 1.1 reads as text.
    assert "learning_rate: 2e-05" in (changing / "params.yaml").read_text()
    changed = json.loads(dvc(changing, "metrics", "diff", "--json"))["metrics/summary.json"]
    assert {"train_tl.test", "finetune.validation"} & set(changed)
    targets = ("--targets", "metrics/evaluate.json")
    of_classes = json.loads(dvc(changing, "metrics", "diff", "--json", *targets))["metrics/evaluate.json"]
    assert any(key.startswith("finetune.classes.") for key in of_classes)
    plots = json.loads(dvc(changing, "plots", "diff", "--json", "HEAD", "workspace"))["data"]
    [per_class] = plots["Accuracy of each class"]
    assert set(per_class["revisions"]) == {"HEAD", "workspace"}


def test_a_key_reruns_only_the_stages_that_read_it(changing):
    first = {
        "evaluate.gallery_class": ("glass", "evaluate"),
        "evaluate.near_duplicate": (0.9, "cross_validate"),
        "cross_validate.repeats": (2, "cross_validate"),
        "finetune.learning_rate": (2e-5, "finetune"),
        "augment.views": (2, "features"),
        "data.tolerance": (0.03, "prepare"),
    }
    committed = (changing / "params.yaml").read_text()
    for key, (value, stage) in first.items():
        params = yaml.safe_load(committed)
        section, name = key.split(".")
        assert params[section][name] != value
        params[section][name] = value
        (changing / "params.yaml").write_text(yaml.safe_dump(params))
        changed = json.loads(dvc(changing, "status", "--json"))
        assert next(iter(changed)) == stage, key


def test_two_simultaneous_runs_give_the_same_results_as_each_alone(changing):
    def experiment(seed):
        changes = [f"{key}={value}" for key, value in ({"seed": seed} | SMALL).items()]
        return ["exp", "run", *(word for change in changes for word in ("-S", change))]

    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda seed: dvc(changing, "--wait-for-lock", *experiment(seed), "--temp", "--name", f"seed-{seed}"),
                (1, 2),
            )
        )
    names = run(changing, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    locks = [
        run(changing, "git", "show", f"{name}:dvc.lock")
        for seed in (1, 2)
        for name in names
        if name.endswith(f"seed-{seed}")
    ]
    assert len(locks) == 2 and locks[0] != locks[1]
    assert ran(dvc(changing, *experiment(2), "--force")) == STAGES
    assert (changing / "dvc.lock").read_text() == locks[1]


def test_a_changed_image_reruns_everything(changing):
    path = next((changing / "dataset_images/train/glass").iterdir())
    image = Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    path.unlink()
    image.save(path)
    # Data that are no longer the sample must not stay bound to its remote.
    assert ran(dvc(changing, "repro", status=255)) == ["prepare"]
    dvcfile.release(changing / "dataset_images.dvc")
    # Nor are the sample's weights made for them.
    assert ran(dvc(changing, "repro", status=255)) == ["prepare", "features"]
    params = yaml.safe_load((changing / "params.yaml").read_text())
    for key, value in (SMALL | {"backbone.weights": "null"}).items():
        section, _, name = key.rpartition(".")
        (params[section] if section else params)[name] = yaml.safe_load(str(value))
    (changing / "params.yaml").write_text(yaml.safe_dump(params))
    assert ran(dvc(changing, "repro")) == STAGES
