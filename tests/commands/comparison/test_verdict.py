"""The verdict: better, worse or not to be told apart, with figures worked out by hand."""

import pytest

from commands.comparison import verdict
from commands.comparison.predictions import Change
from transfer.evaluation.significance import MacroF1Comparison, PairedComparison

METRICS = {
    "selected": "finetune",
    "finetune": {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.875},
    "comparison": {"both_right": 70, "only_train_tl_right": 2, "only_finetune_right": 10, "neither_right": 18},
}


def change(both, only_first, only_second, neither, **values):
    """A change of the selected model."""
    overall = PairedComparison(both, only_first, only_second, neither)
    counts = {"different": only_first + only_second, "gone": 0, "added": 0, "relabelled": 0} | values
    return Change("fine-tuned", overall, MacroF1Comparison(0.5, 0.5, 1.0), {}, **counts)


def since(*counts, selected=("finetune", "finetune"), **values):
    return verdict.since("main", METRICS, change(*counts, **values), selected)


def test_a_run_leads_with_its_recipe_and_gives_the_test_split_for_what_it_is():
    recipe = {"accuracy": 0.79, "accuracy_low": 0.76, "accuracy_high": 0.82}
    run = verdict.of_run(METRICS, recipe | {"estimates": "accuracy on new images", "notes": ["Fewer folds."]})
    assert run.title == "Cross-validated accuracy 79.0% (76.0% to 82.0%)"
    estimate, selected, sentence = run.sentences
    assert estimate == "It estimates the accuracy on new images. Fewer folds."
    assert selected == (
        "The selected model (fine-tuned) is right on 80 of the 100 images of one test split: 80.0% (70.0% to 87.5%), "
        "a 95 % interval 18 points wide."
    )
    # The two tails of 12 fair coins with at most 2 heads: 2 * (1 + 12 + 66) / 4096.
    assert sentence.startswith(
        "Fine-tuning beats transfer learning by more than chance: of 100 test images, 10 are right only after "
        "fine-tuning, 2 only after transfer learning. Accuracy +8.0 points, 95 % interval +"
    )
    assert sentence.endswith("; exact McNemar p = 0.039.")


@pytest.mark.parametrize(
    ("only_head", "only_tuned", "beginning"),
    [
        (10, 2, "Transfer learning beats fine-tuning by more than chance: "),
        (5, 7, "Whether fine-tuning or transfer learning is better cannot be told: "),
        (0, 0, "Whether fine-tuning or transfer learning is better cannot be told: "),
        (
            0,
            1,
            "Whether fine-tuning or transfer learning is better cannot be told: of 89 test images, 1 is right only "
            "after fine-tuning, 0 only after transfer learning.",
        ),
    ],
)
def test_fine_tuning_may_be_worse_or_the_difference_chance(only_head, only_tuned, beginning):
    counts = {"both_right": 70, "only_train_tl_right": only_head, "only_finetune_right": only_tuned}
    assert verdict.between_models({"comparison": counts | {"neither_right": 18}}).startswith(beginning)


def test_a_comparison_is_better_worse_or_not_to_be_told_apart():
    better, worse, equal = since(70, 2, 10, 18), since(70, 10, 2, 18), since(70, 5, 7, 18)
    assert (better.kind, better.title) == ("better", "Better than main")
    assert (worse.kind, worse.title) == ("worse", "Worse than main")
    assert (equal.kind, equal.title) == ("equal", "Cannot be told apart from main")
    assert better.sentences[0] == (
        "On the same 100 test images, the selected model (fine-tuned) is right on 80; before, on 72. "
        "10 are right only now, 2 only before."
    )
    assert since(70, 0, 1, 29).sentences[0].endswith(" 1 is right only now, 0 only before.")
    assert better.sentences[1].startswith("Accuracy +8.0 points, 95 % interval +")
    assert "cannot be excluded" in equal.sentences[2] and len(better.sentences) == len(worse.sentences) == 2
    assert [name for name, _ in better.facts] == ["Selected now", "Fine-tuning"]


def test_equal_predictions_are_told_from_equal_numbers():
    same, other = since(80, 0, 0, 20), since(80, 0, 0, 20, different=3)
    assert (same.kind, same.title) == ("equal", "The same predictions as main")
    assert same.sentences[0].endswith("is right on 80; before, on 80. All predictions are the same.")
    assert other.predictions_changed and not same.predictions_changed
    assert other.title == "Cannot be told apart from main"
    assert other.sentences[0].endswith("is right on 80; before, on 80. The images that are right are the same.")


def test_the_verdict_names_the_models_and_the_images_that_it_compares():
    [first, *_] = since(70, 2, 10, 18, selected=("train_tl", "finetune"), gone=3, added=4).sentences
    assert first.startswith(
        "On the 100 test images that both revisions have (3 removed, 4 added), the selected model (fine-tuned, in main "
        "transfer learning) is right on 80"
    )
    [first, *_] = since(70, 2, 10, 18, selected=(None, "finetune")).sentences
    assert "the fine-tuned model (main does not say which one it selected) is right on 80" in first


def test_nothing_in_common_is_a_verdict_too():
    impossible = verdict.impossible("main", METRICS, "No image in common.")
    assert (impossible.kind, impossible.title) == ("unknown", "Cannot be compared with main")
    assert impossible.sentences == ["No image in common."]


def test_the_interval_of_a_difference_is_the_one_of_tables():
    # Clopper-Pearson for 10 of 12, from printed tables: 0.5159 to 0.9791. Of 100 images, (2p - 1) * 12 / 100.
    low, high = verdict.difference_interval(PairedComparison(70, 2, 10, 18))
    assert (low, high) == pytest.approx(((2 * 0.5159 - 1) * 0.12, (2 * 0.9791 - 1) * 0.12), abs=1e-4)
    assert verdict.difference_interval(PairedComparison(70, 0, 0, 30)) is None


def test_the_interval_contains_zero_where_the_test_finds_no_difference():
    for first in range(12):
        for second in range(12):
            compared = PairedComparison(50, first, second, 5)
            if interval := verdict.difference_interval(compared):
                assert (interval[0] <= 0 <= interval[1]) == (compared.p_value >= 0.05)


def test_a_revision_that_is_written_from_right_to_left_is_isolated():
    name = "\N{ARABIC LETTER ALEF}"
    title = verdict.impossible(name, METRICS, "").title
    assert title == f"Cannot be compared with \N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"
