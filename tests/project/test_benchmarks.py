"""What the benchmarks compute themselves: operations, ratios, memory, and the parameters of a clone."""

import sys

import numpy as np
import pytest
import yaml

from benchmarks import (
    clones,
    cluster_model,
    costs,
    coverage,
    engines,
    folds,
    imbalance,
    labels,
    passes,
    precisions,
    processes,
    saying_no,
    sizing,
    tables,
    whole_study,
)
from runs import ROOT, SAMPLE_PARAMS
from transfer import params_file
from transfer.common import io
from transfer.models.tensorflow import keras


def test_multiplications_of_convolutions_match_a_count_by_hand():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", use_bias=False)(images)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    model = keras.Model(images, keras.layers.Conv2D(7, 1)(x))
    # 8 x 8 positions with 3 x 3 x 3 x 5 products each, 4 x 4 with 3 x 3 x 5, 4 x 4 with 5 x 7.
    assert passes.multiply_adds(model.layers) == 64 * 135 + 16 * 45 + 16 * 35


@pytest.mark.slow
def test_multiplications_of_inception_resnet_match_the_published_number():
    model = keras.applications.InceptionResNetV2(include_top=False, weights=None, input_shape=(320, 320, 3))
    assert passes.multiply_adds(model.layers) == pytest.approx(14.57e9, rel=0.001)


def test_emulated_bfloat16_rounds_kernels_and_the_output_of_each_layer():
    images = keras.Input((2,))
    # A bfloat16 has 8 significant bits: those nearest to 1/3 and 257/3 are 0.333984375 and 85.5.
    first = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(1 / 3), use_bias=False)
    model = keras.Model(images, first(images))
    emulated = precisions.emulate_bfloat16(model)
    assert emulated(np.float32([[1, 0]])).numpy().item() == 0.333984375
    assert emulated(np.float32([[256, 0]])).numpy().item() == 85.5
    # 0.333984375 x 257 = 85.833984375, which lies between 85.5 and 86.
    assert emulated(np.float32([[256, 1]])).numpy().item() == 86
    assert model(np.float32([[1, 0]])).numpy().item() == np.float32(1 / 3)


def test_the_memory_of_a_process_is_its_peak():
    megabytes = 200
    program = f"import time; a = b'x' * {megabytes}_000_000; time.sleep(0.3); del a; time.sleep(0.3)"
    measurement = processes.run_python("-c", program)
    assert megabytes * 1e6 < measurement.peak < (megabytes + 30) * 1e6
    assert 0.6 < measurement.seconds < 5
    empty = processes.run(sys.executable, "-c", "import time; time.sleep(0.3)")
    assert empty.peak < 30e6


def test_the_parameters_of_a_clone_are_changed_by_dotted_key(tmp_path):
    (tmp_path / "params.yaml").write_text("seed: 1\naugment: {views: 4, flip: null}\n")
    clones.change_params(tmp_path, {"augment.views": 1, "seed": 3})
    changed = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert changed == {"seed": 3, "augment": {"views": 1, "flip": None}}


def test_every_image_is_held_out_once_in_folds_of_equal_size():
    fold = folds.assign_folds(images=10, folds=4, seed=1)
    assert sorted(np.bincount(fold)) == [2, 2, 3, 3]
    assert np.array_equal(fold, folds.assign_folds(images=10, folds=4, seed=1))
    assert not np.array_equal(fold, folds.assign_folds(images=10, folds=4, seed=2))


def test_a_class_is_cut_to_a_tenth_and_recalls_are_shares_of_the_classes():
    labels = np.repeat([0, 1], [30, 20])
    rows = imbalance.cut_class(labels, 1, seed=3)
    assert (np.bincount(labels[rows]) == [30, 2]).all()
    assert imbalance.recall(np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1])).tolist() == pytest.approx([1 / 3, 1])


def test_a_twentieth_of_the_labels_is_replaced_by_other_classes():
    before = np.arange(100) % 3
    flipped, after = labels.flip(before, classes=3, seed=1)
    assert len(set(flipped)) == 5
    assert np.array_equal(np.flatnonzero(before != after), np.sort(flipped)) and set(after) == {0, 1, 2}
    assert not np.array_equal(flipped, labels.flip(before, classes=3, seed=2)[0])


def test_wrong_labels_are_counted_among_the_first_of_the_ranking():
    score = np.array([0.9, 0.1, 0.5, 0.2, 0.8, 0.7, 0.6, 0.95, 0.4, 0.3])
    assert labels.share_ranked_first(score, np.array([1, 3, 9, 0]), first=0.2) == 2 / 4


