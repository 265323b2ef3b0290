"""Results in words: leakage and mistakes."""

import pandas as pd
import pytest

from commands.formatting import sentences


def test_the_most_confident_mistakes_come_first():
    predictions = pd.DataFrame(
        [
            ("finetune", "test/a/1.jpg", "0", "a", "b", 0.4),
            ("finetune", "test/a/2.jpg", "1", "a", "a", 0.9),
            ("finetune", "test/b/1.jpg", "2", "b", "c", 0.75),
            ("train_tl", "test/c/1.jpg", "3", "c", "b", 0.99),
        ],
        columns=["model", "path", "pixels", "actual", "predicted", "probability"],
    )
    assert sentences.mistakes(predictions, "finetune") == [
        ["test/b/1.jpg", "b", "c", "0.7500"],
        ["test/a/1.jpg", "a", "b", "0.4000"],
    ]


def metrics_with(near_duplicates, others, in_train=None):
    """Metrics with this many test images that have a near-duplicate, and other test images.

    Args:
        in_train: how many of 50 validation images have a near-duplicate in training; None if they were not compared.
    """
    without = (
        {"accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 0.875}
        if others
        else dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"))
    )
    models = ("train_tl", "finetune")
    return {model: {"accuracy": 0.8} for model in models} | {
        "near_duplicates": {
            "threshold": 0.85,
            "compared_with": "train and validation",
            "highest_cosine": 0.8612,
            "images": near_duplicates,
            "without": {"images": others} | dict.fromkeys(models, without),
            "validation_in_train": None if in_train is None else {"images": in_train, "of": 50, "highest_cosine": 0.9},
        }
    }


@pytest.mark.parametrize(
    ("near_duplicates", "others", "text"),
    [
        (
            0,
            100,
            "None of 100 test images has a near-duplicate in train and validation: the highest cosine of two features "
            "is 0.861, and the threshold is 0.85 (evaluate.near_duplicate).",
        ),
        (
            4,
            96,
            "4 of 100 test images have a near-duplicate in train and validation: an image whose feature has a cosine "
            "of at least 0.85 (evaluate.near_duplicate) with that of the test image. Test accuracy on the other 96: "
            "transfer learning 75.0% (50.0% to 87.5%) instead of 80.0%; fine-tuned 75.0% (50.0% to 87.5%) instead of "
            "80.0%.",
        ),
        (
            100,
            0,
            "100 of 100 test images have a near-duplicate in train and validation: an image whose feature has a cosine "
            "of at least 0.85 (evaluate.near_duplicate) with that of the test image. Without them no test image is "
            "left: the threshold is too low for this backbone.",
        ),
    ],
)
def test_near_duplicates_and_the_accuracy_without_them_are_described(near_duplicates, others, text):
    assert " ".join(sentences.leakage(metrics_with(near_duplicates, others))) == text


@pytest.mark.parametrize(("in_train", "count"), [(0, "None of 50"), (1, "1 of 50"), (3, "3 of 50")])
def test_the_last_sentence_is_on_validation_images_with_a_near_duplicate_in_training(in_train, count):
    last = sentences.leakage(metrics_with(4, 96, in_train))[-1]
    verb = "have" if in_train == 3 else "has"
    assert last == f"{count} validation images, which select rounds and models, {verb} one in training."


def test_the_first_sentence_says_if_training_was_not_compared():
    metrics = metrics_with(1, 99)
    metrics["near_duplicates"]["compared_with"] = "validation"
    first, second, _ = sentences.leakage(metrics)
    assert first == "Training images were not compared: they have no features, because augment.views is 0."
    assert second.startswith("1 of 100 test images has a near-duplicate in validation: an image whose")
