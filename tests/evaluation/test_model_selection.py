"""The selection of a model by its validation metrics."""

from transfer.evaluation import model_selection


def select(head, tuned):
    """The selected model and the reason, given (accuracy, loss) of both models."""
    names = ("accuracy", "loss")
    validation = {"train_tl": dict(zip(names, head, strict=True)), "finetune": dict(zip(names, tuned, strict=True))}
    return model_selection.select_model(validation)


def test_the_best_validation_accuracy_wins_and_ties_go_to_the_smaller_loss_or_the_first_model():
    assert select((0.9, 0.1), (0.91, 0.9))[0] == "finetune"
    assert select((0.91, 0.9), (0.9, 0.1))[0] == "train_tl"
    assert select((0.9, 0.4), (0.9, 0.3)) == (
        "finetune",
        "finetune is selected for its validation accuracy, 0.9000, which train_tl has too, "
        "but with a loss of 0.4000 against 0.3000; the test images have no say.",
    )
    assert select((0.9, 0.4), (0.9, 0.4))[0] == "train_tl"
    assert "0.9100 against 0.9000 of train_tl" in select((0.9, 0.1), (0.91, 0.9))[1]
