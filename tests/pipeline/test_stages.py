"""The stages, run one after another as DVC runs them, on a tiny generated dataset: what each leaves behind."""

import hashlib
import json
import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from runs import STAGES, forks, run_forked, run_stage, write_params
from transfer.evaluation import intervals
from transfer.loading import features, prepared, shards

# One worker runs all tests that share the project, so that it is made once.
pytestmark = pytest.mark.xdist_group("project")

EVALUATE = "plots/evaluate"


def read(folder, path):
    return json.loads((folder / path).read_text())


def files(folder):
    """The digest of each file below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_log_holds_facts_and_nothing_else(project):
    _, processes = project
    for process in processes.values():
        assert process.stderr == ""
        assert 1 <= len(process.stdout.splitlines()) <= 4


@pytest.mark.parametrize("stage", STAGES)
def test_a_fork_prints_and_writes_the_same_bytes_as_a_process_of_its_own(project, tmp_path, stage):
    # The stages of the project ran in processes of their own; most other tests run stages in forks.
    folder, processes = project
    copy = shutil.copytree(folder, tmp_path / "project")
    done = run_stage(stage, copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, processes[stage].stdout, "")
    assert files(copy) == files(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="stages run in forks only on Linux")
def test_forks_are_independent_and_get_the_variables_of_a_test(tmp_path, monkeypatch):
    change = "import os, sys, numpy; os.environ['LEFT'] = sys.argv[1]; numpy.left = 1; sys.exit(7)"
    done = run_forked(tmp_path, "-c", change, "left")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    look = "import os, numpy; print(os.getppid(), os.getcwd(), os.environ.get('LEFT'), hasattr(numpy, 'left'))"
    assert run_forked(tmp_path, "-c", look).stdout == f"{forks().process.pid} {tmp_path} None False\n"
    # Where Python looks for modules first, unless it shall not.
    (tmp_path / "beside.py").write_text("print('beside')")
    assert run_forked(tmp_path, "-m", "beside").stdout == "beside\n"
    assert "No module named beside" in run_forked(tmp_path, "-P", "-m", "beside").stderr
    failed = run_forked(tmp_path, "-c", "1 / 0")
    assert failed.returncode == 1 and "ZeroDivisionError" in failed.stderr
    monkeypatch.setenv("LEFT", "by the test")
    assert run_forked(tmp_path, "-c", look).stdout == f"{forks().process.pid} {tmp_path} by the test False\n"
    # TensorFlow has read this variable already: the program runs in a process of its own.
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert run_forked(tmp_path, "-c", look).stdout == f"{os.getpid()} {tmp_path} by the test False\n"
    assert run_forked(tmp_path, "-c", "import os; os.kill(os.getpid(), 9)").returncode == -9


def test_prepare_counts_the_images(project):
    folder, _ = project
    counts = read(folder, "metrics/prepare.json")
    assert counts["images"] == {"train": 48, "validation": 6, "test": 6, "total": 60}
    assert counts["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert counts["classes"] == 3
    # The generated images have 8 by 6 pixels, fewer than the squares.
    assert counts["problems"] == {
        **dict.fromkeys(("not_read", "loose", "hidden", "linked_folders", "system_files"), 0),
        "not_images": 1,
        "other_modes": 0,
        "turned_by_exif": 0,
        "enlarged": 60,
        "elongated": 0,
        **dict.fromkeys(("truncated", "grey_part", "scaled_depth", "invisible", "more_frames"), 0),
    }
    problems = pd.read_csv(folder / "plots/problems.csv")
    assert list(problems.columns) == ["path", "kind"]
    assert problems["kind"].value_counts().to_dict() == {"enlarged": 60, "not_images": 1}
    assert problems.iloc[0].tolist() == ["train/é/notes.txt", "not_images"]
    table = pd.read_csv(folder / "plots/dataset.csv", keep_default_na=False)
    assert list(table.columns) == ["split", "class", "images"]
    assert table["images"].tolist() == [16] * 3 + [2] * 6
    assert table["split"].unique().tolist() == ["train", "validation", "test"]
    assert set(table["class"]) == {"a b", "é", "null"}
    assert (folder / "plots/images/augmentation.png").read_bytes().startswith(b"\x89PNG")


def test_features_are_cached_for_each_view(project):
    folder, _ = project
    shapes = {}
    for path in (folder / "features").glob("*/*.npy"):
        rows, *shape = np.load(path).shape
        total, _ = shapes.get(path.parent.name, (0, shape))
        shapes[path.parent.name] = total + rows, shape
    assert shapes == {"train": (48, [2, 1280]), "validation": (6, [1, 1280]), "test": (6, [1, 1280])}
    backbone = read(folder, "models/backbone/backbone.json")
    assert (backbone["layers"], backbone["parameters"], backbone["weights"]) == (154, 2_257_984, "random")


def test_the_first_view_of_every_image_is_the_mean_over_its_orientations(project):
    from transfer.models import backbone as backbones  # imported late: TensorFlow takes seconds

    folder, settings = project[0], yaml.safe_load((project[0] / "params.yaml").read_text())
    extractor = backbones.load(folder / "models/backbone").feature_extractor.one_view
    assert settings["evaluate"]["views"] == 4
    for name in ("train", "validation", "test"):
        split = prepared.load_split(name, folder / "prepared")
        squares = split.images[:]
        turned = np.rot90(squares, axes=(1, 2)), np.rot90(squares[:, :, ::-1], axes=(1, 2))
        orientations = squares, squares[:, :, ::-1], *turned
        expected = np.mean([extractor(np.ascontiguousarray(images))[0] for images in orientations], axis=0)
        cached = features.load_features(name, split, 1280, folder=folder / "features")[:, 0]
        assert cached == pytest.approx(expected, abs=1e-6 * np.abs(expected).max())


def test_train_tl_trains_only_the_head(project):
    folder, _ = project
    fit = read(folder, "metrics/train_tl.json")
    assert fit["parameters"] == {"total": 2_257_984 + 1280 * 3 + 3, "trainable": 1280 * 3 + 3}
    assert fit["epochs"] == 2 and fit["best_epoch"] in (1, 2)
    curve = pd.read_csv(folder / "plots/train_tl/plots/metrics/validation/accuracy.tsv", sep="\t")
    assert curve["accuracy"].max() == pytest.approx(fit["validation"]["accuracy"], abs=1e-6)
    assert (folder / "models/train_tl/trained.weights.h5").stat().st_size < 100_000


def test_finetune_reports_every_round_and_keeps_the_best(project):
    folder, _ = project
    fits = read(folder, "metrics/finetune.json")
    assert [fits["rounds"][number]["frozen_layers"] for number in ("1", "2")] == [150, 140]
    accuracies = [fits["rounds"][number]["validation"]["accuracy"] for number in ("1", "2")]
    assert fits["kept"]["round"] == 1 + accuracies.index(max(accuracies))
    for fit in fits["rounds"].values():
        # Without patience, all epochs are trained and the last one is kept.
        assert (fit["epochs"], fit["best_epoch"]) == (2, 2)
        gap = fit["train"]["accuracy"] - fit["validation"]["accuracy"]
        assert fit["gap"] == pytest.approx(gap, abs=1e-5)
    curve = pd.read_csv(folder / "plots/finetune/plots/metrics/validation/accuracy.tsv", sep="\t")
    assert curve["accuracy"].tolist()[1::2] == pytest.approx(accuracies, abs=1e-6)
    trainable = [fits["rounds"][number]["parameters"]["trainable"] for number in ("1", "2")]
    # From layer 150 on: BatchNormalization (2 x 320), Conv_1 (320 x 1280, no bias), its BatchNormalization (2 x 1280),
    # and the head.
    assert trainable[0] == 2 * 320 + 320 * 1280 + 2 * 1280 + 1280 * 3 + 3
    assert trainable[1] > trainable[0]
    assert read(folder, "models/finetune/model.json")["frozen_layers"] in (150, 140)


def test_the_scratch_folders_of_the_stages_are_removed(project):
    folder, _ = project
    assert [path.name for path in (folder / ".scratch").iterdir()] == ["lock"]


def test_evaluate_writes_the_same_numbers_to_every_file(project):
    folder, _ = project
    scores = read(folder, "metrics/evaluate.json")
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
        assert scores[model]["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        assert scores[model]["accuracy_low"] <= scores[model]["accuracy"] <= scores[model]["accuracy_high"]
        by_class = right.groupby(rows["actual"]).mean()
        assert scores[model]["mean_class_accuracy"] == pytest.approx(by_class.mean(), abs=1e-6)
        assert {name: values["accuracy"] for name, values in scores[model]["classes"].items()} == by_class.to_dict()
        confusion = pd.read_csv(folder / f"plots/confusion/{model}.csv", keep_default_na=False)
        assert confusion.to_numpy().tolist() == rows[["actual", "predicted"]].to_numpy().tolist()
    assert scores["selected"] in ("train_tl", "finetune")
    # The comparison counts the same images as the predictions, one by one.
    right = {model: (rows["actual"] == rows["predicted"]).to_numpy() for model, rows in predictions.groupby("model")}
    comparison = scores["comparison"]
    changed = pd.read_csv(folder / EVALUATE / "changed_sides.csv", keep_default_na=False)
    assert comparison["only_finetune_right"] == (right["finetune"] & ~right["train_tl"]).sum()
    assert len(changed) == comparison["only_train_tl_right"] + comparison["only_finetune_right"]
    assert comparison["images"] == 6
    splits = pd.read_csv(folder / EVALUATE / "splits.csv").set_index(["model", "split"])
    columns = ["accuracy", "accuracy_low", "accuracy_high"]
    assert list(splits.columns) == ["images", *columns]
    assert splits["images"].tolist() == [48, 6, 6] * 2
    assert splits.loc[("finetune", "test"), columns].tolist() == [scores["finetune"][name] for name in columns]
    of_validation = splits.loc[("train_tl", "validation")]
    assert of_validation["accuracy"] == read(folder, "metrics/train_tl.json")["validation"]["accuracy"]
    interval = intervals.wilson_interval(round(of_validation["accuracy"] * 6), 6)
    assert of_validation[["accuracy_low", "accuracy_high"]].tolist() == pytest.approx(interval, abs=1e-6)
    bins = pd.read_csv(folder / EVALUATE / "calibration.csv")
    assert bins.groupby("model")["images"].sum().to_dict() == {"train_tl": 6, "finetune": 6}
    names = "near_duplicates", "confusion", "true_positives", "false_negatives", "false_positives", "mistakes"
    for name in (*names, "label_issues"):
        assert (folder / f"plots/images/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_models_are_calibrated_on_images_that_they_have_not_been_trained_on(project):
    """The temperatures are the best of a fine grid, on the images that cross-validation and fine-tuning held out."""
    folder, _ = project
    held_out = np.load(folder / "results/cross_validate/probabilities.npy").astype(np.float64)
    index = pd.read_csv(folder / "prepared/index.csv", keep_default_na=False)
    classes = sorted(index["class"].unique())
    pooled = index[index["split"] != "test"]
    labels = pooled["class"].map(classes.index).to_numpy()
    assert held_out.shape == (3, 54, 3)
    summary = read(folder, "metrics/evaluate.json")["calibration"]
    assert (summary["train_tl"]["images"], summary["finetune"]["images"]) == (54, 6)

    def loss(temperature):
        odds = held_out ** (1 / temperature)
        of_true = (odds / odds.sum(axis=2, keepdims=True))[:, np.arange(54), labels]
        return -np.log(of_true).mean()

    best = min(np.geomspace(0.05, 20, 2000), key=loss)
    assert summary["train_tl"]["temperature"] == pytest.approx(best, rel=0.01)
    # What is stored, and the scores on the test images before and after.
    for model in ("train_tl", "finetune"):
        stored = read(folder, f"models/calibration/{model}/calibration.json")
        assert stored["temperature"] == summary[model]["temperature"]
        assert set(summary[model]["before"]) == {"expected_calibration_error", "loss"}
        sorted_arrays = [
            np.load(folder / f"models/calibration/{model}/{name}.npy") for name in ("probabilities", "cosines")
        ]
        assert all((np.diff(array) >= 0).all() for array in sorted_arrays)


def test_doubtful_labels_of_test_images_are_listed_apart_by_the_selected_model(project):
    folder, _ = project
    predictions = pd.read_csv(folder / "plots/cross_validation/predictions.csv", keep_default_na=False)
    issues = pd.read_csv(folder / "plots/label_issues.csv", keep_default_na=False)
    assert list(issues.columns) == ["path", "pixels", "split", "label", "suggested", "score"]
    assert 0 < len(issues) < 54 and set(issues["path"]) < set(predictions["path"])
    assert set(issues["split"]) <= {"train", "validation"}
    of_test = pd.read_csv(folder / EVALUATE / "test_label_issues.csv", keep_default_na=False)
    assert list(of_test.columns) == list(issues.columns)
    for table in (issues, of_test):
        assert table["score"].is_monotonic_increasing and table["score"].max() <= 0.5
    # Another class is more probable than the label: these are the mistakes of the selected model.
    rows = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False)
    rows = rows[rows["model"] == read(folder, "metrics/evaluate.json")["selected"]]
    mistakes = rows[rows["actual"] != rows["predicted"]].set_index("path")
    assert set(of_test["path"]) == set(mistakes.index) and set(of_test["split"]) <= {"test"}
    assert of_test["suggested"].tolist() == mistakes["predicted"][of_test["path"]].tolist()
    assert of_test["label"].tolist() == mistakes["actual"][of_test["path"]].tolist()


def test_without_cached_views_the_head_is_calibrated_all_the_same(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "project")
    shutil.rmtree(folder / "features/train")
    done = run_stage("evaluate", folder)
    assert (done.returncode, done.stderr) == (0, "")
    for name, tolerance in {"probabilities": 0, "cosines": 1e-5, "references": 1e-5}.items():
        path = f"models/calibration/train_tl/{name}.npy"
        assert np.load(folder / path) == pytest.approx(np.load(project[0] / path), abs=tolerance)


def test_near_duplicates_are_searched_for_in_training_and_validation(project):
    folder, _ = project
    summary = read(folder, "metrics/evaluate.json")["near_duplicates"]
    threshold = yaml.safe_load((folder / "params.yaml").read_text())["evaluate"]["near_duplicate"]
    assert (summary["threshold"], summary["compared_with"]) == (threshold, "train and validation")
    table = pd.read_csv(folder / EVALUATE / "near_duplicates.csv", keep_default_na=False)
    assert list(table.columns) == [
        *("path", "actual", "other_split", "other_path", "other_actual", "cosine", "near_duplicate")
    ]
    of_validation = table[table["path"].str.startswith("validation/")]
    assert len(of_validation) == summary["validation_in_train"]["images"]
    assert set(of_validation["other_split"]) <= {"train"}
    assert summary["validation_in_train"]["of"] == 6
    # There are fewer test images than pairs that are always listed, so all are listed.
    table = table.drop(of_validation.index)
    assert len(table) == table["path"].nunique() == 6
    assert table["cosine"].is_monotonic_decreasing and table["cosine"][0] == summary["highest_cosine"]
    assert table["path"].str.startswith("test/").all()
    assert (table["other_path"].str.split("/").str[0] == table["other_split"]).all()
    assert (table["near_duplicate"] == "yes").sum() == summary["images"] == 6 - summary["without"]["images"]


def test_two_photographs_of_one_object_in_two_splits_are_near_duplicates(project, make_dataset, tmp_path):
    folder = make_dataset(tmp_path / "dataset_images", ("a b", "é", "null"), (8, 1, 1))
    # Unlike noise, a coarse pattern stays nearly the same when the camera moves a little.
    generator = np.random.default_rng(7)
    for path in sorted(folder.rglob("*.png")):
        blocks = generator.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(blocks.repeat(24, axis=0).repeat(24, axis=1)).save(path)
    second = Image.open(folder / "train/é/03.png").crop((2, 3, 93, 94)).point(lambda value: min(255, int(value * 1.05)))
    second.save(folder / "test/é/00.jpg", quality=80)
    (folder / "test/é/00.png").unlink()
    write_params(tmp_path, evaluate__near_duplicate=0.993)
    # The classes and the backbone are the same, so the project's models can be scored on these images.
    for name in ("models/train_tl", "models/finetune", "results"):
        shutil.copytree(project[0] / name, tmp_path / name)
    for stage in ("prepare", "features", "cross_validate", "evaluate"):
        done = run_stage(stage, tmp_path)
        assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / EVALUATE / "near_duplicates.csv", keep_default_na=False)
    assert table["path"].tolist()[0] == "test/é/00.jpg" and table["other_path"].tolist()[0] == "train/é/03.png"
    assert table[table["path"].str.startswith("test/")]["near_duplicate"].tolist() == ["yes", "no", "no"]
    summary = read(tmp_path, "metrics/evaluate.json")["near_duplicates"]
    assert (summary["images"], summary["without"]["images"]) == (1, 2)
    assert summary["without"]["finetune"]["accuracy"] in (0, 0.5, 1)


def test_the_predictions_are_those_of_the_checkpoint_on_the_named_images(project):
    """The fine-tuned model, rebuilt from its checkpoint, predicts what plots/predictions.csv says."""
    folder, _ = project
    temperature = read(folder, "models/calibration/finetune/calibration.json")["temperature"]
    script = (
        "from pathlib import Path\n"
        "from transfer.loading import prepared\n"
        "from transfer.models import backbone, classifier\n"
        "test = prepared.load_split('test')\n"
        "model = classifier.load(Path('models/finetune'), backbone.load(Path('models/backbone')), test.classes)\n"
        "[output] = model(test.images[:])\n"
        f"output = output.astype(float) ** (1 / {temperature})\n"
        "output = output / output.sum(axis=1, keepdims=True)\n"
        "print([[test.paths[row], test.classes[output[row].argmax()], float(output[row].max())] for row in range(6)])\n"
    )
    done = run_forked(folder, "-c", script)
    table = pd.read_csv(folder / "plots/predictions.csv", keep_default_na=False).query("model == 'finetune'")
    rows = table[["path", "predicted", "probability"]].to_numpy().tolist()
    for (path, label, probability), (path_in_table, label_in_table, probability_in_table) in zip(
        yaml.safe_load(done.stdout), rows, strict=True
    ):
        assert (path, label) == (path_in_table, label_in_table)
        assert probability == pytest.approx(probability_in_table, abs=1e-4)


def test_without_cached_views_the_backbone_runs_in_every_epoch(project, tmp_path):
    folder, _ = project
    write_params(tmp_path, augment__views=0)
    (tmp_path / "prepared").symlink_to(folder / "prepared")
    for stage in ("features", "train_tl"):
        done = run_stage(stage, tmp_path)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "features/train").exists()
    assert read(tmp_path, "results/train_tl/metrics/train_tl.json")["epochs"] == 2


def cross_validated(folder):
    """The metrics and the tables of a cross-validation."""
    tables = {
        path.stem: pd.read_csv(path, keep_default_na=False)
        for path in (folder / "results/cross_validate").rglob("*.csv")
    }
    return read(folder, "results/cross_validate/metrics/cross_validation.json"), tables


def test_every_image_but_those_of_the_test_split_is_predicted_out_of_fold(project):
    folder, _ = project
    metrics, tables = cross_validated(folder)
    index = pd.read_csv(folder / "prepared/index.csv", keep_default_na=False).query("split != 'test'")
    predictions = tables["predictions"]
    of_index = index[["split", "class", "path", "pixels"]].to_numpy().tolist()
    assert predictions[["split", "actual", "path", "pixels"]].to_numpy().tolist() == of_index
    assert (metrics["images"], metrics["folds"], metrics["repeats"]) == (54, 10, 3)
    right = np.array([list(map(int, str(value).zfill(3))) for value in predictions["right"]])
    assert metrics["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]
    assert read(folder, "metrics/summary.json")["cross_validation"] == metrics["accuracy"]
    assert read(folder, "metrics/cross_validation.json") == metrics
    assert set(metrics["classes"]) == {"a b", "é", "null"}
    folds = np.array([value.split() for value in predictions["folds"]], int)
    assert folds.shape == (54, 3) and folds.max() == 9
    for repeat in range(3):
        assert set(np.bincount(folds[:, repeat])) <= {3, 4, 5, 6, 7, 8}
    assert tables["learning_curve"]["share"].unique().tolist() == [0.125, 0.25, 0.5, 1]
    assert set(metrics["learning_curve"]["classes"]) == {"a b", "é", "null"}


def test_cross_validation_without_cached_views_uses_the_images_themselves(project, tmp_path):
    folder, _ = project
    write_params(tmp_path, augment__views=0)
    for name in ("features", "results"):
        (tmp_path / name).mkdir()
    for name in ("prepared", "models", "results/train_tl", "features/index.csv", "features/validation"):
        (tmp_path / name).symlink_to(folder / name)
    done = run_stage("cross_validate", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "With augment.views 0, the heads are trained on the images without augmentation" in done.stdout
    without_views, _ = cross_validated(tmp_path)
    # The features are those of view 0, which the features of the project hold, too.
    write_params(tmp_path, augment__views=1)
    train = prepared.load_split("train", folder / "prepared")
    cached = features.load_features("train", train, 1280, folder=folder / "features")
    with_one_view = shards.create_shards(tmp_path / "features/train", train.digests, (1, 1280), np.float32)
    with_one_view[np.arange(len(train)), np.zeros(len(train), int)] = cached[:, 0]
    with_one_view.flush()
    assert run_stage("cross_validate", tmp_path).returncode == 0
    with_one, _ = cross_validated(tmp_path)
    assert without_views | {"notes": []} == with_one | {"notes": []}


def test_groups_are_held_out_together(project, tmp_path):
    folder, _ = project
    write_params(tmp_path, cross_validate__folds=5, cross_validate__repeats=1, evaluate__near_duplicate=1)
    (tmp_path / "results").mkdir()
    for name in ("prepared", "models", "results/train_tl", "features"):
        (tmp_path / name).symlink_to(folder / name)
    group = [f"train/a b/{number:02}.png" for number in range(3)] + ["validation/é/00.png"]
    (tmp_path / "dataset_groups.csv").write_text("path,group\n" + "".join(f"{path},#1\n" for path in group))
    done = run_stage("cross_validate", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 of 54 images have a group" in done.stdout
    predictions = cross_validated(tmp_path)[1]["predictions"].set_index("path")
    assert predictions.loc[group, "folds"].nunique() == 1
    # With a mistake in the file, the stage keeps what it made before.
    (tmp_path / "dataset_groups.csv").write_text("path,group\ntrain/a b/99.png,1\n")
    done = run_stage("cross_validate", tmp_path)
    assert done.returncode == 1
    assert "dataset_groups.csv lists train/a b/99.png, which is not in dataset_images/" in done.stderr
    assert len(cross_validated(tmp_path)[1]["predictions"]) == 54