def test_scores_of_labels_are_the_lower_the_more_doubtful():
    probabilities = np.array([[[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]] * 2)
    of_labels = labels.scores(probabilities, np.array([0, 0]))
    assert len(of_labels) == 6 and all(score[1] < score[0] for score in of_labels.values())
    assert of_labels["normalized margin, one view"] == pytest.approx([0.3, -0.5])


def coverage_result(true, right):
    return {
        "true": true,
        "predictions": {"pixels": list("abcd"), "folds": ["0 0", "0 1", "1 0", "1 1"], "right": right},
    }


def test_coverage_counts_the_intervals_that_hold_the_true_accuracy():
    # All right: the interval is Wilson's, from 4 / (4 + 1.96 ** 2) = 0.51 to 1.
    results = [
        {
            "fewer_channels": coverage_result(0.55, ["00", "11", "11", "00"]),
            "all_channels": coverage_result(true, ["11", "11", "11", "11"]),
            "another_seed": coverage_result(0.7, ["11", "11", "11", "11"]),
            "one_half": coverage_result(0.6, ["00", "11", "11", "00"]),
            "other_half": coverage_result(true, ["00", "11", "11", "00"]),
        }
        for true in (0.5, 0.9)
    ]
    summary = coverage.summarize(results)
    assert (summary["fewer_channels"]["held"], summary["all_channels"]["held"]) == (2, 1)
    assert summary["all_channels"]["mean_error"] == pytest.approx(0.3)
    assert summary["all_channels"]["width"] == pytest.approx(1 - 4 / (4 + 1.959964**2))
    assert summary["comparison"]["true_difference"] == pytest.approx(0.15)
    assert summary["comparison"]["mean_difference"] == pytest.approx(0.5)
    # Four images tell nothing apart, and their interval holds every difference.
    assert (summary["comparison"]["power"], summary["comparison"]["false_alarms"]) == (0, 0)
    halves = summary["no_difference"]["halves_of_channels"]
    assert (halves["false_alarms"], halves["mean_difference"]) == (0, 0)
    # True differences of -0.1 and 0.3; of two datasets, the rate of false alarms is nearly unknown.
    assert halves["mean_true_difference"] == pytest.approx(0.1)
    assert halves["sd_of_true_difference"] == pytest.approx(0.4 / np.sqrt(2))
    assert halves["false_alarms_high"] == pytest.approx(1.959964**2 / (2 + 1.959964**2), abs=1e-4)


def test_commits_without_a_true_difference_that_are_told_apart_are_false_alarms():
    generator = np.random.default_rng(1)
    fold = np.stack([generator.permutation(200) % 10 for _ in range(2)])
    table = {"pixels": [f"{row}" for row in range(200)], "folds": [" ".join(map(str, of)) for of in fold.T]}

    def commit(accuracy):
        right = np.tile((generator.random(200) < accuracy).astype(int), (2, 1))
        return {"true": 0.5, "predictions": table | {"right": ["".join(map(str, of)) for of in right.T]}}

    # In one of four datasets, one commit is far better by chance.
    results = [{"one": commit(0.5), "other": commit(accuracy)} for accuracy in (0.5, 0.95, 0.5, 0.5)]
    assert coverage.false_alarms(results, ("one", "other"))["false_alarms"] == 1 / 4


def test_a_dataset_is_measured_with_the_code_of_the_stage():
    generator = np.random.default_rng(0)
    classes = np.arange(300) % 6
    features = generator.normal(size=(6, 220))[classes][:, None] + generator.normal(size=(300, 2, 220))
    settings = params_file.load(SAMPLE_PARAMS)
    recipe = settings.train_tl.model_copy(update={"epochs": 3})
    settings = settings.model_copy(update={"train_tl": recipe, "batch_size": 8})
    population = (classes, [f"{number:016x}" for number in range(300)], features.astype(np.float32))
    result = coverage.measure(population, size=120, number=0, settings=settings)
    for name, commit in result.items():
        accuracy, low, high = coverage.accuracy_with_interval(commit)
        # The classes are far apart: both estimates are near 1, and with half of the channels still high.
        assert low <= accuracy <= high and min(accuracy, commit["true"]) > (0.6 if "half" in name else 0.9)
        assert len(set(commit["predictions"]["pixels"])) == 120
    assert coverage.compare(result).images == 120
    assert set(result) == {"fewer_channels", "all_channels", "another_seed", "one_half", "other_half"}
    pixels = {tuple(commit["predictions"]["pixels"]) for commit in result.values()}
    folds_of = {tuple(commit["predictions"]["folds"]) for commit in result.values()}
    assert len(pixels) == len(folds_of) == 1
    rights = [commit["predictions"]["right"] for commit in result.values()]
    assert rights[1] != rights[2] or rights[3] != rights[4]


PROBE = """
import time
from pathlib import Path
from transfer.caching import state_file
def main():
    state_file.save(Path("state.npz"), {}, {})
    time.sleep(0.5)
"""


@pytest.mark.slow
def test_the_cost_of_the_state_is_the_time_in_the_functions_that_keep_it(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/probe.py").write_text(PROBE)
    for change in costs.VARIANTS.values():
        seconds = costs.time_stage(tmp_path, "probe", change)
        assert 0 < seconds["state"] < 0.5 < seconds["stage"]


def test_the_cost_of_determinism_is_the_median_of_the_ratios():
    stage_seconds = {"as_it_is": (11.0, 12.0, 30.0), "without_determinism": (10.0, 10.0, 10.0)}
    runs = {
        name: [{"stage": stage, "state": 0.6} for stage in of_variant] for name, of_variant in stage_seconds.items()
    }
    shares = costs.relative_costs(runs)
    assert shares["determinism"] == pytest.approx(0.2)
    assert shares["state"] == pytest.approx(0.6 / 12)
    low, high = shares["determinism_interval"]
    assert low == pytest.approx(0.1) and high == pytest.approx(2.0)


def test_the_documentation_has_the_tables_of_the_committed_measurement():
    results = io.read_json(ROOT / "benchmarks/results/bench.json")
    table = tables.markdown(results)
    assert table == (ROOT / "benchmarks/results/bench.md").read_text(encoding="utf-8")
    assert table in (ROOT / "docs/explanation/performance.md").read_text(encoding="utf-8")


def test_a_ratio_is_the_seconds_of_the_study_divided_by_those_of_the_pipeline():
    notebook = {"timed_steps": 3, "train_tl": {"epoch_seconds": 80.0}, "frozen_500": {"epoch_seconds": 120.0}}
    runs = [{"seconds": seconds, "peak_bytes": 1, "validation_accuracy": 0.7} for seconds in (90.0, 80.0, 1000.0)]
    fast = [{"seconds": 30.0, "peak_bytes": 1, "validation_accuracy": 0.75}]
    one_pass = {"images_per_second": 12.6, "matrix_product_gflops": 382, "share_of_ceiling": 0.96}
    prediction = {"photographs": 9, "images_per_second": 50.0, "ratio": 0.9, "peak_bytes": {"8": 1e8, "24": 1.1e8}}
    results = {
        "machine": {"processors": 2, "processor": "some", "tensorflow": "2"},
        "passes": {"float32": one_pass, "bfloat16": one_pass},
        "MobileNetV2": {
            "notebook": runs,
            "one_view": fast,
            "default_views": fast,
            "head_again": [9.0],
            "nothing": [0.8],
            "prediction": prediction,
        },
        "InceptionResNetV2": {
            "notebook": {"float32": notebook, "bfloat16": notebook},
            "float32": {"seconds": 100.0},
            "bfloat16": {"seconds": 80.0},
            "head_again": [10.0],
            "precision": "bfloat16",
            "fine_tuning": {
                "timed_share": 0.25,
                "rounds": {
                    "500": {
                        "prefix_seconds": {"1": 50.0, "4": 130.0},
                        "epoch_seconds": 40.0,
                        "tracing_seconds": 30.0,
                        "frozen_share": 0.5,
                    }
                },
            },
        },
        "memory": {"peak_bytes": {"prepare": {"10": 1e8, "100": 1.1e8}}, "ratio": {"prepare": 1.1}},
    }
    text = tables.markdown(results)
    # The median of the study's runs, five of its epochs, and ten of its epochs of fine-tuning.
    assert "MobileNetV2 224, one view | 90.0 s | 30.0 s | 3.00 |" in text
    assert "5 epochs against one view, float32 * | 400.0 s | 100.0 s | 4.00 |" in text
    assert "500 frozen, bfloat16 against float32 ** | 120.0 s | 40.0 s | 3.00 |" in text
    assert "500 frozen, with the prefix of one view ** | 1200.0 s | 480.0 s | 2.50 |" in text
    assert "500 frozen, with the prefix of 4 views ** | 1200.0 s | 560.0 s | 2.14 |" in text
    # Half of the multiplications are frozen: an epoch of the study costs 0.5 + 3 x 0.5 = 2 forward passes, one of the
    # pipeline 1.5. Ten epochs cost 20, and 15.5 including the frozen half, which runs once.
    speed_up = "1.33 with 500 layers frozen (1.29 over 10 epochs, including the prefix of one view)."
    assert f"expected speed-up of fine-tuning, counting multiplications only, at equal precision, is {speed_up}" in text
    assert "| prepare | 100 | 110 | 1.10 |" in text
    assert "50.0 images a second in the model, 90% of the features stage's rate" in text
    # The results of a run that has not ended yet.
    assert tables.markdown({key: results[key] for key in ("machine", "passes")}).count("\n| float32 | 12.6 |") == 1
    assert tables.rows({"machine": results["machine"]}) == []


def test_images_are_divided_again_with_as_many_of_each_class_in_each_split():
    of_images = np.repeat([0, 1], [6, 4])
    splits = np.array([*["train"] * 4, "validation", "test", "train", "train", "validation", "test"])
    again = saying_no.split_again(of_images, splits, seed=1)
    assert sorted(again[:6]) == sorted(splits[:6]) and sorted(again[6:]) == sorted(splits[6:])
    assert any((saying_no.split_again(of_images, splits, seed) != splits).any() for seed in range(3))


def test_scores_of_other_sets_are_sums_of_probabilities_with_a_penalty():
    probabilities = np.array([[0.2, 0.5, 0.3]])
    assert saying_no.cumulated(probabilities, 0)[0].tolist() == pytest.approx([1, 0.5, 0.8])
    assert saying_no.cumulated(probabilities, 0.1)[0].tolist() == pytest.approx([1.2, 0.5, 0.9])


def test_sets_are_judged_by_coverage_size_and_worst_class():
    sets = np.array([[True, False], [True, True], [True, False], [False, True]])
    scores = saying_no.judge(sets, np.array([0, 0, 1, 1]))
    assert scores == {"coverage": 3 / 4, "size": 5 / 4, "coverage_of_the_worst_class": 1 / 2}


def test_the_cost_of_an_image_is_without_starting_programs():
    def measured(seconds, size):
        return {"operations": {"dvc add": {"seconds": seconds, "peak_bytes": 5e7}}, "bytes": {"prepared": size}}

    starts = [measured(seconds, 1000) for seconds in (2.0, 9.0, 1.0)]
    results = {"10100": measured(12.0, 11_000), "20100": measured(24.0, 21_000)}
    report = sizing.summarize(starts, results)
    # The median start takes 2 s, so 10,000 more images take 10 s, and 20,000 take 22 s.
    assert report["seconds_an_image"]["dvc add"] == pytest.approx({"10100": 0.001, "20100": 0.0011})
    assert report["flatness"]["dvc add"] == pytest.approx(1.1)
    assert report["bytes_an_image"]["prepared"] == pytest.approx({"10100": 1, "20100": 1})
    table = sizing.markdown(report)
    assert "| `dvc add` | 1.00 | 1.10 | 50 MB |" in table
    assert (
        "| `dvc add` | 0.0 h | 0.3 h | 30.6 h |" in table and "| prepared, disk | 0.0 GB | 0.0 GB | 0.1 GB |" in table
    )


def test_the_rate_of_an_engine_leaves_out_its_first_batches():
    instants = [0.0] * engines.WARM_UP + [10.0, 20.0]
    assert engines.rate(instants) == pytest.approx(2 * engines.BATCH / 20)
    seen = {"instants": instants, "driver_bytes": [1, 9, 2, 3, 4, 5, 6, 7], "store_bytes": [3, 5]}
    peaks = engines.peaks(seen)
    assert (peaks["driver_bytes"], peaks["driver_bytes_second_half"], peaks["store_bytes"]) == (9, 7, 5)


def test_workers_that_wait_take_the_time_of_the_network_and_of_a_batch(monkeypatch):
    waits = []
    monkeypatch.setattr(cluster_model.time, "sleep", waits.append)
    engine = cluster_model.Waiting(3, 0.5, 1000, shared=False)
    batches = [(number, np.zeros((4, 10), np.uint8)) for number in range(20)]
    results = dict(engine.map(None, iter(batches)))
    assert sorted(results) == list(range(20)) and results[0][0].shape == (4, cluster_model.CHANNELS)
    assert sorted(waits) == [0.04] * 20 + [0.5] * 20


def test_the_whole_study_is_the_sum_of_its_trainings():
    class Parts:
        def notebook_steps(self, backbone, precision, *cuts):
            assert (backbone, cuts) == ("InceptionResNetV2", ("500", "300"))
            return {
                "train_tl": {"epoch_seconds": 8},
                "frozen_500": {"epoch_seconds": 10},
                "frozen_300": {"epoch_seconds": 20},
            }

        def cold_run(self, backbone, changes):
            assert changes == {"augment.views": 1, "evaluate.views": 1, "precision": "bfloat16"}
            return {"seconds": 30}, "clone"

        def run_benchmark(self, module, *options, folder):
            one = {"prefix_seconds": {"1": 5}, "tracing_seconds": 1, "epoch_seconds": 4}
            return {"rounds": {"500": one, "300": {**one, "epoch_seconds": 10}}}

    result = whole_study.measure(Parts(), "bfloat16")
    # 5, 10 and 5 epochs, as the study trained.
    assert result["study"] == {"train_tl": 40, "500": 100, "300": 100}
    assert result["pipeline"] == {"train_tl": 30, "500": 46, "300": 56}
    assert result["ratio"] == pytest.approx(240 / 132)
