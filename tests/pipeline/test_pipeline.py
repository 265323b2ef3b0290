"""The whole pipeline as users run it: DVC on the embedded sample, in a clone of its own."""

import json
import shutil
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
    "seed": 1,
    "image_size": 32,
    "augment.views": 1,
    "train_tl.epochs": 20,
    "finetune.epochs": 2,
    "finetune.frozen_layers": [140],
}


@pytest.fixture
def changing(clone):
    """The clone, to be changed; afterwards it is as it was committed, for the tests that share it."""
    yield clone
    restore(clone)


@pytest.fixture(scope="module")
def small(clone, tmp_path_factory):
    """A copy of the clone with other data and with parameters for a quick run, and which stages ran on the way to it.

    One of its images is changed, and of each four only one is left. The results are committed.
    """
    folder = shutil.copytree(clone, tmp_path_factory.mktemp("small") / "project", symlinks=True)
    path = next((folder / "dataset_images/train/glass").iterdir())
    image = Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    path.unlink()
    image.save(path)
    # Data that are no longer the sample must not stay bound to its remote.
    stages = [ran(dvc(folder, "repro", status=255))]
    dvcfile.release(folder / "dataset_images.dvc")
    # Nor are the sample's weights made for them.
    stages.append(ran(dvc(folder, "repro", status=255)))
    for weights in (folder / "weights").glob("*.dvc"):
        dvcfile.release(weights)
    for label in (folder / "dataset_images").glob("*/*"):
        for number, image_path in enumerate(sorted(label.iterdir())):
            if number % 4 and image_path != path:
                image_path.unlink()
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for key, value in SMALL.items():
        section, _, name = key.rpartition(".")
        (params[section] if section else params)[name] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    stages.append(ran(dvc(folder, "repro")))
    run(folder, "git", "commit", "--all", "--quiet", "--message", "other data")
    return folder, stages


@pytest.fixture
def changing_small(small):
    yield small[0]
    restore(small[0])


def restore(folder):
    run(folder, "git", "checkout", "--quiet", ".")
    dvc(folder, "checkout", "--quiet", "--force")


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


def test_a_parameter_of_the_head_reruns_the_head_and_what_follows(changing_small):
    output = dvc(changing_small, "exp", "run", "-S", "train_tl.learning_rate=2e-5")
    assert ran(output) == ["train_tl", "cross_validate", "finetune", "evaluate"]
    # DVC writes the rate without a point, which a reader of YAML 1.1 reads as text.
    assert "learning_rate: 2e-05" in (changing_small / "params.yaml").read_text()
    changed = json.loads(dvc(changing_small, "metrics", "diff", "--json"))["metrics/summary.json"]
    assert {"train_tl.test", "finetune.validation"} & set(changed)
    targets = ("--targets", "metrics/evaluate.json")
    of_classes = json.loads(dvc(changing_small, "metrics", "diff", "--json", *targets))["metrics/evaluate.json"]
    assert any(key.startswith("finetune.classes.") for key in of_classes)
    plots = json.loads(dvc(changing_small, "plots", "diff", "--json", "HEAD", "workspace"))["data"]
    [per_class] = plots["Accuracy of each class"]
    assert set(per_class["revisions"]) == {"HEAD", "workspace"}


def test_parameters_that_are_changed_back_run_no_training(changing):
    params = (changing / "params.yaml").read_text()
    assert ran(dvc(changing, "exp", "run", "-S", "train_tl.epochs=2", "-S", "finetune.epochs=1"))[0] == "train_tl"
    (changing / "params.yaml").write_text(params)
    # DVC's run-cache has the outs of the other stages.
    assert ran(dvc(changing, "repro")) == ["evaluate"]
    assert run(changing, "git", "status", "--porcelain") == ""


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


def test_two_simultaneous_runs_give_the_same_results_as_each_alone(changing_small):
    def experiment(seed):
        words = ("exp", "run", "--temp", "--force", "--name", f"seed-{seed}", "-S", f"seed={seed}")
        assert ran(dvc(changing_small, "--wait-for-lock", *words)) == STAGES
        [name] = [name for name in references() if name.endswith(f"seed-{seed}")]
        return run(changing_small, "git", "show", f"{name}:dvc.lock")

    def references():
        return run(changing_small, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()

    with ThreadPoolExecutor(2) as pool:
        locks = list(pool.map(experiment, (1, 2)))
    # The first has the parameters of the run that was alone.
    assert locks[0] == (changing_small / "dvc.lock").read_text() != locks[1]


def test_a_changed_image_reruns_everything(small):
    _, stages = small
    assert stages == [["prepare"], ["prepare", "features"], STAGES]
