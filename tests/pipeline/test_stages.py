"""The stages, run one after another as DVC runs them, on a tiny generated dataset: what each leaves behind."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from runs import run_python, run_stage, write_params
from transfer.evaluation import metrics

# One worker runs all that share the project, so that it is made once
pytestmark = pytest.mark.xdist_group("project")


def read(folder, path):
    return json.loads((folder / path).read_text())


def test_a_log_holds_facts_and_nothing_else(project):
    _, printed = project
    for done in printed.values():
        assert done.stderr == ""
        assert 1 <= len(done.stdout.splitlines()) <= 4


def test_prepare_counts_what_there_is(project):
    folder, _ = project
    found = read(folder, "metrics/prepare.json")
    assert found["images"] == {"train": 48, "validation": 6, "test": 6, "total": 60}
    assert found["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert found["classes"] == 3
    # The generated images are 8 by 6 pixels, smaller than the squares
    assert found["problems"] == {
        "not_images": 1,
        "other_modes": 0,
        "turned_by_exif": 0,
        "enlarged": 60,
        "elongated": 0,
    }
    table = pd.read_csv(folder / "plots/dataset.csv", keep_default_na=False)
    assert list(table.columns) == ["split", "class", "images"]
    assert table["images"].tolist() == [16] * 3 + [2] * 6
    assert table["split"].unique().tolist() == ["train", "validation", "test"]
    assert set(table["class"]) == {"a b", "é", "null"}
    assert (folder / "plots/images/augmentation.png").read_bytes().startswith(b"\x89PNG")


def test_features_are_cached_for_each_view(project):
    folder, _ = project
    shapes = {path.stem: np.load(path).shape for path in (folder / "features").iterdir()}
    assert shapes == {"train": (48, 2, 1280), "validation": (6, 1, 1280), "test": (6, 1, 1280)}
    about = read(folder, "models/backbone/backbone.json")
    assert (about["layers"], about["parameters"], about["weights"]) == (154, 2_257_984, "random")


def test_train_tl_trains_the_head_alone(project):
    folder, _ = project
    found = read(folder, "metrics/train_tl.json")
    assert found["parameters"] == {"total": 2_257_984 + 1280 * 3 + 3, "trainable": 1280 * 3 + 3}
    assert found["epochs"] == 2 and found["best_epoch"] in (1, 2)
    curve = pd.read_csv(folder / "plots/train_tl/plots/metrics/validation/accuracy.tsv", sep="\t")
    assert curve["accuracy"].max() == pytest.approx(found["validation"]["accuracy"], abs=1e-6)
    assert (folder / "models/train_tl/trained.weights.h5").stat().st_size < 100_000


def test_finetune_reports_every_round_and_keeps_the_best(project):
    folder, _ = project
    found = read(folder, "metrics/finetune.json")
    assert [found["rounds"][number]["frozen_layers"] for number in ("1", "2")] == [150, 140]
    accuracies = [found["rounds"][number]["validation"]["accuracy"] for number in ("1", "2")]
    assert found["kept"]["round"] == 1 + accuracies.index(max(accuracies))
    for found_round in found["rounds"].values():
        # Without patience, all epochs are trained and the last is kept
        assert (found_round["epochs"], found_round["best_epoch"]) == (2, 2)
        gap = found_round["train"]["accuracy"] - found_round["validation"]["accuracy"]
        assert found_round["gap"] == pytest.approx(gap, abs=1e-5)
    curve = pd.read_csv(folder / "plots/finetune/plots/metrics/validation/accuracy.tsv", sep="\t")
    assert curve["accuracy"].tolist()[1::2] == pytest.approx(accuracies, abs=1e-6)
    trained = [found["rounds"][number]["parameters"]["trainable"] for number in ("1", "2")]
    # From layer 150 on: a normalization (2 x 320), Conv_1 (320 x 1280, no bias), its own (2 x 1280), and the head
    assert trained[0] == 2 * 320 + 320 * 1280 + 2 * 1280 + 1280 * 3 + 3
    assert trained[1] > trained[0]
    assert read(folder, "models/finetune/model.json")["frozen_layers"] in (150, 140)


def test_what_a_stage_needed_on_disk_while_it_ran_is_gone(project):
    folder, _ = project
    assert [path.name for path in (folder / ".scratch").iterdir()] == ["lock"]


def test_evaluate_gives_the_same_numbers_in_every_file(project):
    folder, _ = project
    found = read(folder, "metrics/evaluate.json")
    predictions = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False)
    assert list(predictions.columns) == ["model", "path", "pixels", "actual", "predicted", "probability"]
    per_class = pd.read_csv(folder / "plots/per_class.csv", keep_default_na=False)
    assert list(per_class.columns) == [
        *("model", "class", "support", "correct", "accuracy", "accuracy_low", "accuracy_high", "precision", "f1")
    ]
    for model in ("train_tl", "finetune"):
        rows = predictions[predictions["model"] == model]
        right = rows["actual"] == rows["predicted"]
        assert len(rows) == 6
        assert found[model]["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        assert found[model]["accuracy_low"] <= found[model]["accuracy"] <= found[model]["accuracy_high"]
        by_class = right.groupby(rows["actual"]).mean()
        assert found[model]["mean_class_accuracy"] == pytest.approx(by_class.mean(), abs=1e-6)
        assert {name: values["accuracy"] for name, values in found[model]["classes"].items()} == by_class.to_dict()
        confusion = pd.read_csv(folder / f"plots/confusion/{model}.csv", keep_default_na=False)
        assert confusion.to_numpy().tolist() == rows[["actual", "predicted"]].to_numpy().tolist()
    assert found["selected"] in ("train_tl", "finetune")
    # The comparison is of the same images: what changed sides is the difference, one by one
    right = {model: (rows["actual"] == rows["predicted"]).to_numpy() for model, rows in predictions.groupby("model")}
    compared, changed = found["comparison"], pd.read_csv(folder / "plots/changed_sides.csv", keep_default_na=False)
    assert compared["only_finetune_right"] == (right["finetune"] & ~right["train_tl"]).sum()
    assert len(changed) == compared["only_train_tl_right"] + compared["only_finetune_right"]
    assert compared["images"] == 6
    splits = pd.read_csv(folder / "plots/splits.csv").set_index(["model", "split"])
    columns = ["accuracy", "accuracy_low", "accuracy_high"]
    assert list(splits.columns) == ["images", *columns]
    assert splits["images"].tolist() == [48, 6, 6] * 2
    assert splits.loc[("finetune", "test"), columns].tolist() == [found["finetune"][name] for name in columns]
    of_validation = splits.loc[("train_tl", "validation")]
    assert of_validation["accuracy"] == read(folder, "metrics/train_tl.json")["validation"]["accuracy"]
    interval = metrics.wilson_interval(round(of_validation["accuracy"] * 6), 6)
    assert of_validation[["accuracy_low", "accuracy_high"]].tolist() == pytest.approx(interval, abs=1e-6)
    bins = pd.read_csv(folder / "plots/calibration.csv")
    assert bins.groupby("model")["images"].sum().to_dict() == {"train_tl": 6, "finetune": 6}
    for name in ("near_duplicates", "confusion", "true_positives", "false_negatives", "false_positives", "mistakes"):
        assert (folder / f"plots/images/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_near_duplicates_are_looked_for_in_training_and_validation(project):
    folder, _ = project
    found = read(folder, "metrics/evaluate.json")["near_duplicates"]
    assert (found["threshold"], found["compared_with"]) == (0.999, "train and validation")
    table = pd.read_csv(folder / "plots/near_duplicates.csv", keep_default_na=False)
    assert list(table.columns) == [
        *("path", "actual", "other_split", "other_path", "other_actual", "cosine", "near_duplicate")
    ]
    seen = table[table["path"].str.startswith("validation/")]
    assert len(seen) == found["validation_in_train"]["images"] and set(seen["other_split"]) <= {"train"}
    assert found["validation_in_train"]["of"] == 6
    # Fewer test images than pairs that are told in any case: all of them
    table = table.drop(seen.index)
    assert len(table) == table["path"].nunique() == 6
    assert table["cosine"].is_monotonic_decreasing and table["cosine"][0] == found["highest_cosine"]
    assert table["path"].str.startswith("test/").all()
    assert (table["other_path"].str.split("/").str[0] == table["other_split"]).all()
    assert (table["near_duplicate"] == "yes").sum() == found["images"] == 6 - found["without"]["images"]


def test_an_object_photographed_twice_is_found_in_two_splits(project, make_dataset, tmp_path):
    folder = make_dataset(tmp_path / "dataset_images", ("a b", "é", "null"), (8, 1, 1))
    # Coarse patterns, which a photograph that is moved a little keeps, as noise does not
    chance = np.random.default_rng(7)
    for path in sorted(folder.rglob("*.png")):
        blocks = chance.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(blocks.repeat(24, axis=0).repeat(24, axis=1)).save(path)
    again = Image.open(folder / "train/é/03.png").crop((2, 3, 93, 94)).point(lambda value: min(255, int(value * 1.05)))
    again.save(folder / "test/é/00.jpg", quality=80)
    (folder / "test/é/00.png").unlink()
    write_params(tmp_path, evaluate__near_duplicate=0.97)
    # The same classes and the same backbone: what was trained on others can be scored on these
    for name in ("models/train_tl", "models/finetune", "metrics"):
        shutil.copytree(project[0] / name, tmp_path / name)
    for stage in ("prepare", "features", "evaluate"):
        done = run_stage(stage, tmp_path)
        assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "plots/near_duplicates.csv", keep_default_na=False)
    assert table["path"].tolist()[0] == "test/é/00.jpg" and table["other_path"].tolist()[0] == "train/é/03.png"
    assert table[table["path"].str.startswith("test/")]["near_duplicate"].tolist() == ["yes", "no", "no"]
    found = read(tmp_path, "metrics/evaluate.json")["near_duplicates"]
    assert (found["images"], found["without"]["images"]) == (1, 2)
    assert found["without"]["finetune"]["accuracy"] in (0, 0.5, 1)


def test_the_models_are_scored_on_the_images_they_are_said_to_be(project):
    """The fine-tuned model, put together anew from its checkpoint, gives what plots/predictions.csv says."""
    folder, _ = project
    script = (
        "from pathlib import Path\n"
        "from transfer import backbone, classifier, prepared\n"
        "test = prepared.load('test')\n"
        "model = classifier.load(Path('models/finetune'), backbone.load(Path('models/backbone')), test.classes)\n"
        "[found] = model(test.images[:])\n"
        "print([[test.paths[row], test.classes[found[row].argmax()], float(found[row].max())] for row in range(6)])\n"
    )
    done = run_python(folder, "-c", script)
    predictions = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False).query("model == 'finetune'")
    expected = predictions[["path", "predicted", "probability"]].to_numpy().tolist()
    for (path, label, probability), (its_path, its_label, its_probability) in zip(
        yaml.safe_load(done.stdout), expected, strict=True
    ):
        assert (path, label) == (its_path, its_label)
        assert probability == pytest.approx(its_probability, abs=1e-4)


def test_without_cached_views_the_backbone_runs_in_the_loop(project, tmp_path):
    folder, _ = project
    write_params(tmp_path, augment__views=0)
    (tmp_path / "prepared").symlink_to(folder / "prepared")
    for stage in ("features", "train_tl"):
        done = run_stage(stage, tmp_path)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "features/train.npy").exists()
    assert read(tmp_path, "metrics/train_tl.json")["epochs"] == 2
